"""A locust file: customers' admins at the admin portal in the morning, and one who enrolls many learners meanwhile.

`bench.morning` runs it and says in the file that PORTAL_SCENE names who there is. Everybody signs in through the page
and opens the portal's pages one after the other; each asks what it asks in a browser, preflights included, and gives a
while to read (contract: clients 2 and 3).
"""

from __future__ import annotations

import json
import os
import random
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from locust import FastHttpUser, between, task
from locust.exception import RescheduleTask, StopUser

SCENE: dict[str, Any] = json.loads(Path(os.environ["PORTAL_SCENE"]).read_text(encoding="utf-8"))
PEOPLE: Iterator[dict[str, str]] = cycle(SCENE["people"])
API = "/enterprise/api/v1"
CUSTOMER, LEARNERS = f"{API}/enterprise-customer", f"{API}/enterprise-learner/"
# What browsers ask leave for before a read and before a write.
READ_HEADERS, WRITE_HEADERS = "use-jwt-cookie", "content-type,use-jwt-cookie,x-csrftoken"
PAGES_FOLLOWED = 5  # of a list that the portal reads whole: a thousand of them would be one person's morning


class Portal(FastHttpUser):
    """Somebody who is signed in, with a browser that has the portal open."""

    abstract = True
    connection_timeout = network_timeout = 60.0

    def on_start(self) -> None:
        self.person = self.who()
        self.customer = self.person["customer"]
        self.csrf_token = ""
        self.allowed: set[tuple[str, str]] = set()
        self.sign_in()
        with suppress(RescheduleTask):  # what failed is noted
            self.open_portal()

    def who(self) -> dict[str, str]:
        return next(PEOPLE)

    def sign_in(self) -> None:
        """Through the form of the page, as far as the redirect that leads back to the portal."""
        page = f"{SCENE['origin']}/{self.person['slug']}/admin/learners"
        self.client.get(f"/login?{urlencode({'next': page})}", name="sign-in page")
        cookies = {cookie.name: cookie.value for cookie in self.client.cookiejar}
        form = {
            "csrfmiddlewaretoken": cookies.get("csrftoken", ""),
            "email_or_username": self.person["username"],
            "password": SCENE["password"],
            "next": page,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Referer": f"{self.host}/login"}
        asked = {"data": urlencode(form), "headers": headers, "allow_redirects": False, "catch_response": True}
        with self.client.post("/login", name="sign-in", **asked) as answer:
            if answer.status_code == 302 and answer.headers["Location"] == page:
                answer.success()
            else:
                answer.failure(f"{answer.status_code}, not signed in")
                raise StopUser

    # --- How the portal asks ---

    def get(
        self, name: str, path: str, query: Mapping[str, Any] | None = None, accepted: tuple[int, ...] = (200,)
    ) -> Any:
        return self.ask("GET", name, f"{path}?{urlencode(query)}" if query else path, accepted)

    def write(self, method: str, name: str, path: str, body: Any, accepted: tuple[int, ...], **headers: str) -> Any:
        """With a CSRF token, which is asked for before the first one and kept."""
        self.csrf_token = self.csrf_token or self.get("CSRF token", "/csrf/api/v1/token")["csrfToken"]
        return self.ask(method, name, path, accepted, body, {"X-CSRFToken": self.csrf_token, **headers})

    def ask(
        self,
        method: str,
        name: str,
        address: str,
        accepted: tuple[int, ...],
        body: Any = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """The body of the answer, parsed; one that is not accepted is a failure, and ends the visit to the page."""
        self.preflight(method, address)
        sent = {"Origin": SCENE["origin"], "USE-JWT-COOKIE": "true", **(headers or {})}
        asked = {"json": body, "headers": sent, "name": name, "catch_response": True}
        with self.client.request(method, address, **asked) as answer:
            if answer.status_code not in accepted:
                answer.failure(f"{answer.status_code} {(answer.text or '')[:100]}")
                raise RescheduleTask
            answer.success()
            return answer.json() if answer.text else None

    def preflight(self, method: str, address: str) -> None:
        """Browsers ask once for each address and keep the answer."""
        if (method, address) in self.allowed:
            return
        self.allowed.add((method, address))
        headers = {
            "Origin": SCENE["origin"],
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": READ_HEADERS if method == "GET" else WRITE_HEADERS,
        }
        self.client.options(address, name="preflight", headers=headers)

    def follow(self, name: str, page: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """A page of a list and some that come after it."""
        for _ in range(PAGES_FOLLOWED):
            yield page
            if not page["next"]:
                return
            parts = urlsplit(page["next"])
            page = self.ask("GET", name, f"{parts.path}?{parts.query}", (200,))

    # --- What is asked at every start ---

    def open_portal(self) -> None:
        self.get("account", f"/api/user/v1/accounts/{self.person['username']}")
        own = {"page": 1, "page_size": 50, "enterprise_slug": self.person["slug"]}
        self.get("dashboard: customer", f"{CUSTOMER}/dashboard_list/", own)
        record = next(iter(self.get("dashboard: own record", f"{API}/enterprise-customer-admin/")["results"]), None)
        list(self.follow("dashboard: own links", self.get("dashboard: own links", LEARNERS, self.own_links)))
        for _ in range(2):
            self.get("groups", f"{API}/enterprise_group/", {"enterprise_uuids": self.customer})
        self.get("members: number", f"{API}/enterprise-customer-members/{self.customer}", {"page": 1, "page_size": 1})
        self.get("dashboard: budgets", f"{API}/enterprise-group/")
        self.get("customer", f"{CUSTOMER}/{self.customer}/")
        if record and not record["onboarding_tour_dismissed"]:
            address = f"{API}/enterprise-customer-admin/{record['uuid']}/"
            self.write("PATCH", "dashboard: dismiss the tour", address, {"onboarding_tour_dismissed": True}, (200,))

    @property
    def own_links(self) -> dict[str, Any]:
        return {"username": self.person["username"], "page": 1}


class Admin(Portal):
    """An admin who looks around: most of all for learners."""

    wait_time = between(1, 4)

    @task(2)
    def start_again(self) -> None:
        self.open_portal()

    @task(1)
    def choose_a_customer(self) -> None:
        path = f"{CUSTOMER}/dashboard_list/"
        self.get("customers to choose from", path, {"page": 1, "page_size": 50})
        self.get("customers, searched", path, {"page": 1, "page_size": 50, "search": self.person["slug"][:6]})

    @task(4)
    def leaf_through_the_members(self) -> None:
        shown = {"page_size": 10, "sort_by": random.choice(["name", "joined_org"])}
        pages = self.members("members", page=1, **shown)["num_pages"]
        for page in random.sample(range(1, pages + 1), min(pages, 2)):
            self.members("members", page=page, **shown)

    @task(4)
    def look_for_a_learner(self) -> None:
        looked_for = random.choice([f"crew{random.randrange(10_000)}@", "eve", f"learner{random.randrange(800)}@"])
        found = self.members("members, searched", page=1, page_size=10, user_query=looked_for)["results"]
        if not found:
            return
        learner = found[0]["enterprise_customer_user"]["user_id"]
        self.members("learner", page=1, page_size=1, user_id=learner)
        path = f"{API}/enterprise-group-membership/"
        self.get("learner: groups", path, {"lms_user_id": learner, "enterprise_uuid": self.customer})

    def members(self, name: str, **query: Any) -> Any:
        return self.get(name, f"{API}/enterprise-customer-members/{self.customer}", query)

    @task(3)
    def look_at_a_group(self) -> None:
        query = {"enterprise_uuids": self.customer, "page_size": 100}
        groups = self.get("groups", f"{API}/enterprise_group/", query)["results"]
        if not groups:
            return
        group = random.choice(groups)["uuid"]
        self.get("group", f"{API}/enterprise_group/{group}/")
        path = f"{API}/enterprise-group/{group}/learners"
        for page in self.follow("group: learners", self.get("group: learners", path, {"page": 1, "page_size": 10})):
            if random.random() < 0.5 or not page["results"]:
                break
        order = random.choice(["member_details", "recent_action", "enrollment_count"])
        self.get("group: learners, sorted", path, {"page": 1, "page_size": 10, "sort_by": order})
        if random.random() < 0.2:
            self.widen(group)

    def widen(self, group: str) -> None:
        """Puts three more people into a group, of whom the service has not heard."""
        address = f"{API}/enterprise_group/{group}/assign_learners/"
        people = {"learner_emails": [f"{uuid4().hex[:12]}@morning.example" for _ in range(3)]}
        self.write("POST", "group: more learners", address, people, (200, 201))

    @task(2)
    def see_who_is_a_learner(self) -> None:
        query = {"enterprise_customer": self.customer, "page": 1}
        list(self.follow("learners", self.get("learners", LEARNERS, query)))

    @task(3)
    def leaf_through_the_enrollments(self) -> None:
        path = f"{API}/enterprise-course-enrollment/"
        pages = self.get("enrollments", path)["num_pages"]
        for page in random.sample(range(1, pages + 1), min(pages, 2)):
            self.get("enrollments", path, {"page": page})

    @task(1)
    def look_at_the_settings(self) -> None:
        customer = {"enterprise_customer": self.customer}
        keys = {"ordering": "-created", "enterprise_customer_uuid": self.customer}
        self.get("settings: invite keys", f"{API}/enterprise-customer-invite-key/basic-list/", keys)
        credentials = f"{API}/enterprise-customer-api-credentials/{self.customer}/"
        self.get("settings: API credentials", credentials, accepted=(200, 403, 404))
        configurations = f"{API}/enterprise_customer_sso_configuration/"
        self.get("settings: single sign-on", configurations, customer, (200, 404))
        providers = {"enterprise_customer_uuid": self.customer}
        self.get("settings: providers", "/auth/saml/v0/provider_config/", providers, (200, 404))
        self.get("settings: reports", f"{API}/enterprise_customer_reporting/", {**customer, "page": 1})
        self.get("settings: kinds of reports", f"{API}/enterprise_report_types/{self.customer}")
        self.get("settings: channels", "/channel_integrations/api/v1/configs/", customer)


class BulkAdmin(Portal):
    """An admin who enrolls many learners at once, as a job, watches it until it is done, and some time later again."""

    fixed_count = 1
    wait_time = between(0, 0)

    def on_start(self) -> None:
        super().on_start()
        self.rounds = iter(enumerate(SCENE["runs"]))

    def who(self) -> dict[str, str]:
        person: dict[str, str] = SCENE["bulk_admin"]
        return person

    @task
    def enroll(self) -> None:
        """Half of the learners have an account; all are told."""
        number, run = next(self.rounds, (0, ""))
        if not run:
            raise StopUser
        began = time.monotonic()
        addresses = [f"crew{n}@fleet.example" for n in range(SCENE["rows"] // 2)]
        addresses += [f"morning{number}-{n}@fleet.example" for n in range(SCENE["rows"] - len(addresses))]
        rows = [{"email": each, "course_run_key": run, "license_uuid": str(uuid4())} for each in addresses]
        path = f"{CUSTOMER}/{self.customer}/enroll_learners_in_courses/"
        body = {"enrollments_info": rows, "notify": True}
        job = self.write("POST", "bulk job", path, body, (202,), Prefer="respond-async")
        address = f"{CUSTOMER}/{self.customer}/bulk-jobs/{job['id']}/"
        while job["state"] not in ("finished", "cancelled"):
            time.sleep(1)
            job = self.get("bulk job: how far", address)
        self.get("bulk job: results", f"{address}rows/", {"state": "pending", "page": 1})
        time.sleep(max(0.0, SCENE["pause"] - (time.monotonic() - began)))
