"""The sections of the catalogue, of course roles and of enrollments (contract: world-format)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from enrollments.models import (
    BlockCompletion,
    BlockDueDate,
    Cohort,
    CohortMembership,
    CountryAccessRule,
    Course,
    CourseAccessRole,
    CourseEmailOptout,
    CourseEnrollment,
    CourseEnrollmentAllowed,
    CourseGrade,
    CourseMode,
    CourseOverview,
    CreditProvider,
    GeneratedCertificate,
    ManualEnrollmentAudit,
    Program,
    RestrictedCourse,
    VerificationDeadline,
    course_uuid,
)
from tests.factories import CourseRunFactory, OrganizationFactory, UserFactory

Load = Callable[..., dict[str, tuple[int, int, int]]]
Refused = Callable[..., str]
RUN = "course-v1:PineX+Trees+1"


def run(**fields: Any) -> dict[str, Any]:
    return {"course_runs": [{"key": RUN, **fields}]}


# --- courses ------------------------------------------------------------------------------------------------------


def test_a_course_has_the_uuid_of_its_key_and_the_organization_of_its_key(load: Load) -> None:
    load({"organizations": [{"short_name": "PineX", "name": "Pine"}], "courses": [{"key": "PineX+Trees"}]})
    course = Course.objects.get()
    assert course.uuid == course_uuid("PineX+Trees")
    assert course.organization is not None
    assert course.organization.short_name == "PineX"
    assert (course.title, course.partner, course.languages, course.entitlements) == ("", "edx", [], [])


def test_everything_that_the_catalog_shows_of_a_course_can_be_given(load: Load) -> None:
    world = {
        "organizations": [{"short_name": "Other", "name": "Other"}],
        "courses": [
            {
                "key": "PineX+Trees",
                "uuid": "0c000000-0000-4000-8000-000000000001",
                "org": "Other",
                "title": "Trees",
                "image_url": "https://pictures.example/t.png",
                "level_type": "Advanced",
                "languages": ["English", "Français"],
                "subjects": [{"name": "Botany"}],
                "skills": ["Pruning"],
                "entitlements": [
                    {"mode": "verified", "price": "10.00", "sku": "E1"},
                    {"mode": "professional", "price": 9.5},
                ],
                "course_type": "verified-audit",
                "product_source": "2u",
                "partner": "pine",
                "expected_learning_items": ["Leaves"],
                "video": None,
            }
        ],
    }
    load(world)
    course = Course.objects.get()
    assert str(course.uuid) == "0c000000-0000-4000-8000-000000000001"
    assert course.organization is not None
    assert course.organization.short_name == "Other"
    assert course.languages == ["English", "Français"]
    assert course.entitlements == [
        {"mode": "verified", "price": "10.00", "sku": "E1"},
        {"mode": "professional", "price": 9.5},
    ]
    assert course.additional_metadata == {"expected_learning_items": ["Leaves"], "video": None}
    assert load({"courses": [{"key": "PineX+Trees", "video": {"src": "v"}}]}) == {"courses": (0, 1, 0)}
    course.refresh_from_db()
    assert course.additional_metadata == {"expected_learning_items": ["Leaves"], "video": {"src": "v"}}


def test_the_advertised_run_may_come_further_below_in_the_file_or_be_stored(load: Load, refused: Refused) -> None:
    world = {"courses": [{"key": "PineX+Trees", "advertised_run": RUN}]}
    assert f"courses[0].advertised_run: There is no course run '{RUN}'" in refused(world)
    load({**world, **run(course="PineX+Trees")})
    assert Course.objects.get().advertised_run_key == RUN
    assert load(world) == {"courses": (0, 0, 1)}


@pytest.mark.parametrize("key", ["Trees", "PineX+Trees+1", "Pine X+Trees", "course-v1:PineX+Trees", "", None, 5])
def test_a_course_key_has_two_parts(refused: Refused, key: Any) -> None:
    assert refused({"courses": [{"key": key}]}).startswith("courses[0].key: ")


# --- course_runs --------------------------------------------------------------------------------------------------


def test_a_run_belongs_to_the_course_of_its_key_and_is_published(load: Load) -> None:
    load({"courses": [{"key": "PineX+Trees"}], **run()})
    stored = CourseOverview.objects.get()
    assert stored.course is not None
    assert (stored.org, stored.course.key, stored.uuid) == ("PineX", "PineX+Trees", course_uuid(RUN))
    assert (stored.published, stored.invitation_only, stored.self_paced) == (True, False, False)
    assert (stored.max_student_enrollments_allowed, stored.availability, stored.display_name) == (None, None, None)
    assert not CourseMode.objects.exists()


def test_names_of_the_file_and_names_of_the_model(load: Load, refused: Refused) -> None:
    load(run(invite_only=True, max_enrollments=0, pacing="self", published=False, availability="Archived"))
    stored = CourseOverview.objects.get()
    assert (stored.invitation_only, stored.max_student_enrollments_allowed, stored.self_paced) == (True, 0, True)
    assert (stored.published, stored.availability) == (False, "Archived")
    assert load(run(max_enrollments=None, pacing="instructor")) == {"course_runs": (0, 1, 0)}
    assert refused(run(pacing="slow")) == "course_runs[0].pacing: 'slow' is none of instructor, self."
    assert refused(run(invitation_only=True)).startswith("course_runs[0].invitation_only: There is no such field")


@pytest.mark.parametrize("key", ["PineX+Trees+1", "course-v1:PineX+Trees", "library-v1:PineX+Books", "a b/c/d", ""])
def test_what_names_no_run_is_refused(refused: Refused, key: str) -> None:
    assert refused({"course_runs": [{"key": key}]}).startswith("course_runs[0].key: ")


def test_modes_have_names_of_their_slugs_and_small_currencies(load: Load) -> None:
    load(
        run(
            modes=[{"slug": "no-id-professional", "currency": "EUR", "min_price": 5}, {"slug": "audit", "name": "Free"}]
        )
    )
    modes = CourseMode.objects.values_list("mode_slug", "mode_display_name", "currency", "min_price")
    assert list(modes) == [("no-id-professional", "No Id Professional", "eur", 5), ("audit", "Free", "usd", 0)]


def test_an_upgrade_deadline_that_is_given_is_explicit(load: Load) -> None:
    load(run(modes=[{"slug": "verified", "min_price": 5, "expiration_datetime": "-1d"}, {"slug": "audit"}]))
    explicit = dict(CourseMode.objects.values_list("mode_slug", "expiration_datetime_is_explicit"))
    assert explicit == {"verified": True, "audit": False}


def test_a_list_of_modes_replaces_the_stored_ones_by_slug_and_currency(load: Load) -> None:
    load(run(modes=[{"slug": "audit"}, {"slug": "verified", "min_price": 5}]))
    audit = CourseMode.objects.get(mode_slug="audit")
    assert load(run()) == {"course_runs": (0, 0, 1)}
    assert CourseMode.objects.count() == 2
    counts = load(run(modes=[{"slug": "audit"}, {"slug": "verified", "min_price": 5, "currency": "eur"}]))
    assert counts == {"course_runs": (0, 1, 0)}
    assert CourseMode.objects.get(mode_slug="audit").pk == audit.pk
    assert CourseMode.objects.get(mode_slug="verified").currency == "eur"
    assert audit.history.count() == 1
    assert CourseMode.history.filter(history_type="-").count() == 1
    assert load(run(modes=[])) == {"course_runs": (0, 1, 0)}
    assert not CourseMode.objects.exists()


@pytest.mark.parametrize(
    ("mode", "place"),
    [
        ({"slug": "verified"}, "min_price"),
        ({"slug": "professional", "min_price": 0}, "min_price"),
        ({"slug": "audit", "min_price": -1}, "min_price"),
        ({"slug": "professional", "min_price": 5, "expiration_datetime": "+1d"}, "expiration_datetime"),
        ({"name": "Audit"}, "slug"),
    ],
)
def test_rules_of_a_mode_hold(refused: Refused, mode: dict[str, Any], place: str) -> None:
    assert refused(run(modes=[mode])).startswith(f"course_runs[0].modes[0].{place}: ")


def test_cohorts_due_dates_and_the_verification_deadline_of_a_run(load: Load) -> None:
    UserFactory(username="rosa")
    essay, quiz = {"name": "Essay", "date": "+1d"}, {"block": "block-v1:x", "date": "+2d", "user": "rosa"}
    full = run(
        cohorts=["oak", "elm"], due_dates=[essay, quiz], verification_deadline="+9d", bulk_email={"enabled": True}
    )
    load(full)
    assert load(full) == {"course_runs": (0, 0, 1)}
    assert set(Cohort.objects.values_list("name", flat=True)) == {"oak", "elm"}
    assert VerificationDeadline.objects.get(course_id=RUN).deadline > timezone.now()
    assert [(date.name, date.block, date.user_id is None) for date in BlockDueDate.objects.all()] == [
        ("Essay", "", True),
        ("", "block-v1:x", False),
    ]
    stored = CourseOverview.objects.get()
    assert (stored.bulk_email_enabled, stored.bulk_email_authorized) == (True, False)
    fewer = run(cohorts=["oak"], due_dates=[essay], verification_deadline=None)
    assert load(fewer) == {"course_runs": (0, 1, 0)}
    assert list(Cohort.objects.values_list("name", flat=True)) == ["oak"]
    assert list(BlockDueDate.objects.values_list("name", flat=True)) == ["Essay"]
    assert not VerificationDeadline.objects.exists()


def test_a_due_date_needs_something_that_it_is_of(refused: Refused) -> None:
    assert refused(run(due_dates=[{"date": "+1d"}])).startswith("course_runs[0].due_dates[0]: A due date needs")
    assert refused(run(due_dates=[{"name": "Essay"}])).startswith("course_runs[0].due_dates[0].date: ")


# --- programs, credit_providers, embargoes, course_roles ----------------------------------------------------------


def test_a_program_with_its_curricula_in_order(load: Load) -> None:
    for name in ("A", "B", "C"):
        OrganizationFactory(short_name=name)
    CourseRunFactory(id=RUN, course__key="PineX+Trees")
    one, two = "0d000000-0000-4000-8000-000000000001", "0d000000-0000-4000-8000-000000000002"
    main, old = "0e000000-0000-4000-8000-000000000001", "0e000000-0000-4000-8000-000000000002"
    program = {
        "uuid": one,
        "title": "Forest",
        "type": "Professional Certificate",
        "organizations": ["B", "A"],
        "courses": ["PineX+Trees"],
        "hidden": True,
        "curricula": [
            {"uuid": main, "name": "main", "course_runs": [RUN], "courses": ["PineX+Trees"], "programs": [two]},
            {"uuid": old, "is_active": False},
        ],
    }
    world = {"programs": [program, {"uuid": two, "status": "retired"}]}
    load(world)
    assert load(world) == {"programs": (0, 0, 2)}
    stored = Program.objects.get(pk=one)
    assert (stored.type, stored.status, stored.additional_metadata) == (
        "Professional Certificate",
        "active",
        {"hidden": True},
    )
    assert [str(row.organization) for row in stored.program_organizations.all()] == ["B", "A"]
    assert [str(row.pk) for row in stored.curricula.all()] == [main, old]
    first = stored.curricula.all()[0]
    assert [child.pk for child in first.course_runs.all()] == [RUN]
    assert [str(child.pk) for child in first.programs.all()] == [two]
    program["organizations"] = ["C", "B"]
    program["curricula"] = [{"uuid": old}, {"uuid": main, "programs": []}]
    assert load(world) == {"programs": (0, 1, 1)}
    assert [str(row.organization) for row in stored.program_organizations.all()] == ["C", "B"]
    assert [str(row.pk) for row in Program.objects.get(pk=one).curricula.all()] == [old, main]
    assert not first.programs.exists()
    assert first.course_runs.exists()


def test_a_program_has_one_of_four_states(refused: Refused) -> None:
    message = refused({"programs": [{"uuid": "0d000000-0000-4000-8000-000000000001", "status": "gone"}]})
    assert message == "programs[0].status: 'gone' is none of active, retired, unpublished, deleted."


def test_the_credit_provider_given_first_is_offered_first(load: Load) -> None:
    CourseRunFactory(id=RUN)
    providers = [
        {"course_run": RUN, "provider_id": "z", "display_name": "Z"},
        {"course_run": RUN, "provider_id": "a", "display_name": "A", "enabled": False},
    ]
    load({"credit_providers": providers})
    assert load({"credit_providers": providers}) == {"credit_providers": (0, 0, 2)}
    assert list(CreditProvider.objects.values_list("provider_id", "enabled")) == [("z", True), ("a", False)]


def test_an_embargo_is_a_restricted_run_and_a_rule_for_a_country(load: Load, refused: Refused) -> None:
    CourseRunFactory(id=RUN)
    rules = [
        {"course_run": RUN, "country": "FR", "message_key": "export"},
        {"course_run": RUN, "country": "DE", "rule": "whitelist"},
    ]
    load({"embargoes": rules})
    assert load({"embargoes": rules}) == {"embargoes": (0, 0, 2)}
    assert RestrictedCourse.objects.get().enroll_msg_key == "export"
    assert {(str(rule.country), rule.rule_type) for rule in CountryAccessRule.objects.all()} == {
        ("FR", "blacklist"),
        ("DE", "whitelist"),
    }
    rules[1]["message_key"] = "other"
    assert refused({"embargoes": rules}).startswith("embargoes[1].message_key: ")


def test_a_course_role_is_on_a_run_with_its_org_on_an_org_or_global(load: Load, refused: Refused) -> None:
    UserFactory(username="ivan")
    CourseRunFactory(id=RUN)
    OrganizationFactory(short_name="FirX")
    world = {
        "course_roles": [
            {"user": "ivan", "role": "staff", "course_run": RUN},
            {"user": "ivan", "role": "staff", "org": "FirX"},
            {"user": "ivan", "role": "staff"},
        ]
    }
    load(world)
    assert load(world) == {"course_roles": (0, 0, 3)}
    assert set(CourseAccessRole.objects.values_list("org", "course_id")) == {("PineX", RUN), ("FirX", ""), ("", "")}
    assert "course_roles[0].org: There is no organization 'NoX'" in refused(
        {"course_roles": [{"user": "ivan", "role": "staff", "org": "NoX"}]}
    )
    both = {"user": "ivan", "role": "staff", "org": "FirX", "course_run": RUN}
    assert refused({"course_roles": [both]}).startswith("course_roles[0].org: ")


# --- enrollments --------------------------------------------------------------------------------------------------


@pytest.fixture
def scene(db: None) -> None:
    UserFactory(username="rosa", email="Rosa@people.example")
    UserFactory(username="ivan")
    CourseRunFactory(id=RUN)


def enrollment(**fields: Any) -> dict[str, Any]:
    return {"enrollments": [{"user": "rosa", "course_run": RUN, **fields}]}


@pytest.mark.parametrize(
    ("modes", "expected"),
    [
        ([], "audit"),
        (["honor", "verified"], "honor"),
        (["honor", "audit"], "audit"),
        (["verified"], "audit"),
        (["credit"], "audit"),
    ],
)
def test_an_enrollment_without_a_mode_gets_the_default_mode_of_its_run(
    load: Load, scene: None, modes: list[str], expected: str
) -> None:
    load({**run(modes=[{"slug": slug, "min_price": 9} for slug in modes]), **enrollment()})
    stored = CourseEnrollment.objects.get()
    assert (stored.mode, stored.is_active) == (expected, True)
    assert [row.history_type for row in stored.history.all()] == ["+"]
    assert load(enrollment()) == {"enrollments": (0, 0, 1)}


def test_a_closed_full_and_invitation_only_run_refuses_no_enrollment(load: Load, scene: None) -> None:
    load(
        {**run(enrollment_end="-1d", invite_only=True, max_enrollments=0), **enrollment(mode="verified", created="-9d")}
    )
    stored = CourseEnrollment.objects.get()
    assert stored.mode == "verified"
    assert (timezone.now() - stored.created).days == 9


def test_attributes_replace_what_is_stored_and_may_repeat_a_name(load: Load, scene: None) -> None:
    one = [{"namespace": "order", "name": "order_number", "value": str(number)} for number in (2, 1)]
    load(enrollment(attributes=one))
    stored = CourseEnrollment.objects.get()
    assert list(stored.attributes.order_by("id").values_list("value", flat=True)) == ["2", "1"]
    assert load(enrollment(attributes=one)) == {"enrollments": (0, 0, 1)}
    assert load(enrollment(attributes=one[:1])) == {"enrollments": (0, 1, 0)}
    assert stored.attributes.get().value == "2"
    assert load(enrollment(attributes=[])) == {"enrollments": (0, 1, 0)}
    assert not stored.attributes.exists()
    assert stored.history.count() == 1


def test_a_grade_is_a_number_or_an_error(load: Load, scene: None) -> None:
    load(enrollment(grade={"percent": 0.5, "letter_grade": None, "passed": True}))
    grade = CourseGrade.objects.get()
    assert (grade.percent, grade.letter_grade, grade.passed, grade.error) == (0.5, None, True, None)
    assert load(enrollment(grade={"error": "away"})) == {"enrollments": (0, 1, 0)}
    assert CourseGrade.objects.get().error == "away"
    assert load(enrollment(grade={"percent": 0.5, "passed": True})) == {"enrollments": (0, 1, 0)}
    assert CourseGrade.objects.get().error is None
    assert load(enrollment(grade=None)) == {"enrollments": (0, 1, 0)}
    assert not CourseGrade.objects.exists()


def test_a_certificate_passes_by_status_unless_said_otherwise(load: Load, scene: None) -> None:
    load(enrollment(certificate={"status": "downloadable"}))
    certificate = GeneratedCertificate.objects.get()
    assert certificate.is_passing
    assert len(certificate.verify_uuid) == 32
    times = {"created": "2024-01-01T00:00:00Z", "modified": "2024-02-01T00:00:00Z"}
    given = {
        "status": "downloadable",
        "is_passing": False,
        "mode": "verified",
        "download_url": "https://c.example",
        **times,
    }
    assert load(enrollment(certificate=given)) == {"enrollments": (0, 1, 0)}
    assert load(enrollment(certificate=given)) == {"enrollments": (0, 0, 1)}
    stored = GeneratedCertificate.objects.get()
    assert (stored.is_passing, stored.mode, stored.verify_uuid) == (False, "verified", certificate.verify_uuid)
    assert (stored.created, stored.modified) == (datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 2, 1, tzinfo=UTC))
    dashed = {"verify_uuid": "01234567-89ab-cdef-0123-456789abcdef"}
    load(enrollment(certificate=dashed))
    assert GeneratedCertificate.objects.get().verify_uuid == "0123456789abcdef0123456789abcdef"


def test_a_cohort_is_one_of_the_run_and_a_learner_is_in_one(load: Load, refused: Refused, scene: None) -> None:
    load({**run(cohorts=["oak", "elm"]), **enrollment(cohort="oak")})
    assert load(enrollment(cohort="oak")) == {"enrollments": (0, 0, 1)}
    assert load(enrollment(cohort="elm")) == {"enrollments": (0, 1, 0)}
    assert CohortMembership.objects.get().cohort.name == "elm"
    assert load(enrollment()) == {"enrollments": (0, 0, 1)}
    assert load(enrollment(cohort=None)) == {"enrollments": (0, 1, 0)}
    assert not CohortMembership.objects.exists()
    assert refused(enrollment(cohort="ash")) == "enrollments[0].cohort: The run has no cohort 'ash'."


def test_the_last_completed_block_and_the_email_opt_out(load: Load, scene: None) -> None:
    full = enrollment(last_completed_block="block-v1:x", email_opt_out=True)
    load(full)
    assert load(full) == {"enrollments": (0, 0, 1)}
    assert BlockCompletion.objects.get().block_key == "block-v1:x"
    assert CourseEmailOptout.objects.get().course_id == RUN
    assert load(enrollment(last_completed_block=None, email_opt_out=False)) == {"enrollments": (0, 1, 0)}
    assert not BlockCompletion.objects.exists()
    assert not CourseEmailOptout.objects.exists()
    assert load(enrollment(email_opt_out=False)) == {"enrollments": (0, 0, 1)}


def test_an_allowance_is_of_an_address_as_written(load: Load, scene: None) -> None:
    allowed = [
        {"email": "Later@people.example", "course_run": RUN, "auto_enroll": True, "created": "2024-01-01T00:00:00Z"},
        {"email": "later@people.example", "course_run": RUN, "user": "ivan"},
    ]
    load({"enrollments_allowed": allowed})
    assert load({"enrollments_allowed": allowed}) == {"enrollments_allowed": (0, 0, 2)}
    first = CourseEnrollmentAllowed.objects.get(email="Later@people.example")
    assert (first.auto_enroll, first.user, first.created) == (True, None, datetime(2024, 1, 1, tzinfo=UTC))
    second = CourseEnrollmentAllowed.objects.get(email="later@people.example")
    assert second.user is not None
    assert second.user.username == "ivan"


def test_a_manual_audit_is_of_an_enrollment_that_exists(load: Load, refused: Refused, scene: None) -> None:
    audit = {
        "user": "rosa",
        "course_run": RUN,
        "time_stamp": "2024-05-02T00:00:00Z",
        "state_transition": "from unenrolled to enrolled",
        "reason": "",
        "enrolled_by": "ivan",
    }
    assert refused({"manual_audits": [audit]}) == (
        "manual_audits[0].course_run: The user has no enrollment in this run."
    )
    load({**enrollment(), "manual_audits": [audit]})
    assert load({"manual_audits": [audit]}) == {"manual_audits": (0, 0, 1)}
    stored = ManualEnrollmentAudit.objects.get()
    assert (stored.enrolled_email, stored.reason, stored.role) == ("Rosa@people.example", "", None)
    assert stored.history.count() == 1
    assert refused({"manual_audits": [{**audit, "time_stamp": "-1d"}]}).endswith("may not hold a relative time.")
    assert refused({"manual_audits": [{**audit, "state_transition": "up"}]}).startswith(
        "manual_audits[0].state_transition: "
    )
