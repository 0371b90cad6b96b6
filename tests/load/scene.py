"""What the fault tests share: the world they begin with, the jobs they start, and what must hold after each of them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections import Counter
from uuid import NAMESPACE_URL, uuid5

import httpx
import psycopg

from bench import service as real

ROWS = int(os.environ.get("FAULT_ROWS") or 1_000)
KILLS = int(os.environ.get("FAULT_KILLS") or 2)
PATIENT = 120  # seconds; a quiet machine needs a sixth of it
RUN = "course-v1:Acme+Sail+T1"

# Everything that waits for a dead process waits seconds instead of minutes.
SHORT = {
    "BULK_JOB_CHUNK_SIZE": "25",
    "BULK_JOB_STALE_SECONDS": "2",
    "BULK_JOB_SLICE_SECONDS": "2",
    "CELERY_VISIBILITY_TIMEOUT": "5",
    "SWEEP_SECONDS": "1",
    "USER_RATE": "100000/minute",
    "JWT_ISSUER": "http://faults.example/oauth2",
    "JWT_ACCESS_TOKEN_EXPIRATION": "86400",
}

# Prints an admin's token and the customer's id.
SCENE = f"""
from enrollments.models import CourseMode, CourseOverview, User
from enrollments.models.courses import course_uuid
from enrollments.services import tokens
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser
from enterprise.services import roles
key = "{RUN}"
CourseOverview.objects.create(id=key, uuid=course_uuid(key), org="Acme", display_name="Sailing")
CourseMode.objects.create(course_id=key, mode_slug="audit", mode_display_name="Audit")
customer = EnterpriseCustomer.objects.create(name="Acme", slug="acme")
User.objects.bulk_create(User(username=f"learner{{n}}", email=f"learner{{n}}@x.example") for n in range({ROWS // 2}))
boss = User.objects.create(username="boss", email="boss@x.example")
EnterpriseCustomerUser(enterprise_customer=customer, user_id=boss.pk).save()
roles.assign(boss, "enterprise_openedx_operator", all_contexts=True)
print(tokens.access_token_for(boss, scopes=["user_id", "email", "profile"], grant_type="password"), customer.pk)
"""
JOB = f"""
from decimal import Decimal
from uuid import uuid4
from enterprise.bulk.rows import RowInput
from enterprise.models import EnterpriseCustomer
from enterprise.services import jobs
rows = [RowInput(None, f"learner{{n}}@x.example", "{RUN}", uuid4()) for n in range({ROWS})]
job = jobs.create(EnterpriseCustomer.objects.get(), None, rows, notify=True, discount=Decimal(0))
jobs.start(job)
"""


class Client(httpx.Client):
    """The customer's admin, who asks the service over HTTP."""

    def __init__(self, site: real.Service, token: str, customer: str) -> None:
        self.customer = customer
        super().__init__(
            base_url=f"http://127.0.0.1:{site.web_port}",
            headers={"Authorization": f"JWT {token}", "Accept": "application/json"},
            timeout=PATIENT,
        )

    def enroll(
        self, addresses: list[str], key: str = "", *, at_once: bool = True, notify: bool = True
    ) -> httpx.Response:
        """Asks for enrollments, by default in the request itself."""
        headers = {"Idempotency-Key": key} if key else {}
        if not at_once:
            headers["Prefer"] = "respond-async"
        rows = [
            {"email": address, "course_run_key": RUN, "license_uuid": str(uuid5(NAMESPACE_URL, address))}
            for address in addresses
        ]
        return self.post(
            f"/enterprise/api/v1/enterprise-customer/{self.customer}/enroll_learners_in_courses/",
            json={"licenses_info": rows, "notify": notify},
            headers=headers,
        )


class Watch:
    """Looks at the database of the service from outside, over connections of its own."""

    def __init__(self, site: real.Service) -> None:
        self.url = site.environment["DATABASE_URL"]

    def all(self, query: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    def one(self, query: str) -> object:
        rows = self.all(query)
        return rows[0][0] if rows else None

    def count(self, what: str) -> int:
        return int(str(self.one(f"SELECT count(*) FROM {what}")))

    def done(self) -> int:
        return int(str(self.one("SELECT coalesce(sum(done), 0) FROM enterprise_bulkjob")))

    def has_ended(self) -> bool:
        return self.count("enterprise_bulkjob WHERE state NOT IN ('finished', 'cancelled')") == 0

    def mails(self) -> dict[object, int]:
        found = self.all("SELECT state, count(*) FROM enrollments_outboxmessage GROUP BY state")
        return {state: int(str(number)) for state, number in found}

    def let_pauses_pass(self) -> None:
        """The pauses between tries, and the leases that dead processes have, some minutes, are over."""
        self.all(
            "UPDATE enrollments_outboxmessage SET next_attempt_at = now(),"
            " sending_since = sending_since - interval '1 hour' WHERE state IN ('queued', 'failed', 'sending')"
        )

    def settle_mail(self) -> None:
        """Waits until all mail is sent or in doubt."""
        deadline = time.monotonic() + 2 * PATIENT
        moving, since = self.mails(), time.monotonic()
        while set(moving) - {"sent", "unknown"}:
            time.sleep(0.3)
            now = self.mails()
            if now != moving:
                moving, since = now, time.monotonic()
            elif time.monotonic() - since > 4:
                self.let_pauses_pass()
                since = time.monotonic()
            assert time.monotonic() < deadline, f"mail got stuck: {now}"


def kill(process: subprocess.Popen[bytes]) -> int:
    """Kills a process and its children, which get no chance to clear up. Returns how many they were."""
    victims = [process.pid, *real.children(process.pid)]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    process.wait(10)
    return len(victims)


def check(site: real.Service, watch: Watch, in_doubt: int, beside: int = 0, reminders: int = 0) -> None:
    """Every row of JOB was carried out once, and nobody got a mail twice or none without a trace.

    Args:
        beside: how many people without an account other jobs enrolled, who get no mail.
        reminders: how many other mails were asked for.
    """
    accounts = ROWS // 2
    columns = "done, succeeded, pending, failed, invalid, cancelled"
    assert watch.all(f"SELECT {columns} FROM enterprise_bulkjob WHERE total = {ROWS}") == [
        (ROWS, accounts, ROWS - accounts, 0, 0, 0)
    ]
    assert watch.count("enterprise_bulkjobrow WHERE created") == ROWS + beside
    for table in (
        "enrollments_courseenrollment",
        "enrollments_historicalcourseenrollment",
        "enterprise_enterprisecourseenrollment",
        "enterprise_licensedenterprisecourseenrollment",
    ):
        assert watch.count(table) == accounts, table
    assert watch.count("enterprise_pendingenrollment") == ROWS - accounts + beside
    check_mail(site, watch, ROWS + reminders, in_doubt)


def check_mail(site: real.Service, watch: Watch, expected: int, in_doubt: int) -> None:
    """Of so many mails each was sent once, or is shown as in doubt; what counts as sent has arrived."""
    mails = watch.mails()
    arrived = Counter(recipient for recipient, _ in site.mailed())
    print(f"{mails}, {len(arrived)} arrived")  # noqa: T201 - figures for `make faults`
    assert max(arrived.values()) == 1
    assert mails.get("unknown", 0) <= in_doubt
    assert mails["sent"] + mails.get("unknown", 0) == expected
    sent = {
        recipient for (recipient,) in watch.all("SELECT recipient FROM enrollments_outboxmessage WHERE state = 'sent'")
    }
    assert sent <= arrived.keys()
