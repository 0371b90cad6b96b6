"""Bulk jobs and their mail survive the death of what they run on: real workers on PostgreSQL and Redis.

Each test has a database, a Redis and a mail server of its own. What must hold: every row is carried out once, nobody
gets a mail twice, no mail is lost unseen (a killed process leaves one in doubt at most), and the job ends by itself.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bench import service as real

pytestmark = pytest.mark.services

ROWS = 2_000
PATIENT = 60  # seconds; a quiet machine needs a third of it

# Everything that waits for a dead process waits seconds instead of minutes.
SHORT = {
    "BULK_JOB_CHUNK_SIZE": "25",
    "BULK_JOB_STALE_SECONDS": "2",
    "BULK_JOB_SLICE_SECONDS": "2",
    "CELERY_VISIBILITY_TIMEOUT": "5",
    "SWEEP_SECONDS": "1",
}


class Redis:
    """A Redis server of the test's own, that keeps what it was told when it is restarted."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, real.free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = ["--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--appendonly", "yes"]
        with (self.folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(["redis-server", *options], stdout=log, stderr=subprocess.STDOUT)
        real.wait_for("Redis", lambda: real.listens(self.port))

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(10)
            self.process = None


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    if shutil.which("redis-server") is None:
        pytest.skip("there is no redis-server here")
    server = Redis(tmp_path)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A database with a customer, a run, and accounts for half of the learners; every test gets a copy."""
    with real.database("matricula_faults_scene") as url:
        made = real.Service(tmp_path_factory.mktemp("scene"), {"DATABASE_URL": url, "CONN_MAX_AGE": "0"})
        made.manage("migrate", "--verbosity", "0")
        made.manage("shell", "--no-imports", "--command", SCENE)
        yield url


@pytest.fixture
def site(tmp_path: Path, redis: Redis, scene: str) -> Iterator[real.Service]:
    """A service of which only the mail server runs yet."""
    with real.database("matricula_faults", template=scene) as url:
        broker = f"redis://127.0.0.1:{redis.port}"
        addresses = {"DATABASE_URL": url, "REDIS_URL": f"{broker}/0", "CELERY_BROKER_URL": f"{broker}/1"}
        made = real.Service(tmp_path, {**addresses, **SHORT})
        made.start_sink()
        yield made
        made.stop()


SCENE = f"""
from enrollments.models import CourseMode, CourseOverview, User
from enrollments.models.courses import course_uuid
from enterprise.models import EnterpriseCustomer
key = "course-v1:Acme+Sail+T1"
CourseOverview.objects.create(id=key, uuid=course_uuid(key), org="Acme", display_name="Sailing")
CourseMode.objects.create(course_id=key, mode_slug="audit", mode_display_name="Audit")
EnterpriseCustomer.objects.create(name="Acme", slug="acme")
User.objects.bulk_create(User(username=f"learner{{n}}", email=f"learner{{n}}@x.example") for n in range({ROWS // 2}))
"""
JOB = f"""
from decimal import Decimal
from uuid import uuid4
from enterprise.bulk.rows import RowInput
from enterprise.models import EnterpriseCustomer
from enterprise.services import jobs
key = "course-v1:Acme+Sail+T1"
rows = [RowInput(None, f"learner{{n}}@x.example", key, uuid4()) for n in range({ROWS})]
job = jobs.create(EnterpriseCustomer.objects.get(), None, rows, notify=True, discount=Decimal(0))
jobs.start(job)
"""


class Watch:
    """Looks at the database of the service from outside."""

    def __init__(self, site: real.Service) -> None:
        self.connection = psycopg.connect(site.environment["DATABASE_URL"], autocommit=True)

    def one(self, query: str) -> object:
        row = self.connection.execute(query.encode()).fetchone()
        return row[0] if row else None

    def done(self) -> int:
        return int(str(self.one("SELECT done FROM enterprise_bulkjob")))

    def has_ended(self) -> bool:
        return self.one("SELECT state FROM enterprise_bulkjob") == "finished"

    def mails(self) -> dict[str, int]:
        found = self.connection.execute(b"SELECT state, count(*) FROM enrollments_outboxmessage GROUP BY state")
        return dict(found.fetchall())

    def settle_mail(self) -> None:
        """Waits until all mail is sent or in doubt. Once nothing moves any more, the lease that a dead process has on
        the rest of its batch, some minutes, is let pass."""
        moving, since = self.mails(), time.monotonic()
        while set(moving) - {"sent", "unknown"}:
            time.sleep(0.3)
            now = self.mails()
            if now != moving:
                moving, since = now, time.monotonic()
            elif time.monotonic() - since > 4:
                self.connection.execute(
                    b"UPDATE enrollments_outboxmessage SET next_attempt_at = now(),"
                    b" sending_since = sending_since - interval '1 hour' WHERE state IN ('queued', 'sending')"
                )
                since = time.monotonic() + PATIENT
            assert time.monotonic() < since + 2 * PATIENT, f"mail got stuck: {now}"


@pytest.fixture
def watch(site: real.Service) -> Iterator[Watch]:
    watching = Watch(site)
    yield watching
    watching.connection.close()


def test_a_worker_killed_in_the_middle_of_a_job_costs_nothing(site: real.Service, watch: Watch) -> None:
    worker = site.start_worker(2)
    site.start_beat()
    site.manage("shell", "--no-imports", "--command", JOB)
    real.wait_for("the job to begin", lambda: watch.done() >= ROWS // 10, PATIENT)

    victims = [worker.pid, *real.children(worker.pid)]
    for pid in victims:
        os.kill(pid, signal.SIGKILL)
    worker.wait(10)
    assert watch.done() < ROWS, "the job was done before anybody could be killed"
    site.start_worker(2, "successor")

    real.wait_for("the job to end", watch.has_ended, PATIENT, 0.2)
    watch.settle_mail()
    _check(site, watch, in_doubt=len(victims))


def test_one_process_killed_while_the_others_go_on_costs_nothing(site: real.Service, watch: Watch) -> None:
    worker = site.start_worker(2)
    site.start_beat()
    site.manage("shell", "--no-imports", "--command", JOB)
    real.wait_for("the job to begin", lambda: watch.done() >= ROWS // 10, PATIENT)

    os.kill(real.children(worker.pid)[0], signal.SIGKILL)
    assert watch.done() < ROWS, "the job was done before anybody could be killed"

    real.wait_for("the job to end", watch.has_ended, PATIENT, 0.2)
    watch.settle_mail()
    _check(site, watch, in_doubt=1)


def test_a_redis_that_is_restarted_in_the_middle_of_a_job_costs_nothing(
    site: real.Service, watch: Watch, redis: Redis
) -> None:
    site.start_worker(2)
    site.start_beat()
    site.manage("shell", "--no-imports", "--command", JOB)
    real.wait_for("the job to begin", lambda: watch.done() >= ROWS // 10, PATIENT)

    redis.kill()
    time.sleep(1)
    redis.start()

    real.wait_for("the job to end", watch.has_ended, PATIENT, 0.2)
    watch.settle_mail()
    _check(site, watch, in_doubt=0)


def _check(site: real.Service, watch: Watch, in_doubt: int) -> None:
    accounts = ROWS // 2
    counters = watch.connection.execute(
        b"SELECT done, succeeded, pending, failed, invalid, cancelled FROM enterprise_bulkjob"
    ).fetchone()
    assert counters == (ROWS, accounts, ROWS - accounts, 0, 0, 0)
    assert watch.one("SELECT count(*) FROM enterprise_bulkjobrow WHERE created") == ROWS
    for table in (
        "enrollments_courseenrollment",
        "enrollments_historicalcourseenrollment",
        "enterprise_enterprisecourseenrollment",
        "enterprise_licensedenterprisecourseenrollment",
    ):
        assert watch.one(f"SELECT count(*) FROM {table}") == accounts, table
    assert watch.one("SELECT count(*) FROM enterprise_pendingenrollment") == ROWS - accounts
    mails = watch.mails()
    arrived = Counter(recipient for recipient, _ in site.mailed())
    assert max(arrived.values()) == 1
    assert mails.get("unknown", 0) <= in_doubt
    assert mails["sent"] + mails.get("unknown", 0) == ROWS
    assert mails["sent"] <= len(arrived) <= ROWS, "what counts as sent has arrived"


EXPIRING = 1_000
EXPIRATION = f"""
from uuid import uuid4
from enrollments.models import CourseEnrollment, User
from enterprise.models import (
    EnterpriseCourseEnrollment, EnterpriseCustomer, EnterpriseCustomerUser, LicensedEnterpriseCourseEnrollment,
)
from enterprise.services import jobs, license_expiration
key, customer = "course-v1:Acme+Sail+T1", EnterpriseCustomer.objects.get()
people = User.objects.order_by("pk")[:{EXPIRING}]
for user in people:
    link = EnterpriseCustomerUser(enterprise_customer=customer, user_id=user.pk)
    link.save()
    CourseEnrollment.objects.create(user=user, course_id=key, mode="verified")
    enrollment = EnterpriseCourseEnrollment(enterprise_customer_user=link, course_id=key)
    enrollment.save()
    LicensedEnterpriseCourseEnrollment.objects.create(enterprise_course_enrollment=enrollment, license_uuid=uuid4())
licenses = list(LicensedEnterpriseCourseEnrollment.objects.values_list("license_uuid", flat=True))
(job,) = license_expiration.submit(people[0], licenses, [customer.pk], None)
jobs.start(job)
"""


def test_a_worker_killed_in_the_middle_of_an_expiration_costs_nothing(site: real.Service, watch: Watch) -> None:
    site.manage("shell", "--no-imports", "--command", EXPIRATION)
    worker = site.start_worker(2)
    site.start_beat()
    real.wait_for("the job to begin", lambda: watch.done() >= EXPIRING // 10, PATIENT)

    for pid in [worker.pid, *real.children(worker.pid)]:
        os.kill(pid, signal.SIGKILL)
    worker.wait(10)
    assert watch.done() < EXPIRING, "the job was done before anybody could be killed"
    site.start_worker(2, "successor")

    real.wait_for("the job to end", watch.has_ended, PATIENT, 0.2)
    counters = watch.connection.execute(b"SELECT done, succeeded, failed FROM enterprise_bulkjob").fetchone()
    assert counters == (EXPIRING, EXPIRING, 0)
    for counted in (
        "enterprise_licensedenterprisecourseenrollment WHERE is_revoked",
        "enterprise_historicallicensedenterprisecourseenrollment WHERE history_type = '~'",
        "enterprise_enterprisecourseenrollment WHERE unenrolled AND saved_for_later AND unenrolled_at IS NOT NULL",
        "enrollments_courseenrollment WHERE mode = 'audit' AND is_active",
        "enrollments_historicalcourseenrollment WHERE history_type = '~'",
    ):
        assert watch.one(f"SELECT count(*) FROM {counted}") == EXPIRING, counted
