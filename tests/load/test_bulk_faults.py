"""Bulk jobs and their mail survive the death of what they run on: real workers on PostgreSQL and Redis.

What must hold: every row is carried out once, nobody gets a mail twice, no mail is lost unseen (a killed process leaves
one in doubt at most), and the job ends by itself. `make faults` kills more often, in larger jobs.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

import pytest

from bench import service as real
from tests.load.scene import JOB, KILLS, PATIENT, ROWS, RUN, Client, Watch, check, kill
from tests.load.servers import Redis

pytestmark = [pytest.mark.services, pytest.mark.usefixtures("mail")]

SEED = int(os.environ.get("FAULT_SEED") or random.randrange(1_000_000))


def test_workers_killed_at_random_points_of_a_job_cost_nothing(site: real.Service, watch: Watch) -> None:
    dice = random.Random(SEED)
    points = [int(ROWS * (n + dice.uniform(0.1, 0.6)) / KILLS) for n in range(KILLS)]
    print(f"FAULT_SEED={SEED}: killed after {points} rows")  # noqa: T201 - shown when the test fails
    site.start_beat()
    site.manage("shell", "--no-imports", "--command", JOB)
    worker, victims = site.start_worker(2), 0
    for number, point in enumerate(points):
        real.wait_for(f"row {point}", lambda point=point: watch.done() >= point, PATIENT, 0.01)  # type: ignore[misc]
        time.sleep(dice.uniform(0, 0.05))  # anywhere in a chunk
        assert watch.done() < ROWS, "the job was done before anybody could be killed"
        victims += kill(worker)
        worker = site.start_worker(2, f"successor{number}")

    real.wait_for("the job to end", watch.has_ended, PATIENT, 0.2)
    watch.settle_mail()
    check(site, watch, in_doubt=victims)


def test_one_process_killed_while_the_others_go_on_costs_nothing(site: real.Service, watch: Watch) -> None:
    worker = site.start_worker(2)
    site.start_beat()
    site.manage("shell", "--no-imports", "--command", JOB)
    real.wait_for("the job to begin", lambda: watch.done() >= ROWS // 10, PATIENT)

    os.kill(real.children(worker.pid)[0], signal.SIGKILL)
    assert watch.done() < ROWS, "the job was done before anybody could be killed"

    real.wait_for("the job to end", watch.has_ended, PATIENT, 0.2)
    watch.settle_mail()
    check(site, watch, in_doubt=1)


def test_a_redis_that_goes_and_comes_back_in_the_middle_of_a_job_costs_nothing(
    site: real.Service, watch: Watch, redis: Redis, client_of: Callable[[], Client]
) -> None:
    site.start_worker(2)
    site.start_beat()
    site.start_web(1)
    site.manage("shell", "--no-imports", "--command", JOB)
    real.wait_for("the job to begin", lambda: watch.done() >= ROWS // 10, PATIENT)

    with client_of() as client:
        redis.kill()
        assert client.get("/readyz").status_code == 503
        accepted = client.enroll(["while@down.example"], at_once=False, notify=False)
        done = client.enroll(["at-once@down.example"], notify=False)
        redis.start()
        redis.hang()
        began = time.monotonic()
        hanging = client.enroll(["while@hanging.example"], at_once=False, notify=False)
        waited = time.monotonic() - began
        redis.go_on()
        real.wait_for("readiness", lambda: client.get("/readyz").status_code == 200, PATIENT, 0.2)

    assert (accepted.status_code, done.status_code, hanging.status_code) == (202, 202, 202)
    assert waited < 30, "a broker that hangs held a request"
    real.wait_for("the jobs to end", watch.has_ended, PATIENT, 0.2)
    watch.settle_mail()
    check(site, watch, in_doubt=0, beside=3)


def test_two_beats_at_once_cause_nothing_twice(site: real.Service, watch: Watch) -> None:
    site.environment["SWEEP_SECONDS"] = "0.3"
    worker = site.start_worker(2)
    site.start_beat()
    site.start_beat("second-beat")
    site.manage("shell", "--no-imports", "--command", JOB + INVITATIONS)
    real.wait_for("the job to begin", lambda: watch.done() >= ROWS // 10, PATIENT)
    assert watch.done() < ROWS, "the job was done before anybody could be killed"
    victims = kill(worker)
    site.start_worker(2, "successor")

    real.wait_for("the job to end", watch.has_ended, PATIENT, 0.2)
    real.wait_for("the reminders", lambda: watch.count(REMINDERS) == INVITED, PATIENT, 0.2)
    watch.settle_mail()
    check(site, watch, in_doubt=victims, reminders=INVITED)


INVITED = 20
REMINDERS = "enrollments_outboxmessage WHERE recipient LIKE 'admin%'"
# What each of two beats queues once a day.
INVITATIONS = f"""
from datetime import timedelta
from django.utils import timezone
from enterprise.models import PendingEnterpriseCustomerAdminUser as Invitation
from enterprise.tasks import remind_invited_admins
customer = EnterpriseCustomer.objects.get()
for n in range({INVITED}):
    Invitation.objects.create(enterprise_customer=customer, user_email=f"admin{{n}}@x.example")
Invitation.objects.update(created=timezone.now() - timedelta(days=40))
for _ in range(4):
    remind_invited_admins.delay()
"""


EXPIRING = ROWS // 2
EXPIRATION = f"""
from uuid import uuid4
from enrollments.models import CourseEnrollment, User
from enterprise.models import (
    EnterpriseCourseEnrollment, EnterpriseCustomer, EnterpriseCustomerUser, LicensedEnterpriseCourseEnrollment,
)
from enterprise.services import jobs, license_expiration
key, customer = "{RUN}", EnterpriseCustomer.objects.get()
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

    kill(worker)
    assert watch.done() < EXPIRING, "the job was done before anybody could be killed"
    site.start_worker(2, "successor")

    real.wait_for("the job to end", watch.has_ended, PATIENT, 0.2)
    assert watch.all("SELECT done, succeeded, failed FROM enterprise_bulkjob") == [(EXPIRING, EXPIRING, 0)]
    for counted in (
        "enterprise_licensedenterprisecourseenrollment WHERE is_revoked",
        "enterprise_historicallicensedenterprisecourseenrollment WHERE history_type = '~'",
        "enterprise_enterprisecourseenrollment WHERE unenrolled AND saved_for_later AND unenrolled_at IS NOT NULL",
        "enrollments_courseenrollment WHERE mode = 'audit' AND is_active",
        "enrollments_historicalcourseenrollment WHERE history_type = '~'",
    ):
        assert watch.count(counted) == EXPIRING, counted
