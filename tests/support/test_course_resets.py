"""GET and POST /support/course_reset/{username_or_email} (contract: support, section 3)."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from enrollments.models import CourseGrade, RetirementState, UserRetirementStatus
from support.models import CourseResetAudit
from support.services import course_resets
from tests.factories import (
    CourseGradeFactory,
    CourseResetAuditFactory,
    CourseResetOptInFactory,
    UserFactory,
)
from tests.parallel import at_once, concurrent_writers
from tests.support.agents import ANONYMOUS
from tests.support.scenes import ago, enrolled, run_with

pytestmark = pytest.mark.django_db
Status = CourseResetAudit.Status


def url(person: str = "mira") -> str:
    return f"/support/course_reset/{person}"


@pytest.fixture
def run():
    return run_with("audit", "verified", id="course-v1:Oak+BIO1+2024", display_name="Biology One")


@pytest.fixture
def opt_in(run):
    return CourseResetOptInFactory(course_id=run.pk)


@pytest.fixture
def enrollment(run, mira):
    return enrolled(run, mira, mode="verified")


@pytest.fixture
def waiting(monkeypatch):
    """Tasks are queued and not run."""
    queued = []
    monkeypatch.setattr(course_resets, "_queue", queued.append)
    return queued


def post(client, run, person="mira", **body):
    return client.post(url(person), {"course_id": run.pk, **body}, format="json")


def audited(opt_in, enrollment, sue, **fields) -> CourseResetAudit:
    return CourseResetAuditFactory(course=opt_in, course_enrollment=enrollment, reset_by=sue, **fields)


# --- Who may ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["get", "post"])
def test_whoever_is_not_signed_in_is_refused(client, method):
    answer = getattr(client, method)(url())
    assert (answer.status_code, answer.json()) == (401, ANONYMOUS)


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("fields", [{}, {"superuser": True}], ids=["learner", "superuser"])
def test_whoever_is_no_agent_is_refused_without_a_word(as_user, opt_in, enrollment, run, method, fields):
    answer = getattr(as_user(UserFactory(**fields)), method)(url(), {"course_id": run.pk}, format="json")
    assert (answer.status_code, answer.content) == (403, b"")
    assert not CourseResetAudit.objects.exists()


def test_staff_may_and_a_session_needs_a_csrf_token(by_session, opt_in, enrollment, run, waiting):
    client = by_session(UserFactory(staff=True))
    assert client.get(url()).status_code == 200
    assert post(client, run).status_code == 201
    refused = post(by_session(UserFactory(staff=True), enforce_csrf_checks=True), run)
    assert refused.status_code == 403
    assert refused.json()["detail"].startswith("CSRF Failed")


@pytest.mark.parametrize("path", ["mira/", "mi%20ra", "mira%0A", "mi!ra", ""])
def test_the_path_takes_a_person_and_nothing_else(desk, mira, path):
    assert desk.get(url(path)).status_code == 404


def test_other_methods_are_not_allowed(desk):
    assert desk.patch(url()).status_code == desk.delete(url()).status_code == 405


# --- GET --------------------------------------------------------------------------------------------------------------


def test_nobody_has_nothing(desk):
    answer = desk.get(url("nobody"))
    assert (answer.status_code, answer.content) == (200, b"[]")


@pytest.mark.parametrize("person", ["mira", "mira@oak.example"])
def test_a_course_that_can_be_reset_is_available(desk, opt_in, enrollment, run, person):
    assert desk.get(url(person)).json() == [
        {"course_id": run.pk, "display_name": "Biology One", "can_reset": True, "comment": "", "status": "Available"}
    ]


def test_courses_are_ordered_by_key(desk, mira):
    keys = ["course-v1:Acme+b+R", "course-v1:Acme+C+R", "course-v1:Acme+a+R"]
    for key in keys:
        run = run_with(id=key)
        CourseResetOptInFactory(course_id=key)
        enrolled(run, mira)
    assert [row["course_id"] for row in desk.get(url()).json()] == sorted(keys)


def test_only_active_enrollments_in_runs_with_an_active_opt_in_are_listed(desk, mira):
    runs = [run_with() for _ in range(4)]
    enrolled(runs[0], mira, is_active=False)
    enrolled(runs[1], mira)
    enrolled(runs[2], mira)
    enrolled(runs[3])
    for run, active in ((runs[0], True), (runs[1], False), (runs[3], True)):
        CourseResetOptInFactory(course_id=run.pk, active=active)
    assert desk.get(url()).json() == []


def test_an_enrollment_in_a_run_that_is_gone_is_left_out(desk, opt_in, enrollment, run):
    run.delete()
    assert desk.get(url()).json() == []


def test_a_retiring_learner_is_found_by_email_alone(desk, opt_in, enrollment, mira, run):
    state, _ = RetirementState.objects.get_or_create(state_name="PENDING", defaults={"state_execution_order": 1})
    UserRetirementStatus.objects.create(
        user=mira, original_username="mira", original_email=mira.email, current_state=state, last_state=state
    )
    assert desk.get(url()).json() == []
    assert len(desk.get(url("mira@oak.example")).json()) == 1
    refused = post(desk, run)
    assert (refused.status_code, refused.json()) == (404, {"error": "User does not exist"})


def set_dates(run, **dates) -> None:
    for name, moment in dates.items():
        setattr(run, name, moment)
    run.save()


@pytest.mark.parametrize(
    ("dates", "status"),
    [
        ({"start": ago(-10)}, "Course Not Started"),
        ({"start": None}, "Course Not Started"),
        ({"start": ago(-10), "end": ago(5)}, "Course Not Started"),
        ({"end": ago(1)}, "Course Ended"),
        ({"end": None}, "Learner Has Passing Grade"),
        ({"end": ago(-1)}, "Learner Has Passing Grade"),
    ],
)
def test_the_first_reason_wins_and_the_latest_comment_is_shown(desk, opt_in, enrollment, run, mira, sue, dates, status):
    CourseGradeFactory(user=mira, course_id=run.pk)
    audited(opt_in, enrollment, sue, status=Status.FAILED, comment="early")
    set_dates(run, **dates)
    (row,) = desk.get(url()).json()
    assert (row["can_reset"], row["status"], row["comment"]) == (False, status, "early")
    refused = post(desk, run)
    assert (refused.status_code, refused.json()) == (400, {"error": f"Cannot reset course: {status}"})


@pytest.mark.parametrize("grade", [{"passed": False}, {"error": "unreadable"}])
def test_a_grade_that_is_no_pass_or_cannot_be_read_does_not_count(desk, opt_in, enrollment, run, mira, grade):
    CourseGradeFactory(user=mira, course_id=run.pk, **grade)
    CourseGradeFactory(course_id=run.pk)
    CourseGradeFactory(user=mira)
    assert desk.get(url()).json()[0]["can_reset"] is True


CREATED = datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
MODIFIED = datetime(2024, 1, 2, 3, 4, 6, 789, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "text", "can_reset"),
    [
        (Status.ENQUEUED, "Enqueued - Created 2024-01-02 03:04:05+00:00 by sue", False),
        (Status.IN_PROGRESS, "In progress - Started on 2024-01-02 03:04:06.000789+00:00 by sue", False),
        (Status.COMPLETE, "Completed on 2024-01-02 05:00:00+00:00 by sue", False),
        (Status.FAILED, "Failed on 2024-01-02 03:04:06.000789+00:00", True),
    ],
)
def test_the_latest_audit_tells_how_far_a_reset_is(desk, opt_in, enrollment, sue, status, text, can_reset):
    moments = {"created": CREATED, "modified": MODIFIED, "completed_at": CREATED.replace(hour=5, minute=0, second=0)}
    audited(opt_in, enrollment, sue, status=status, comment="stuck", **moments)
    other = Status.COMPLETE if can_reset else Status.FAILED
    audited(opt_in, enrollment, sue, status=other, comment="old", created=MODIFIED, modified=CREATED)
    (row,) = desk.get(url()).json()
    assert (row["status"], row["can_reset"], row["comment"]) == (text, can_reset, "stuck")


def test_a_list_costs_the_same_whatever_its_length(desk, sue, mira, django_assert_num_queries):
    for number in (1, 4):
        for run in [run_with() for _ in range(number)]:
            opt_in = CourseResetOptInFactory(course_id=run.pk)
            audited(opt_in, enrolled(run, mira), sue)
        # Caller, role, learner, retirement, enrollments with grades, runs, audits.
        with django_assert_num_queries(7):
            desk.get(url())


# --- POST -------------------------------------------------------------------------------------------------------------


def test_a_reset_is_noted_and_queued(desk, sue, opt_in, enrollment, run, waiting):
    answer = post(desk, run, comment="wants to try again")
    audit = CourseResetAudit.objects.get()
    assert (answer.status_code, answer.json()) == (
        201,
        {
            "course_id": run.pk,
            "display_name": "Biology One",
            "can_reset": False,
            "comment": "wants to try again",
            "status": f"Enqueued - Created {audit.created} by sue",
        },
    )
    assert (audit.course, audit.course_enrollment, audit.reset_by) == (opt_in, enrollment, sue)
    assert (audit.status, audit.completed_at, waiting) == ("enqueued", None, [audit.pk])
    assert desk.get(url()).json() == [answer.json()]
    again = post(desk, run)
    assert (again.status_code, again.json()) == (400, {"error": f"Cannot reset course: {answer.json()['status']}"})
    assert CourseResetAudit.objects.count() == 1


def test_after_a_failure_it_can_be_tried_again(desk, opt_in, enrollment, run, sue, waiting):
    audited(opt_in, enrollment, sue, status=Status.FAILED)
    assert post(desk, run, comment=None).json()["comment"] == ""
    assert CourseResetAudit.objects.count() == 2


def test_form_fields_are_taken_too(desk, opt_in, enrollment, run, waiting):
    answer = desk.post(url("mira@oak.example"), {"course_id": run.pk, "comment": "c" * 255})
    assert (answer.status_code, answer.json()["comment"]) == (201, "c" * 255)


@pytest.mark.parametrize("body", [{}, {"comment": "c" * 256}])
def test_a_course_must_be_named(desk, mira, body):
    answer = desk.post(url("nobody"), body, format="json")
    assert (answer.status_code, answer.json()) == (400, {"error": "Must specify course id"})


@pytest.mark.parametrize("key", ["", "nonsense", None, 5, ["course-v1:A+B+C"], {"a": 1}, "k" * 10_000])
def test_what_is_no_key_is_refused(desk, mira, key):
    answer = desk.post(url("nobody"), {"course_id": key}, format="json")
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid course id"})


def test_an_unknown_learner_comes_before_an_unknown_course(desk):
    answer = desk.post(url("nobody"), {"course_id": "course-v1:No+Such+Run"}, format="json")
    assert (answer.status_code, answer.json()) == (404, {"error": "User does not exist"})


def test_a_course_without_an_active_opt_in_is_refused(desk, mira, run, enrollment):
    for opt_ins in (0, 1):
        for _ in range(opt_ins):
            CourseResetOptInFactory(course_id=run.pk, active=False)
        answer = post(desk, run)
        assert (answer.status_code, answer.json()) == (404, {"error": "Course is not eligible"})


def test_a_learner_who_is_not_active_in_the_course_is_refused(desk, mira, run, opt_in):
    for enrollments in (0, 1):
        for _ in range(enrollments):
            enrolled(run, mira, is_active=False)
        answer = post(desk, run)
        assert (answer.status_code, answer.json()) == (404, {"error": "Learner is not enrolled in course"})


@pytest.mark.parametrize("comment", ["c" * 256, "c" * 10_000, 5, ["x"], {"a": 1}, True])
def test_a_comment_is_a_text_of_at_most_255_characters(desk, opt_in, enrollment, run, comment):
    answer = post(desk, run, comment=comment)
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]
    assert not CourseResetAudit.objects.exists()


@pytest.mark.parametrize("body", ["[]", "null", "3", '"x"', "{", '{"course_id": "\\u0000"}'])
def test_a_body_that_is_no_object_is_refused(desk, mira, body):
    answer = desk.post(url(), body, content_type="application/json")
    assert answer.status_code == 400
    assert list(answer.json()) == ["error"]


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_of_two_simultaneous_posts_one_makes_an_audit(desk, opt_in, enrollment, run, waiting):
    answers = []
    assert at_once(*[lambda: answers.append(post(desk, run))] * 2) == []
    assert sorted(answer.status_code for answer in answers) == [201, 400]
    assert (CourseResetAudit.objects.count(), len(waiting)) == (1, 1)


def test_nothing_of_a_refused_request_is_kept(desk, opt_in, enrollment, run, mira):
    CourseGradeFactory(user=mira, course_id=run.pk)
    post(desk, run)
    assert CourseGrade.objects.count() == 1
    assert not CourseResetAudit.objects.exists()
