"""What requests cost: `python -m bench.endpoints [--seconds N]`.

For every endpoint: SQL statements, CPU per request in the web workers and in PostgreSQL (from /proc), requests per
second, latencies, bytes, and the multiple of the floor's CPU. The floor is a bare view behind the same authentication
that answers a constant of about as many bytes, measured right after the endpoint, on the same server: gunicorn with two
workers, four kept-alive connections. CPU is the steady figure; the others depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

from bench import service as real
from bench.scene import big_customer, many_customers

CONNECTIONS = 4
CUSTOMERS = 200
ENROLLMENTS = 200  # of the learner whose list is read
BULK_ROWS = 1_000
HELD_RUNS = 50_000  # of the catalog that is asked what it holds
HEADINGS = ("SQL", "web CPU ms", "PG CPU ms", "req/s", "p50 ms", "p99 ms", "bytes", "x floor")


@dataclass(frozen=True)
class Endpoint:
    """A request to repeat; `body(n)` is that of its n-th repetition, None for GET."""

    name: str
    path: str
    token: str
    body: Callable[[int], bytes] | None = None
    seconds: float | None = None
    connections: int = CONNECTIONS

    @property
    def method(self) -> str:
        return "POST" if self.body else "GET"


@dataclass(frozen=True)
class Measured:
    """What one endpoint cost."""

    web_ms: float
    database_ms: float
    per_second: float
    p50: float
    p99: float
    size: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=8, help="how long each endpoint is asked")
    parser.add_argument("--only", default="", help="names of endpoints that contain this")
    options = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        database_url = stack.enter_context(real.database("matricula_bench"))
        cache, broker = stack.enter_context(real.redis_databases(2))
        site = real.Service(
            folder,
            {
                "DATABASE_URL": database_url,
                "REDIS_URL": cache,
                "CELERY_BROKER_URL": broker,
                "DJANGO_SETTINGS_MODULE": "bench.settings",
            },
        )
        stack.callback(site.stop)
        bench = Bench(site, options.seconds)
        bench.run([each for each in bench.endpoints() if options.only in each.name])


class Bench:
    """A service with a scene to ask for."""

    def __init__(self, site: real.Service, seconds: float) -> None:
        self.site, self.seconds = site, seconds
        os.environ.update(site.environment)
        site.manage("migrate", "--verbosity", "0")
        import django

        django.setup()
        self._prepare()
        self.web = site.start_web(2)
        self.database = urlsplit(site.environment["DATABASE_URL"]).path.lstrip("/")

    def _prepare(self) -> None:
        from django.db import connection

        from enrollments.models import Course, CourseEnrollment, CourseMode, CourseOverview, Organization, User
        from enrollments.models.courses import course_uuid
        from enrollments.services.tokens import access_token_for
        from enterprise.models import (
            EnterpriseCustomer,
            EnterpriseCustomerCatalog,
            EnterpriseCustomerUser,
            EnterpriseGroup,
            SystemWideEnterpriseRole,
            SystemWideEnterpriseUserRoleAssignment,
        )
        from enterprise.services.catalogs import save_catalog

        organization = Organization.objects.create(short_name="Acme", name="Acme")
        runs = []
        for number in range(ENROLLMENTS):
            course = Course.objects.create(key=f"Acme+C{number}", title=f"Course {number}", organization=organization)
            key = f"course-v1:Acme+C{number}+T1"
            about = {"uuid": course_uuid(key), "course": course, "org": "Acme", "display_name": key}
            runs.append(CourseOverview.objects.create(id=key, **about))
            CourseMode.objects.create(course_id=key, mode_slug="audit", mode_display_name="Audit")
            CourseMode.objects.create(course_id=key, mode_slug="verified", mode_display_name="Verified", min_price=49)
        self.runs = [run.pk for run in runs]
        learner = User.objects.create_user("learner", "learner@acme.example", "!")
        staff = User.objects.create_user("staff", "staff@acme.example", "!", is_staff=True)
        boss = User.objects.create_user("boss", "boss@acme.example", "!")
        CourseEnrollment.objects.bulk_create(CourseEnrollment(user=learner, course_id=key) for key in self.runs)
        many = User.objects.bulk_create(
            User(username=f"learner{n}", email=f"learner{n}@acme.example", password="!") for n in range(20_000)
        )
        CourseEnrollment.objects.bulk_create(
            (CourseEnrollment(user=account, course_id=self.runs[n % 20]) for n, account in enumerate(many[:10_000])),
            batch_size=2_000,
        )
        self.many = [(account.pk, account.username) for account in many]
        self.fleet = big_customer(self.runs)
        self.customer = EnterpriseCustomer.objects.create(name="Acme", slug="acme")
        for number in range(30):
            self.catalog = EnterpriseCustomerCatalog(
                enterprise_customer=self.customer, title=f"Catalog {number}", content_filter={"content_type": "course"}
            )
            save_catalog(self.catalog)
        EnterpriseCustomerUser.objects.create(enterprise_customer=self.customer, user_id=boss.pk)
        role = SystemWideEnterpriseRole.objects.get(name="enterprise_admin")
        SystemWideEnterpriseUserRoleAssignment.objects.create(user=boss, role=role, enterprise_customer=self.customer)
        operator = User.objects.create_user("operator", "operator@acme.example", "!", is_staff=True)
        everywhere = SystemWideEnterpriseRole.objects.get(name="enterprise_openedx_operator")
        SystemWideEnterpriseUserRoleAssignment.objects.create(
            user=operator, role=everywhere, applies_to_all_contexts=True
        )
        self._prepare_content()
        self.customers = many_customers(CUSTOMERS, many)
        skipper = User.objects.create_user("skipper", "skipper@fleet.example", "!")
        EnterpriseCustomerUser.objects.create(enterprise_customer=self.fleet, user_id=skipper.pk)
        SystemWideEnterpriseUserRoleAssignment.objects.create(user=skipper, role=role, enterprise_customer=self.fleet)
        self.crew = list(User.objects.filter(username__startswith="crew").order_by("pk"))
        self.budget = EnterpriseGroup.objects.create(enterprise_customer=self.fleet, name="Budget", group_type="budget")
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # as autovacuum would have done by the time such a scene is asked about
        self.tokens = {
            account.username: access_token_for(account, scopes=["user_id", "email", "profile"], grant_type="password")
            for account in (learner, staff, boss, operator, skipper, self.crew[0])
        }

    def _prepare_content(self) -> None:
        """A catalog of many runs and their courses, put into the index itself; the other catalogs do not see them."""
        from config.db.sets import analyze
        from enterprise.content import index
        from enterprise.models import ContentItem, EnterpriseCustomer, EnterpriseCustomerCatalog

        self.holder = EnterpriseCustomer.objects.create(name="Holder", slug="holder")
        content_filter = {"org": "Bulk"}
        self.large = EnterpriseCustomerCatalog.objects.create(
            enterprise_customer=self.holder, content_filter=content_filter
        )
        items = []
        for number in range(HELD_RUNS):
            course, run = f"Bulk+C{number}", f"course-v1:Bulk+C{number}+T1"
            for content_type, key in (("course", course), ("courserun", run)):
                about = {"content_type": content_type, "key": key, "aggregation_key": f"{content_type}:{course}"}
                document = {**about, "title": key, "org": "Bulk", "partner": "edx", "has_enrollable_seats": True}
                if content_type == "course":
                    document["course_runs"] = []
                items.append(ContentItem(**about, title=key, course_key=course, document=document))
        ContentItem.objects.bulk_create(items, batch_size=2_000)
        index.insert_values(items)
        index.ensure([content_filter])
        index.refresh_all()
        analyze(ContentItem)

    def endpoints(self) -> list[Endpoint]:
        enrollment = "/api/enrollment/v1/enrollment"
        bulk = f"/enterprise/api/v1/enterprise-customer/{self.customer.pk}/enroll_learners_in_courses/"
        catalogs = "/enterprise/api/v1/enterprise_catalogs/"
        learner, staff, boss, operator = (self.tokens[name] for name in ("learner", "staff", "boss", "operator"))
        learners = f"/enterprise/api/v1/enterprise-learner/?enterprise_customer={self.fleet.pk}"
        skipper, crew = self.tokens["skipper"], self.tokens["crew0"]
        enrolled = "/enterprise/api/v1/enterprise-course-enrollment"
        of_crew = f"lms_user_id={self.crew[0].pk}&enterprise_uuid={self.fleet.pk}"
        single = f"/enterprise/api/v1/enterprise-customer/{self.fleet.pk}/course_enrollments/"
        longer = 3 * self.seconds
        members = f"/enterprise/api/v1/enterprise-customer-members/{self.fleet.pk}"
        support_users = f"/enterprise/api/v1/enterprise-customer-support/{self.fleet.pk}"
        group = f"/enterprise/api/v1/enterprise-group/{self.fleet.groups.order_by('created').first().pk}"
        customers = "/enterprise/api/v1/enterprise-customer/"
        return [
            Endpoint("floor", "/bench/floor?bytes=200", learner),
            Endpoint(f"GET enrollment ({ENROLLMENTS} enrollments)", enrollment, learner),
            Endpoint("GET enrollment/{run}", f"{enrollment}/{self.runs[0]}", learner),
            Endpoint("GET enrollments (page of 100)", "/api/enrollment/v1/enrollments", staff),
            Endpoint("GET enterprise_catalogs (page of 10)", catalogs, boss),
            Endpoint("GET enterprise_catalogs/{uuid} (20 documents)", f"{catalogs}{self.catalog.pk}/", boss),
            Endpoint(
                "GET enterprise_catalogs/{uuid} (100 documents)", f"{catalogs}{self.catalog.pk}/?page_size=100", boss
            ),
            Endpoint("learners of 10,000, first page", learners, staff),
            Endpoint("learners of 10,000, last page", f"{learners}&page=last", staff),
            Endpoint("learners of 10,000, page of 100", f"{learners}&page_size=100", staff),
            Endpoint("learners, own", "/enterprise/api/v1/enterprise-learner/", learner),
            Endpoint("enterprise enrollments, 20,000, first page", f"{enrolled}/", skipper),
            Endpoint("enterprise enrollments, page 1,000", f"{enrolled}/?page=1000", skipper),
            Endpoint("enterprise enrollments, last page", f"{enrolled}/?page=last", skipper),
            Endpoint("enterprise enrollments, for staff", f"{enrolled}/", staff),
            Endpoint("enterprise enrollments, own", f"{enrolled}/", crew),
            Endpoint("enterprise enrollments of a learner, by status", f"{enrolled}-admin?{of_crew}", staff),
            Endpoint("POST course_enrollments (one known item)", single, skipper, self._known_item),
            Endpoint("members of 10,000, first page", members, skipper),
            Endpoint("members of 10,000, last page", f"{members}?page=last", skipper),
            Endpoint("members of 10,000, a search", f"{members}?user_query=fay", skipper),
            Endpoint("admins of a customer", f"/enterprise/api/v1/{self.fleet.pk}/admins", skipper),
            Endpoint("groups of a customer", "/enterprise/api/v1/enterprise_group/", skipper),
            Endpoint("group learners of 1,000, first page", f"{group}/learners", skipper),
            Endpoint("group learners of 1,000, by address", f"{group}/learners?sort_by=member_details", skipper),
            Endpoint("support users of 10,000, first page", support_users, staff),
            Endpoint(
                "POST assign_learners (1,000 new members)",
                f"/enterprise/api/v1/enterprise_group/{self.budget.pk}/assign_learners",
                skipper,
                self._new_members,
                longer,
                connections=1,
            ),
            Endpoint(f"contains_content_items ({HELD_RUNS:,} runs)", self._contains(1), operator),
            Endpoint(f"contains_content_items, 50 asked ({HELD_RUNS:,} runs)", self._contains(50), operator),
            Endpoint(f"GET enterprise_catalogs/{{uuid}} ({HELD_RUNS:,} runs)", f"{catalogs}{self.large.pk}/", operator),
            Endpoint(
                f"the same, page 2,500 of 20 ({HELD_RUNS:,} runs)", f"{catalogs}{self.large.pk}/?page=2500", operator
            ),
            Endpoint("POST enrollment (new)", enrollment, staff, self._new_enrollment),
            Endpoint("POST enrollment (no change)", enrollment, learner, self._known_enrollment),
            Endpoint("customer list (page of 10)", customers, staff),
            Endpoint("customer detail", f"{customers}{self.customers[0]}/", staff),
            Endpoint("customer detail (by its admin)", f"{customers}{self.customer.pk}/", boss),
            Endpoint("customer dashboard_list", f"{customers}dashboard_list/", boss),
            Endpoint("customer support_tool (page of 10)", f"{customers}support_tool/", staff),
            Endpoint(f"customer basic_list ({CUSTOMERS})", f"{customers}basic_list/", staff),
            Endpoint(f"bulk POST, {BULK_ROWS:,} new rows", bulk, boss, self._new_rows, longer, connections=1),
            Endpoint(f"bulk POST, {BULK_ROWS:,} known rows", bulk, boss, self._known_rows, longer, connections=1),
        ]

    def _contains(self, number: int) -> str:
        asked = "&".join(f"course_run_ids=course-v1:Bulk%2BC{n * 900}%2BT1" for n in range(number))
        return f"/enterprise/api/v1/enterprise-customer/{self.holder.pk}/contains_content_items/?{asked}"

    def _new_enrollment(self, number: int) -> bytes:
        _, username = self.many[10_000 + number % 10_000]
        run = self.runs[100 + number // 10_000]
        return json.dumps({"user": username, "course_details": {"course_id": run}}).encode()

    def _known_enrollment(self, number: int) -> bytes:
        return json.dumps({"course_details": {"course_id": self.runs[number % ENROLLMENTS]}}).encode()

    def _new_members(self, number: int) -> bytes:
        """Half of them have an account and are learners already."""
        addresses = [self.crew[(number * 500 + n) % len(self.crew)].email for n in range(500)]
        addresses += [f"new{number}-{n}@fleet.example" for n in range(500)]
        return json.dumps({"learner_emails": addresses}).encode()

    def _known_item(self, number: int) -> bytes:
        account = self.crew[number % len(self.crew)]
        item = {"lms_user_id": account.pk, "course_run_id": self.runs[number % len(self.crew) % 40]}
        return json.dumps([{**item, "course_mode": "audit"}]).encode()

    def _new_rows(self, number: int) -> bytes:
        """Half of the learners have an account; a run that nobody of them is in yet."""
        run = self.runs[20 + number % 80]
        accounts = [self.many[(number * 500 + n) % 20_000][0] for n in range(BULK_ROWS // 2)]
        rows: list[dict[str, Any]] = [{"user_id": account} for account in accounts]
        rows += [{"email": f"new{number}-{n}@acme.example"} for n in range(BULK_ROWS // 2)]
        for row in rows:
            row |= {"course_run_key": run, "transaction_id": str(uuid4())}
        return json.dumps({"enrollments_info": rows, "notify": False}).encode()

    def _known_rows(self, number: int) -> bytes:
        if not hasattr(self, "_repeated"):
            self._repeated = self._new_rows(79)
        return self._repeated

    def run(self, endpoints: list[Endpoint]) -> None:
        width = max(len(endpoint.name) for endpoint in endpoints)
        print(f"{'':{width}}", *(f"{heading:>11}" for heading in HEADINGS))
        for endpoint in endpoints:
            statements = self.statements(endpoint)
            cost = self.measure(endpoint)
            floor = cost
            if endpoint.name != "floor":
                floor = self.measure(Endpoint("floor", f"/bench/floor?bytes={cost.size}", endpoint.token))
            multiple = (cost.web_ms + cost.database_ms) / (floor.web_ms + floor.database_ms)
            figures = (
                f"{statements}", f"{cost.web_ms:.2f}", f"{cost.database_ms:.2f}", f"{cost.per_second:.1f}",
                f"{cost.p50:.1f}", f"{cost.p99:.1f}", f"{cost.size:,}", f"{multiple:.1f}",
            )  # fmt: skip
            print(f"{endpoint.name:{width}}", *(f"{figure:>11}" for figure in figures), flush=True)

    def statements(self, endpoint: Endpoint) -> int:
        """Counted in this process, on the second request: the first one fills what is kept for a while."""
        from django.db import connection
        from django.test.utils import CaptureQueriesContext
        from rest_framework.test import APIClient

        client = APIClient(headers={"Authorization": f"JWT {endpoint.token}", "Host": "127.0.0.1"})
        captured = 0
        for number in (1, 2):
            with CaptureQueriesContext(connection) as queries:
                if endpoint.body:
                    body = endpoint.body(9_000 + number if endpoint.connections > 1 else 75 + number)
                    client.post(endpoint.path, body, content_type="application/json")
                else:
                    client.get(endpoint.path)
            captured = len(queries)
        return captured

    def measure(self, endpoint: Endpoint) -> Measured:
        """Asks for a while after a short warming up."""
        requests = Requests(endpoint, self.site.web_port)
        requests.ask(0.5 if endpoint.connections > 1 else 0)
        web = real.Meter(lambda: real.children(self.web.pid))
        database = real.Meter(lambda: real.backends(self.database))
        seconds = endpoint.seconds or self.seconds
        took = requests.ask(seconds)
        web.sample()
        database.sample()
        number = len(took)
        ordered = sorted(took)
        return Measured(
            web_ms=1000 * web.seconds / number,
            database_ms=1000 * database.seconds / number,
            per_second=number / requests.elapsed,
            p50=1000 * statistics.median(ordered),
            p99=1000 * ordered[min(number - 1, int(0.99 * number))],
            size=requests.size,
        )


class Requests:
    """Repeats an endpoint's request over kept-alive connections; every body is sent once."""

    def __init__(self, endpoint: Endpoint, port: int) -> None:
        self.endpoint, self.port = endpoint, port
        self.size = 0
        self.elapsed = 0.0
        self._number = 0
        self._lock = threading.Lock()
        self._failure: str | None = None

    def ask(self, seconds: float) -> list[float]:
        """The seconds that each request took.

        Raises:
            RuntimeError: an answer was no success.
        """
        took: list[float] = []
        began = time.monotonic()
        threads = [
            threading.Thread(target=self._connection, args=(began + seconds, took))
            for _ in range(self.endpoint.connections)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.elapsed = time.monotonic() - began
        if self._failure:
            raise RuntimeError(f"{self.endpoint.name}: {self._failure}")
        return took

    def _connection(self, until: float, took: list[float]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Authorization": f"JWT {self.endpoint.token}", "Content-Type": "application/json"}
        while not self._failure and time.monotonic() < until:
            with self._lock:
                number = self._number
                self._number += 1
            body = self.endpoint.body(number) if self.endpoint.body else None
            began = time.monotonic()
            connection.request(self.endpoint.method, self.endpoint.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            took.append(time.monotonic() - began)
            self.size = len(content)
            if answer.status >= 300:
                self._failure = f"{answer.status} {content[:300]!r}"
        connection.close()


if __name__ == "__main__":
    main()
