"""A mail server that is away, refuses, answers slowly or not at all: mail is late, never doubled, never lost unseen."""

from __future__ import annotations

import pytest

from bench import service as real
from tests.load.scene import PATIENT, RUN, Watch, check_mail
from tests.load.servers import MailServer

pytestmark = pytest.mark.services

MAILS = 40
JOB = f"""
from decimal import Decimal
from uuid import uuid4
from enterprise.bulk.rows import RowInput
from enterprise.models import EnterpriseCustomer
from enterprise.services import jobs
rows = [RowInput(None, f"learner{{n}}@x.example", "{RUN}", uuid4()) for n in range({MAILS})]
job = jobs.create(EnterpriseCustomer.objects.get(), None, rows, notify=True, discount=Decimal(0))
jobs.start(job)
"""


def test_a_mail_server_in_trouble_makes_mail_late_and_neither_doubles_nor_loses_it(
    site: real.Service, watch: Watch, mail: MailServer
) -> None:
    site.environment["EMAIL_TIMEOUT"] = "1"
    mail.be("refuses")
    site.start_worker(2)
    site.start_beat()
    site.manage("shell", "--no-imports", "--command", JOB)
    real.wait_for("the job, which waits for no mail", watch.has_ended, PATIENT, 0.2)

    _wait_for_tries(watch, 1)
    _check_failures(watch, error="451", seconds=(30, 90))

    watch.let_pauses_pass()
    _wait_for_tries(watch, 2)
    _check_failures(watch, error="451", seconds=(60, 180))

    mail.kill()
    watch.let_pauses_pass()
    _wait_for_tries(watch, 3)
    _check_failures(watch, error="cannot be reached", seconds=(150, 330))
    assert site.mailed() == []

    mail.start("slow")
    watch.let_pauses_pass()
    real.wait_for("a mail in doubt", lambda: watch.count(IN_DOUBT) >= 2, PATIENT, 0.05)
    slow = watch.count(IN_DOUBT)
    mail.be("loses")
    real.wait_for("more in doubt", lambda: watch.count(IN_DOUBT) >= slow + 2, PATIENT, 0.05)
    mail.be("takes")
    watch.settle_mail()

    in_doubt = watch.count(IN_DOUBT)
    check_mail(site, watch, MAILS, in_doubt)
    assert in_doubt < MAILS
    assert watch.count(f"{IN_DOUBT} AND last_error LIKE 'It may have been sent: %'") == in_doubt
    assert len(site.mailed()) == MAILS, "all arrived, those in doubt too, and none was sent again"


IN_DOUBT = "enrollments_outboxmessage WHERE state = 'unknown'"


def _wait_for_tries(watch: Watch, tries: int) -> None:
    failed = f"enrollments_outboxmessage WHERE state = 'failed' AND attempts = {tries}"
    real.wait_for(f"try {tries} to fail", lambda: watch.count(failed) == MAILS, PATIENT, 0.1)


def _check_failures(watch: Watch, error: str, seconds: tuple[int, int]) -> None:
    """All mails say why they failed, and pause about as long as they should."""
    shortest, longest = seconds
    pausing = f"next_attempt_at - now() BETWEEN interval '{shortest} s' AND interval '{longest} s'"
    assert watch.count(f"enrollments_outboxmessage WHERE last_error LIKE '%{error}%' AND {pausing}") == MAILS
