"""What the task behind a course reset does (contract: support, section 5)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from enrollments.models import BlockCompletion, CourseGrade, OutboxMessage
from enrollments.services import outbox, progress
from support.models import CourseResetAudit
from support.services import course_resets
from support.tasks import reset_course, resume_course_resets
from tests.factories import CourseGradeFactory, CourseResetAuditFactory, CourseResetOptInFactory, UserFactory
from tests.parallel import at_once, concurrent_writers
from tests.support.agents import agent
from tests.support.scenes import ago, enrolled, run_with

pytestmark = pytest.mark.django_db
Status = CourseResetAudit.Status


@pytest.fixture
def mira():
    return UserFactory(username="mira", email="mira@oak.example", profile__name="Mira Oak")


@pytest.fixture
def run():
    return run_with("audit", "verified", id="course-v1:Oak+BIO1+2024", display_name="Biology <One>")


@pytest.fixture
def enrollment(run, mira):
    return enrolled(run, mira, mode="verified")


@pytest.fixture
def audit(run, enrollment):
    opt_in = CourseResetOptInFactory(course_id=run.pk)
    return CourseResetAuditFactory(course=opt_in, course_enrollment=enrollment, lost_at=ago(-1))


@pytest.fixture
def achieved(mira, run):
    """A grade and a completion of the learner in the run, another's there, and the learner's elsewhere."""
    CourseGradeFactory(user=mira, course_id=run.pk, passed=False)
    BlockCompletion.objects.create(user=mira, course_id=run.pk, block_key="b")
    CourseGradeFactory(user=mira)
    BlockCompletion.objects.create(user=mira, course_id="course-v1:Acme+C1+T1", block_key="b")
    CourseGradeFactory(course_id=run.pk)


def of_learner(mira, run) -> tuple[int, int]:
    """How many grades and completions of the learner in the run there are."""
    facts = {"user": mira, "course_id": run.pk}
    return CourseGrade.objects.filter(**facts).count(), BlockCompletion.objects.filter(**facts).count()


def test_a_request_leads_to_a_complete_reset_and_a_mail(
    as_user, mira, run, enrollment, achieved, django_capture_on_commit_callbacks
):
    CourseResetOptInFactory(course_id=run.pk)
    desk, begin = as_user(agent(username="sue")), timezone.now()
    with django_capture_on_commit_callbacks(execute=True):
        answer = desk.post("/support/course_reset/mira", {"course_id": run.pk}, format="json")
    assert answer.json()["status"].startswith("Enqueued")
    audit = CourseResetAudit.objects.get()
    assert (audit.status, audit.lost_at) == ("complete", None)
    assert begin <= audit.completed_at <= audit.modified
    (row,) = desk.get("/support/course_reset/mira").json()
    assert (row["can_reset"], row["status"]) == (False, f"Completed on {audit.completed_at} by sue")
    assert of_learner(mira, run) == (0, 0)
    assert (CourseGrade.objects.count(), BlockCompletion.objects.count()) == (2, 1)
    enrollment.refresh_from_db()
    assert (enrollment.is_active, enrollment.mode) == (True, "verified")
    assert [letter.to for letter in mail.outbox] == [["mira@oak.example"]]


def test_the_mail_greets_the_learner_names_the_course_and_is_signed(
    audit, settings, django_capture_on_commit_callbacks
):
    settings.PLATFORM_NAME, settings.DEFAULT_FROM_EMAIL = "Oak Online", "desk@oak.example"
    with django_capture_on_commit_callbacks(execute=True):
        reset_course(audit.pk)
    (letter,) = mail.outbox
    assert (letter.subject, letter.from_email) == ("Biology <One> was reset for you", "desk@oak.example")
    html, kind = letter.alternatives[0]
    assert kind == "text/html"
    assert "Biology &lt;One&gt;" in html
    assert "Biology <One>" in letter.body
    for text in (letter.body, html):
        for words in ("Mira Oak", "was reset", "try the course again", "verified certificate", "Oak Online team"):
            assert words in text


def test_without_a_full_name_the_greeting_has_none(audit, mira, django_capture_on_commit_callbacks):
    mira.profile.delete()
    with django_capture_on_commit_callbacks(execute=True):
        reset_course(audit.pk)
    assert mail.outbox[0].body.startswith("Hello,\n")


def test_a_course_without_anything_achieved_is_reset_too(audit):
    reset_course(audit.pk)
    audit.refresh_from_db()
    assert audit.status == "complete"


def test_a_task_that_runs_twice_does_its_work_once(audit, mira, run, achieved):
    reset_course(audit.pk)
    audit.refresh_from_db()
    done = audit.completed_at
    CourseGradeFactory(user=mira, course_id=run.pk)
    reset_course(audit.pk)
    audit.refresh_from_db()
    assert (audit.status, audit.completed_at) == ("complete", done)
    assert of_learner(mira, run) == (1, 0)
    assert OutboxMessage.objects.count() == 1


@pytest.mark.parametrize("status", [Status.FAILED, Status.COMPLETE])
def test_an_audit_that_is_finished_is_left_alone(audit, mira, run, achieved, status):
    CourseResetAudit.objects.filter(pk=audit.pk).update(status=status)
    reset_course(audit.pk)
    audit.refresh_from_db()
    assert (audit.status, of_learner(mira, run)) == (status, (1, 1))


def test_a_failure_undoes_everything_and_is_logged(audit, mira, run, achieved, monkeypatch, caplog):
    def fails_halfway(enrollment):
        CourseGrade.objects.filter(user=enrollment.user).delete()
        raise RuntimeError("broken")

    monkeypatch.setattr(progress, "clear", fails_halfway)
    reset_course(audit.pk)
    audit.refresh_from_db()
    assert (audit.status, audit.completed_at, audit.lost_at) == ("failed", None, None)
    assert of_learner(mira, run) == (1, 1)
    assert not OutboxMessage.objects.exists()
    (line,) = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.getMessage() == f"course reset {audit.pk} failed"
    assert mira.email not in caplog.text


def test_a_learner_who_has_left_meanwhile_is_not_reset(audit, mira, run, enrollment, achieved):
    enrollment.is_active = False
    enrollment.save()
    reset_course(audit.pk)
    audit.refresh_from_db()
    assert (audit.status, of_learner(mira, run)) == ("failed", (1, 1))


def test_an_enrollment_that_is_deleted_makes_the_reset_fail(audit, enrollment):
    enrollment.delete()
    reset_course(audit.pk)
    audit.refresh_from_db()
    assert audit.status == "failed"


def test_a_mail_that_cannot_be_queued_does_not_undo_the_reset(audit, mira, run, achieved, monkeypatch):
    def broken(messages):
        raise RuntimeError("no outbox")

    monkeypatch.setattr(outbox, "queue", broken)
    reset_course(audit.pk)
    audit.refresh_from_db()
    assert (audit.status, of_learner(mira, run)) == ("complete", (0, 0))


def test_a_mail_that_cannot_be_sent_does_not_undo_the_reset(
    audit, mira, run, achieved, settings, django_capture_on_commit_callbacks
):
    settings.EMAIL_BACKEND = "no.such.Backend"
    with django_capture_on_commit_callbacks(execute=True):
        reset_course(audit.pk)
    audit.refresh_from_db()
    assert (audit.status, of_learner(mira, run)) == ("complete", (0, 0))
    assert OutboxMessage.objects.get().state == "failed"


def test_a_learner_without_an_address_is_reset_without_a_mail(audit, mira):
    type(mira).objects.filter(pk=mira.pk).update(email="")
    reset_course(audit.pk)
    audit.refresh_from_db()
    assert (audit.status, OutboxMessage.objects.count()) == ("complete", 0)


def test_what_is_gone_when_the_mail_is_written_sends_none(audit, run, django_capture_on_commit_callbacks):
    reset_course(audit.pk)
    run.delete()
    outbox.deliver()
    assert mail.outbox == []
    assert OutboxMessage.objects.get().state == "sent"


# --- A worker that dies -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [Status.ENQUEUED, Status.IN_PROGRESS])
def test_a_reset_whose_worker_died_is_resumed(audit, mira, run, achieved, status, django_capture_on_commit_callbacks):
    CourseResetAudit.objects.filter(pk=audit.pk).update(status=status, lost_at=ago(0.001))
    with django_capture_on_commit_callbacks(execute=True):
        resume_course_resets()
    audit.refresh_from_db()
    assert (audit.status, of_learner(mira, run)) == ("complete", (0, 0))


@pytest.mark.parametrize("lost_at", [None, timezone.now() + timedelta(days=1)], ids=["not at work", "still at work"])
def test_a_reset_that_nobody_has_lost_is_not_resumed(audit, lost_at, django_capture_on_commit_callbacks):
    CourseResetAudit.objects.filter(pk=audit.pk).update(lost_at=lost_at)
    with django_capture_on_commit_callbacks(execute=True):
        resume_course_resets()
    audit.refresh_from_db()
    assert audit.status == "enqueued"


def test_a_resumed_reset_is_queued_once(audit, monkeypatch):
    queued = []
    monkeypatch.setattr(course_resets, "_queue", queued.append)
    CourseResetAudit.objects.filter(pk=audit.pk).update(lost_at=ago(1))
    resume_course_resets()
    resume_course_resets()
    assert queued == [audit.pk]


def test_the_sweep_is_in_the_schedule(settings):
    tasks = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert resume_course_resets.name in tasks


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_two_workers_on_one_reset_do_it_once(audit, mira, run, achieved):
    assert at_once(*[lambda: reset_course(audit.pk)] * 2) == []
    audit.refresh_from_db()
    assert (audit.status, OutboxMessage.objects.count()) == ("complete", 1)
