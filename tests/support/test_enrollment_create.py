"""POST enrollment/{username_or_email}: an agent enrolls a learner (contract: support)."""

from __future__ import annotations

from datetime import timedelta

import pytest
import structlog
from django.core import mail
from django.test import Client
from django.utils import timezone

from enrollments.models import CourseEnrollment, CourseEnrollmentAllowed, ManualEnrollmentAudit
from tests.factories import (
    CourseEnrollmentAllowedFactory,
    CourseEnrollmentFactory,
    CourseModeFactory,
    CourseRunFactory,
)
from tests.parallel import at_once, concurrent_writers
from tests.support.agents import agent, signed_in

pytestmark = pytest.mark.django_db
BIO = "course-v1:OakU+BIO1+2024"
GONE = "course-v1:OakU+GONE+1"
BODY = {"course_id": BIO, "mode": "verified", "reason": "Upset Learner"}


def post(client, person="mira", without=(), **fields):
    body = {name: value for name, value in {**BODY, **fields}.items() if name not in without}
    return client.post(f"/support/enrollment/{person}", body, format="json")


def refused(answer, text):
    """Whether the answer is the bare sentence, and nothing came of the request."""
    assert (answer.status_code, answer.content.decode()) == (400, text)
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert not ManualEnrollmentAudit.objects.exists()
    return True


@pytest.fixture
def bio():
    return CourseRunFactory(id=BIO, course=None, modes=["audit", "verified"])


# --- Success ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["mira", "mira@oak.example"])
def test_a_learner_is_enrolled_and_it_is_written_down_by_whom_and_why(desk, sue, mira, bio, person):
    answer = post(desk, person)

    enrollment = CourseEnrollment.objects.get()
    assert (enrollment.user, enrollment.course_id, enrollment.mode, enrollment.is_active) == (
        mira,
        BIO,
        "verified",
        True,
    )
    audit = ManualEnrollmentAudit.objects.get()
    assert (audit.enrollment, audit.enrolled_by, audit.enrolled_email) == (enrollment, sue, "mira@oak.example")
    assert (audit.state_transition, audit.reason, audit.role) == ("from unenrolled to enrolled", "Upset Learner", None)
    (row,) = desk.get(f"/support/enrollment/{person}").json()
    assert answer.status_code == 200
    assert answer.json() == row["manual_enrollment"]
    assert answer.json() == {
        "enrolled_by": "sue@desk.example",
        "time_stamp": answer.json()["time_stamp"],
        "reason": "Upset Learner",
    }
    assert answer.content.startswith(b'{\n  "enrolled_by"')


def test_the_audit_and_the_enrollment_keep_a_history_that_names_the_agent(desk, sue, mira, bio):
    post(desk)
    (change,) = ManualEnrollmentAudit.history.all()
    assert (change.history_type, change.history_user, change.reason) == ("+", sue, "Upset Learner")
    (change,) = CourseEnrollment.history.all()
    assert (change.history_type, change.history_user) == ("+", sue)


def test_a_form_is_taken_as_well(sue, mira, bio):
    assert signed_in(sue).post("/support/enrollment/mira", BODY).status_code == 200
    assert CourseEnrollment.objects.get().mode == "verified"


def test_a_session_needs_a_csrf_token(sue, mira, bio):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(sue)
    answer = browser.post("/support/enrollment/mira", BODY)
    assert answer.status_code == 403
    assert "detail" in answer.json()
    assert not CourseEnrollment.objects.exists()


@pytest.mark.parametrize("reason", ["", "x" * 10_000, None, "<b>why</b>"])
def test_a_reason_may_be_empty_or_long(desk, mira, bio, reason):
    assert post(desk, reason=reason).json()["reason"] == reason
    assert ManualEnrollmentAudit.objects.get().reason == reason


@pytest.mark.parametrize(
    "fields",
    [
        {"enrollment_end": timezone.now() - timedelta(days=1)},
        {"end": timezone.now() - timedelta(days=1)},
        {"invitation_only": True},
        {"max_student_enrollments_allowed": 0},
    ],
    ids=["closed", "ended", "invitation only", "full"],
)
def test_no_rule_of_access_keeps_an_agent_from_enrolling(desk, mira, fields):
    CourseRunFactory(id=BIO, course=None, modes=["verified"], **fields)
    assert post(desk).status_code == 200


def test_credit_counts_as_offered(desk, mira, bio):
    CourseModeFactory(course_id=BIO, mode_slug="credit")
    assert post(desk, mode="credit").status_code == 200


def test_an_expired_mode_can_be_given(desk, mira):
    CourseRunFactory(id=BIO, course=None)
    CourseModeFactory(course_id=BIO, mode_slug="verified", expired=True)
    assert post(desk).status_code == 200


def test_a_run_without_modes_has_the_implied_one(desk, mira):
    CourseRunFactory(id=BIO, course=None)
    assert post(desk, mode="audit").status_code == 200


def test_an_allowance_of_the_address_is_used_up(desk, mira, bio):
    CourseEnrollmentAllowedFactory(email=mira.email, course_id=BIO)
    post(desk)
    assert CourseEnrollmentAllowed.objects.get().user == mira


@pytest.mark.parametrize("mode", ["audit", "verified"])
def test_it_is_told_as_any_enrollment_is(desk, mira, bio, mode, django_capture_on_commit_callbacks):
    with structlog.testing.capture_logs() as lines, django_capture_on_commit_callbacks(execute=True):
        post(desk, mode=mode)
    events = [(line["event"], line["mode"]) for line in lines if line["event"].startswith("edx.")]
    changed = [("edx.course.enrollment.mode_changed", "verified")] if mode == "verified" else []
    assert events == [("edx.course.enrollment.activated", mode), *changed]


@pytest.mark.parametrize("wanted", [True, False])
def test_the_learner_is_mailed_where_the_deployment_wants_it(
    desk, mira, bio, settings, wanted, django_capture_on_commit_callbacks
):
    settings.SEND_ENROLLMENT_EMAIL = wanted
    with django_capture_on_commit_callbacks(execute=True):
        post(desk)
    assert [message.to for message in mail.outbox] == ([["mira@oak.example"]] if wanted else [])


# --- Refusals, in their order -----------------------------------------------------------------------------------------


def test_fields_are_asked_for_in_their_order(desk):
    """Before the person is looked for, whom nobody knows here."""
    everything = ("course_id", "mode", "reason")
    assert refused(post(desk, "ghost", without=everything), "The field 'course_id' is required.")
    assert refused(post(desk, "ghost", without=everything[1:], course_id="x"), "Could not parse course key.")
    assert refused(post(desk, "ghost", without=everything[1:]), "The field 'mode' is required.")
    assert refused(post(desk, "ghost", without=everything[2:]), "The field 'reason' is required.")
    assert refused(post(desk, "ghost"), "Could not find user ghost.")


@pytest.mark.parametrize("key", ["", "OakU+BIO1", 7, None, ["a"], {"a": 1}, True, "course-v1:" + "x" * 10_000, "<b>"])
def test_what_is_no_course_key_is_refused(desk, mira, key):
    assert refused(post(desk, course_id=key), "Could not parse course key.")


@pytest.mark.parametrize("is_active", [True, False])
@pytest.mark.parametrize("person", ["mira", "mira@oak.example"])
def test_an_enrollment_active_or_not_is_refused_again(desk, mira, bio, is_active, person):
    CourseEnrollmentFactory(user=mira, course_id=BIO, is_active=is_active)
    answer = post(desk, person, mode="no such mode")
    assert refused(answer, f"The user {person} is already enrolled in {BIO}.")
    assert CourseEnrollment.objects.get().is_active is is_active


def test_a_repeat_is_refused(desk, mira, bio):
    assert post(desk).status_code == 200
    answer = post(desk)
    assert (answer.status_code, answer.content.decode()) == (400, f"The user mira is already enrolled in {BIO}.")
    assert ManualEnrollmentAudit.objects.count() == 1


def test_a_mode_that_the_run_does_not_offer_is_refused_with_those_that_it_does(desk, mira, bio):
    CourseModeFactory(course_id=BIO, mode_slug="credit")
    CourseModeFactory(course_id=BIO, mode_slug="honor", expired=True)
    text = f"masters is not a valid mode for {BIO}. Possible valid modes are ['audit', 'verified', 'credit', 'honor']"
    assert refused(post(desk, mode="masters"), text)
    assert not CourseEnrollment.objects.exists()


def test_a_mode_of_two_currencies_is_listed_once(desk, mira, bio):
    CourseModeFactory(course_id=BIO, mode_slug="verified", currency="eur")
    assert refused(
        post(desk, mode="x"), f"x is not a valid mode for {BIO}. Possible valid modes are ['audit', 'verified']"
    )


def test_markup_in_a_mode_is_escaped(desk, mira, bio):
    offered = "Possible valid modes are ['audit', 'verified']"
    text = f"&lt;a b=&#34;c&#34;&gt;&#39;&amp; is not a valid mode for {BIO}. {offered}"
    assert refused(post(desk, mode='<a b="c">\'&'), text)


@pytest.mark.parametrize("mode", [None, 7, ["verified"], {"verified": 1}, True, "", "v" * 10_000])
def test_what_is_no_mode_is_refused(desk, mira, bio, mode):
    answer = post(desk, mode=mode)
    assert answer.status_code == 400
    assert f" is not a valid mode for {BIO}. Possible valid modes are ['audit', 'verified']" in answer.content.decode()
    assert not CourseEnrollment.objects.exists()


@pytest.mark.parametrize("key", [GONE, "library-v1:OakU+BOOKS"])
def test_nobody_is_enrolled_in_a_run_that_does_not_exist(desk, mira, key):
    assert refused(
        post(desk, course_id=key, mode="audit"), f"audit is not a valid mode for {key}. There is no such course run."
    )
    assert not CourseEnrollment.objects.exists()


@pytest.mark.parametrize("reason", [7, ["a"], {"a": 1}, True])
def test_a_reason_that_is_no_text_is_refused(desk, mira, bio, reason):
    assert refused(post(desk, reason=reason), "The field 'reason' must be a text.")
    assert not CourseEnrollment.objects.exists()


@pytest.mark.parametrize("body", ["[]", "null", "7", '"text"'])
def test_a_body_that_is_no_object_has_no_fields(desk, mira, body):
    answer = desk.post("/support/enrollment/mira", body, content_type="application/json")
    assert refused(answer, "The field 'course_id' is required.")


@pytest.mark.parametrize("body", ["{", '{"course_id": "\\u0000"}', "{'a'}"])
def test_a_body_that_is_no_json_is_refused(desk, mira, body):
    answer = desk.post("/support/enrollment/mira", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "text/html; charset=utf-8"
    assert answer.content


def test_a_veto_of_the_deployment_leaves_nothing_behind(desk, mira, bio, settings):
    settings.PRE_ENROLL_CHECKS = ["tests.support.test_enrollment_create.veto"]
    assert refused(post(desk), "Not &lt;this&gt; one.")
    assert not CourseEnrollment.objects.exists()


def veto(learner, course_id, mode):
    from config.api.exceptions import Refusal

    raise Refusal("Not <this> one.")


# --- At the same time -------------------------------------------------------------------------------------------------


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_of_requests_at_the_same_time_one_enrolls_and_the_others_are_refused(as_user, mira, bio):
    clients = [as_user(agent()) for _ in range(8)]
    answers = []
    assert at_once(*(lambda client=client: answers.append(post(client)) for client in clients)) == []
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
    refusals = {answer.content.decode() for answer in answers if answer.status_code == 400}
    assert refusals == {f"The user mira is already enrolled in {BIO}."}
    assert CourseEnrollment.objects.get().history.count() == 1
    assert ManualEnrollmentAudit.objects.count() == 1
