"""PATCH enrollment/{username_or_email}: an agent changes the mode of an enrollment (contract: support)."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
import structlog
from django.utils import timezone

from enrollments.models import (
    CourseEnrollment,
    CourseEnrollmentAttribute,
    CourseOverview,
    CreditProvider,
    GeneratedCertificate,
    ManualEnrollmentAudit,
)
from enrollments.services.retirement import retire, retired_email
from tests.factories import (
    CourseEnrollmentFactory,
    CourseEntitlementFactory,
    CourseGradeFactory,
    CourseModeFactory,
    CourseRunFactory,
    GeneratedCertificateFactory,
)
from tests.parallel import at_once, concurrent_writers
from tests.support.agents import agent, signed_in

pytestmark = pytest.mark.django_db
BIO = "course-v1:OakU+BIO1+2024"
BODY = {"course_id": BIO, "old_mode": "audit", "new_mode": "verified", "reason": "Financial Assistance"}


def patch(client, person="mira", without=(), **fields):
    body = {name: value for name, value in {**BODY, **fields}.items() if name not in without}
    return client.patch(f"/support/enrollment/{person}", body, format="json")


def attributes():
    return list(CourseEnrollmentAttribute.objects.order_by("id").values_list("namespace", "name", "value"))


@pytest.fixture
def bio():
    return CourseRunFactory(id=BIO, course__key="OakU+BIO1", modes=["audit", "verified"])


@pytest.fixture
def enrollment(mira, bio):
    return CourseEnrollmentFactory(user=mira, course_id=BIO)


@pytest.fixture
def refused(enrollment):
    """`refused(answer, text)` holds when the answer is the bare sentence, and nothing came of the request."""
    before = enrollment.mode, enrollment.is_active
    attribute = CourseEnrollmentAttribute.objects.create(
        enrollment=enrollment, namespace="order", name="order_number", value="OAK-1"
    )

    def hold(answer, text):
        assert (answer.status_code, answer.content.decode()) == (400, text)
        assert answer["Content-Type"] == "text/html; charset=utf-8"
        assert not ManualEnrollmentAudit.objects.exists()
        stored = CourseEnrollment.objects.get()
        assert (stored.mode, stored.is_active, stored.history.count()) == (*before, 1)
        assert CourseEnrollmentAttribute.objects.get() == attribute
        return True

    return hold


# --- Success ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", ["mira", "mira@oak.example"])
def test_the_mode_is_changed_and_it_is_written_down_by_whom_and_why(desk, sue, enrollment, person):
    answer = patch(desk, person)

    enrollment.refresh_from_db()
    assert (enrollment.mode, enrollment.is_active) == ("verified", True)
    audit = ManualEnrollmentAudit.objects.get()
    assert (audit.enrollment, audit.enrolled_by, audit.enrolled_email) == (enrollment, sue, "mira@oak.example")
    assert (audit.state_transition, audit.reason) == ("from enrolled to enrolled", "Financial Assistance")
    (row,) = desk.get(f"/support/enrollment/{person}").json()
    assert (answer.status_code, row["mode"]) == (200, "verified")
    assert answer.json() == row["manual_enrollment"]
    assert (answer.json()["enrolled_by"], answer.json()["reason"]) == ("sue@desk.example", "Financial Assistance")


def test_the_change_keeps_a_history_that_names_the_agent(desk, sue, enrollment):
    patch(desk)
    newest = enrollment.history.first()
    assert (newest.history_type, newest.history_user, newest.mode) == ("~", sue, "verified")
    assert ManualEnrollmentAudit.history.get().history_user == sue


def test_an_inactive_enrollment_stays_inactive(desk, enrollment):
    CourseEnrollment.objects.update(is_active=False)
    assert patch(desk).status_code == 200
    enrollment.refresh_from_db()
    assert (enrollment.mode, enrollment.is_active) == ("verified", False)


def test_other_enrollments_stay_as_they_are(desk, mira, enrollment):
    others = [
        CourseEnrollmentFactory(course_id=BIO),
        CourseEnrollmentFactory(user=mira, course_id=CourseRunFactory().pk),
    ]
    patch(desk)
    assert {CourseEnrollment.objects.get(pk=each.pk).mode for each in others} == {"audit"}


def test_attributes_stay_unless_the_mode_is_credit(desk, enrollment):
    CourseEnrollmentAttribute.objects.create(enrollment=enrollment, namespace="order", name="x", value="y")
    patch(desk)
    assert attributes() == [("order", "x", "y")]


def test_a_form_is_taken_as_well(sue, enrollment):
    body = "course_id=course-v1%3AOakU%2BBIO1%2B2024&old_mode=audit&new_mode=verified&reason="
    answer = signed_in(sue).patch("/support/enrollment/mira", body, content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert ManualEnrollmentAudit.objects.get().reason == ""


def test_an_expired_mode_of_an_ended_run_can_be_given(desk, mira):
    CourseRunFactory(id=BIO, course=None, end=timezone.now() - timedelta(days=9))
    CourseModeFactory(course_id=BIO, mode_slug="audit")
    CourseModeFactory(course_id=BIO, mode_slug="verified", expired=True)
    CourseEnrollmentFactory(user=mira, course_id=BIO)
    assert patch(desk).status_code == 200
    assert CourseEnrollment.objects.get().mode == "verified"


@pytest.mark.parametrize(("new_mode", "told"), [("verified", True), ("audit", False)])
def test_only_another_mode_is_told_and_an_audit_is_written_anyway(
    desk, enrollment, new_mode, told, django_capture_on_commit_callbacks
):
    with structlog.testing.capture_logs() as lines, django_capture_on_commit_callbacks(execute=True):
        assert patch(desk, new_mode=new_mode).status_code == 200
    names = ["course enrollment changed", "edx.course.enrollment.mode_changed", "enrollment track updated"]
    assert [line["event"] for line in lines if line["event"] != "request_finished"] == (names if told else [])
    assert enrollment.history.count() == (2 if told else 1)
    assert ManualEnrollmentAudit.objects.count() == 1


def test_the_latest_change_is_the_one_that_is_shown(desk, enrollment):
    patch(desk, reason="first")
    patch(desk, old_mode="verified", new_mode="audit", reason="second")
    (row,) = desk.get("/support/enrollment/mira").json()
    assert (row["mode"], row["manual_enrollment"]["reason"]) == ("audit", "second")
    assert ManualEnrollmentAudit.objects.count() == 2


# --- Credit -----------------------------------------------------------------------------------------------------------


def test_in_credit_mode_the_first_provider_takes_the_place_of_all_attributes(desk, enrollment):
    CourseModeFactory(course_id=BIO, mode_slug="credit")
    for name in ("order_number", "source_system"):
        CourseEnrollmentAttribute.objects.create(enrollment=enrollment, namespace="order", name=name, value="x")
    for provider, enabled in (("closed", False), ("maple-state", True), ("second", True)):
        CreditProvider.objects.create(course_id=BIO, provider_id=provider, display_name=provider, enabled=enabled)
    CreditProvider.objects.create(course_id="course-v1:OakU+X+1", provider_id="other", display_name="Other")
    assert patch(desk, new_mode="credit").status_code == 200
    assert attributes() == [("credit", "provider_id", "maple-state")]
    (row,) = desk.get("/support/enrollment/mira").json()
    assert (row["mode"], row["order_number"], row["source_system"]) == ("credit", "", "")


def test_without_a_credit_provider_nothing_is_changed(desk, enrollment, refused):
    CourseModeFactory(course_id=BIO, mode_slug="credit")
    CreditProvider.objects.create(course_id=BIO, provider_id="closed", display_name="Closed", enabled=False)
    assert refused(patch(desk, new_mode="credit"), f"No credit provider is known for course {BIO}.")


# --- Entitlements -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "used"), [("verified", True), ("professional", False)])
def test_an_entitlement_of_the_new_mode_is_used(desk, mira, bio, enrollment, mode, used):
    entitlement = CourseEntitlementFactory(user=mira, course_uuid=bio.course.uuid, mode=mode)
    patch(desk)
    entitlement.refresh_from_db()
    assert (entitlement.enrollment_course_run == enrollment) is used


def test_a_refused_change_uses_no_entitlement(desk, mira, bio, enrollment):
    entitlement = CourseEntitlementFactory(user=mira, course_uuid=bio.course.uuid)
    assert patch(desk, old_mode="honor").status_code == 400
    entitlement.refresh_from_db()
    assert entitlement.enrollment_course_run is None


# --- Certificates -----------------------------------------------------------------------------------------------------


def change_after_passing(desk, enrollment, capture, **fields):
    CourseGradeFactory(user=enrollment.user, course_id=BIO, passed=True)
    with capture(execute=True):
        assert patch(desk, **fields).status_code == 200
    return list(GeneratedCertificate.objects.values_list("user", "course_id", "mode", "status"))


def test_a_learner_who_has_passed_gets_a_certificate_with_a_mode_that_leads_to_one(
    desk, mira, enrollment, django_capture_on_commit_callbacks
):
    made = change_after_passing(desk, enrollment, django_capture_on_commit_callbacks)
    assert made == [(mira.pk, BIO, "verified", "downloadable")]


@pytest.mark.parametrize(
    ("stored", "fields"),
    [
        ({"mode": "verified"}, {"old_mode": "verified", "new_mode": "audit"}),
        ({"mode": "verified"}, {"old_mode": "verified"}),
        ({"is_active": False}, {}),
    ],
    ids=["to a free mode", "the same mode", "inactive"],
)
def test_no_other_change_makes_a_certificate(desk, enrollment, stored, fields, django_capture_on_commit_callbacks):
    CourseEnrollment.objects.update(**stored)
    assert change_after_passing(desk, enrollment, django_capture_on_commit_callbacks, **fields) == []


def test_a_certificate_stays_when_the_mode_goes(desk, mira, enrollment, django_capture_on_commit_callbacks):
    CourseEnrollment.objects.update(mode="verified")
    certificate = GeneratedCertificateFactory(user=mira, course_id=BIO, mode="verified")
    with django_capture_on_commit_callbacks(execute=True):
        patch(desk, old_mode="verified", new_mode="audit")
    stored = GeneratedCertificate.objects.get()
    assert (stored.mode, stored.status) == (certificate.mode, certificate.status)


# --- Refusals, in their order -----------------------------------------------------------------------------------------


def test_an_unknown_person_is_said_first(desk, refused):
    assert refused(patch(desk, "ghost"), f"Could not find enrollment for user ghost in course {BIO}.")
    assert refused(
        patch(desk, "ghost", course_id="<no key>", without=("reason",)),
        "Could not find enrollment for user ghost in course &lt;no key&gt;.",
    )
    assert refused(patch(desk, "ghost", without=BODY), "Could not find enrollment for user ghost in course .")


def test_fields_are_asked_for_in_their_order(desk, refused):
    names = ["course_id", "old_mode", "new_mode", "reason"]
    for place, name in enumerate(names):
        assert refused(patch(desk, without=names[place:]), f"The field '{name}' is required.")
    assert refused(patch(desk, without=names[1:], course_id="x"), "Could not parse course key.")


@pytest.mark.parametrize("key", ["", 7, None, ["a"], {"a": 1}, "course-v1:" + "x" * 10_000])
def test_what_is_no_course_key_is_refused(desk, refused, key):
    assert refused(patch(desk, course_id=key), "Could not parse course key.")


@pytest.mark.parametrize("person", ["mira", "mira@oak.example"])
def test_an_enrollment_that_is_not_there_is_refused(desk, refused, person):
    other = CourseRunFactory(modes=["audit", "verified"]).pk
    text = f"Could not find enrollment for user {person} in course {other}."
    assert refused(patch(desk, person, course_id=other, old_mode="x"), text)


@pytest.mark.parametrize("person", ["mira", "mira@oak.example"])
def test_another_mode_than_the_agent_has_seen_is_refused_with_the_user_name(desk, refused, person):
    answer = patch(desk, person, old_mode="honor", new_mode="no such mode")
    assert refused(answer, "User mira is not enrolled with mode honor.")


def test_markup_in_what_is_sent_is_escaped(desk, refused):
    old = patch(desk, old_mode='<i a="b">\'&')
    assert refused(old, "User mira is not enrolled with mode &lt;i a=&#34;b&#34;&gt;&#39;&amp;.")
    new = patch(desk, new_mode="<script>")
    modes = "Available modes were: audit, verified"
    assert refused(new, f"Specified course mode '&lt;script&gt;' unavailable for course {BIO}.  {modes}")


@pytest.mark.parametrize("mode", [None, 7, ["audit"], {"audit": 1}, True, "", "v" * 10_000])
def test_what_is_no_mode_is_refused(desk, enrollment, mode):
    for name in ("old_mode", "new_mode"):
        answer = patch(desk, **{name: mode})
        assert answer.status_code == 400
        assert ("is not enrolled with" if name == "old_mode" else " unavailable for course ") in answer.content.decode()
    assert CourseEnrollment.objects.get().mode == "audit"


def test_a_mode_that_the_run_does_not_offer_is_refused_with_those_that_it_does(desk, refused):
    CourseModeFactory(course_id=BIO, mode_slug="credit")
    CourseModeFactory(course_id=BIO, mode_slug="honor", expired=True)
    assert refused(
        patch(desk, new_mode="masters"),
        f"Specified course mode 'masters' unavailable for course {BIO}.  "
        "Available modes were: audit, verified, credit, honor",
    )


def test_the_log_says_what_was_asked_for_by_number(desk, mira, enrollment, caplog):
    with caplog.at_level(logging.INFO, logger="support"):
        patch(desk, new_mode="masters")
        patch(desk)
    lines = [(record.levelname, record.getMessage()) for record in caplog.records if record.name.startswith("support")]
    about = f"mode of user {mira.pk} in {BIO}: "
    assert lines == [
        ("WARNING", f"{about}what was asked for is not offered"),
        ("INFO", f"{about}from audit to verified"),
        ("INFO", f"{about}verified now"),
    ]


def test_an_enrollment_whose_run_is_gone_has_the_modes_that_are_stored(desk, refused):
    CourseOverview.objects.all().delete()
    assert refused(
        patch(desk, new_mode="honor"),
        f"Specified course mode 'honor' unavailable for course {BIO}.  Available modes were: audit, verified",
    )


@pytest.mark.parametrize("reason", [7, ["a"], {"a": 1}, True])
def test_a_reason_that_is_no_text_is_refused(desk, refused, reason):
    assert refused(patch(desk, reason=reason), "The field 'reason' must be a text.")


@pytest.mark.parametrize("body", ["[]", "null", "7", '"text"'])
def test_a_body_that_is_no_object_has_no_fields(desk, refused, body):
    answer = desk.patch("/support/enrollment/mira", body, content_type="application/json")
    assert refused(answer, "The field 'course_id' is required.")


@pytest.mark.parametrize("body", ["{", '{"course_id": "\\u0000"}'])
def test_a_body_that_is_no_json_is_refused(desk, enrollment, body):
    answer = desk.patch("/support/enrollment/mira", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "text/html; charset=utf-8"


# --- Audits after their time ------------------------------------------------------------------------------------------


def test_an_audit_goes_with_its_enrollment_and_its_history_stays(desk, enrollment):
    patch(desk)
    enrollment.delete()
    assert not ManualEnrollmentAudit.objects.exists()
    assert [change.history_type for change in ManualEnrollmentAudit.history.all()] == ["-", "+"]


def test_what_agents_wrote_of_a_retired_learner_is_forgotten(desk, mira, enrollment):
    patch(desk)
    retire(mira)
    for table in (ManualEnrollmentAudit.objects, ManualEnrollmentAudit.history):
        assert {(row.reason, row.enrolled_email) for row in table.all()} == {("", retired_email("mira@oak.example"))}


# --- At the same time -------------------------------------------------------------------------------------------------


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_of_changes_at_the_same_time_one_is_made_and_the_others_are_refused(as_user, enrollment):
    clients = [as_user(agent()) for _ in range(8)]
    answers = []
    assert at_once(*(lambda client=client: answers.append(patch(client)) for client in clients)) == []
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
    refusals = {answer.content.decode() for answer in answers if answer.status_code == 400}
    assert refusals == {"User mira is not enrolled with mode audit."}
    assert ManualEnrollmentAudit.objects.count() == 1
    assert enrollment.history.count() == 2
