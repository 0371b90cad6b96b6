"""The sections of a customer's learners (contract: world-format)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.utils import timezone

from enrollments.models import CourseEnrollment
from enterprise.models import (
    DataSharingConsent,
    EnterpriseCourseEnrollment,
    EnterpriseCustomer,
    EnterpriseCustomerAdmin,
    EnterpriseCustomerUser,
    EnterpriseGroup,
    EnterpriseGroupMembership,
    LearnerCreditEnterpriseCourseEnrollment,
    LicensedEnterpriseCourseEnrollment,
    OnboardingFlow,
    PendingEnrollment,
    PendingEnterpriseCustomerAdminUser,
    PendingEnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.models.roles import ENTERPRISE_LEARNER_ROLE
from enterprise.queries.roles import jwt_roles
from tests.factories import CourseEnrollmentFactory, CourseRunFactory, LearnerFactory, UserFactory
from tests.support.load_world_enterprise.worlds import MILLS, RUN, WORKS, Load, Refused


def active_links(username: str) -> set[str]:
    links = EnterpriseCustomerUser.all_objects.filter(user_fk__username=username, active=True)
    return {str(uuid) for uuid in links.values_list("enterprise_customer_id", flat=True)}


def learners(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"learners": [{"customer": WORKS, "user": "anna", **row} for row in rows]}


# --- learners -----------------------------------------------------------------------------------------------------


def test_a_learner_is_linked_active_and_has_the_learner_role(load: Load, scene: None) -> None:
    world = learners({"created": "-50d"})
    load(world)
    link = EnterpriseCustomerUser.objects.get()
    assert (link.active, link.linked, link.is_relinkable, link.should_inactivate_other_customers) == (True,) * 4
    assert link.user_fk is not None
    assert link.user_fk.pk == link.user_id
    assert (timezone.now() - link.created).days == 50
    assert jwt_roles(link.user_fk) == [f"{ENTERPRISE_LEARNER_ROLE}:{WORKS}"]
    assert link.history.count() == 1
    assert load(world) == {"learners": (0, 0, 1)}
    assert link.history.count() == 1


def test_an_unlinked_learner_has_no_learner_role_and_acts_for_nobody(load: Load, scene: None) -> None:
    load(learners({"linked": False, "is_relinkable": False}))
    link = EnterpriseCustomerUser.all_objects.get()
    assert (link.active, link.linked, link.is_relinkable) == (False, False, False)
    assert not SystemWideEnterpriseUserRoleAssignment.objects.exists()
    load(learners({"linked": True, "active": True}))
    assert SystemWideEnterpriseUserRoleAssignment.objects.count() == 1
    assert load(learners({"linked": False})) == {"learners": (0, 1, 0)}
    assert not SystemWideEnterpriseUserRoleAssignment.objects.exists()
    assert active_links("anna") == set()


def test_where_no_row_says_active_the_later_one_ends_active(load: Load, scene: None) -> None:
    world = learners({}, {"customer": MILLS})
    load(world)
    assert active_links("anna") == {MILLS}
    assert load(world) == {"learners": (0, 0, 2)}
    assert active_links("anna") == {MILLS}


def test_the_row_that_says_active_wins_wherever_it_stands(load: Load, scene: None) -> None:
    world = learners({"active": True}, {"customer": MILLS})
    load(world)
    assert active_links("anna") == {WORKS}
    assert load(world) == {"learners": (0, 0, 2)}
    load(learners({"user": "bert"}, {"user": "bert", "customer": MILLS, "active": False}))
    assert active_links("bert") == {WORKS}


def test_two_rows_that_say_active_must_leave_others_alone(load: Load, refused: Refused, scene: None) -> None:
    both = learners({"active": True}, {"customer": MILLS, "active": True})
    message = refused(both)
    assert message.splitlines()[0].startswith("learners[0].should_inactivate_other_customers: ")
    assert not EnterpriseCustomerUser.all_objects.exists()
    for row in both["learners"]:
        row["should_inactivate_other_customers"] = False
    load(both)
    assert active_links("anna") == {WORKS, MILLS}
    assert load(both) == {"learners": (0, 0, 2)}


def test_a_link_that_becomes_active_makes_those_of_the_database_inactive(load: Load, scene: None) -> None:
    stored = LearnerFactory(
        enterprise_customer=EnterpriseCustomer.objects.get(pk=MILLS),
        user=UserFactory(username="egon"),
    )
    load(learners({"user": "egon", "active": False}))
    assert active_links("egon") == {MILLS}
    load(learners({"user": "egon", "active": True}))
    assert active_links("egon") == {WORKS}
    assert stored.history.count() == 1


def test_rows_with_ids_and_invite_keys(load: Load, refused: Refused, scene: None) -> None:
    key = {"uuid": "03000000-0000-4000-8000-000000000001", "customer": WORKS}
    load({"invite_keys": [key], **learners({"invite_key": key["uuid"], "id": 70_000})})
    link = EnterpriseCustomerUser.objects.get()
    assert link.pk == 70_000
    assert str(link.invite_key_id) == key["uuid"]
    assert "learners[0].invite_key: There is no invite key" in refused(learners({"invite_key": MILLS}))


# --- pending learners and admins, admins --------------------------------------------------------------------------


def test_a_pending_learner_is_told_by_the_address_ignoring_case(load: Load, refused: Refused, scene: None) -> None:
    load({"pending_learners": [{"customer": WORKS, "user_email": "Later@works.example", "created": "-5d"}]})
    assert load({"pending_learners": [{"customer": WORKS, "user_email": "LATER@works.example"}]}) == {
        "pending_learners": (0, 0, 1)
    }
    assert PendingEnterpriseCustomerUser.objects.get().user_email == "Later@works.example"
    rows = [{"customer": WORKS, "user_email": email} for email in ("x@works.example", "X@works.example")]
    assert "same natural key" in refused({"pending_learners": rows})


def test_an_account_with_the_address_of_a_pending_learner_stays_unlinked(load: Load, scene: None) -> None:
    load({"pending_learners": [{"customer": WORKS, "user_email": "anna@works.example"}]})
    load({"users": [{"username": "anna", "first_name": "Anna"}]})
    assert PendingEnterpriseCustomerUser.objects.exists()
    assert not EnterpriseCustomerUser.all_objects.exists()


def test_pending_enrollments_have_the_best_mode_unless_given_and_are_replaced(load: Load, scene: None) -> None:
    other = CourseRunFactory(id="course-v1:PineX+Trees+2").id
    enrollments = [
        {"course_run": RUN, "license_uuid": "04000000-0000-4000-8000-000000000001", "discount_percentage": 50},
        {"course_run": other, "course_mode": "honor", "source": "customer_admin", "cohort_name": "oak"},
    ]
    world = {
        "pending_learners": [
            {"customer": WORKS, "user_email": "later@works.example", "pending_enrollments": enrollments}
        ]
    }
    load(world)
    assert load(world) == {"pending_learners": (0, 0, 1)}
    modes = dict(PendingEnrollment.objects.values_list("course_id", "course_mode"))
    assert modes == {RUN: "verified", other: "honor"}
    enrollments.pop()
    assert load(world) == {"pending_learners": (0, 1, 0)}
    assert PendingEnrollment.objects.get().discount_percentage == 50
    assert PendingEnrollment.history.filter(history_type="-").count() == 1


def test_a_pending_admin_comes_with_a_pending_learner(load: Load, scene: None) -> None:
    load({"pending_learners": [{"customer": WORKS, "user_email": "Chief@works.example"}]})
    admins = [
        {"customer": uuid, "user_email": "chief@works.example", "reminder_sent_at": "-1d"} for uuid in (WORKS, MILLS)
    ]
    load({"pending_admins": admins})
    assert load({"pending_admins": admins}) == {"pending_admins": (0, 0, 2)}
    assert PendingEnterpriseCustomerAdminUser.objects.count() == 2
    rows = PendingEnterpriseCustomerUser.objects.values_list("enterprise_customer_id", "user_email")
    assert {(str(uuid), email) for uuid, email in rows} == {
        (WORKS, "Chief@works.example"),
        (MILLS, "chief@works.example"),
    }
    assert PendingEnterpriseCustomerUser.history.count() == 2


def test_an_admin_record_is_of_a_linked_learner(load: Load, refused: Refused, scene: None) -> None:
    flow = {"uuid": "06000000-0000-4000-8000-000000000001", "title": "First steps"}
    admin = {
        "customer": WORKS,
        "user": "anna",
        "created": "2024-01-01T00:00:00Z",
        "completed_tour_flows": [flow["uuid"]],
    }
    world = {**learners({}), "tour_flows": [flow], "admins": [admin]}
    load(world)
    assert load(world)["admins"] == (0, 0, 1)
    record = EnterpriseCustomerAdmin.objects.get()
    assert record.created == datetime(2024, 1, 1, tzinfo=UTC)
    assert list(record.completed_tour_flows.all()) == [OnboardingFlow.objects.get()]
    assert not OnboardingFlow.objects.get().active
    admin["completed_tour_flows"] = []
    assert load(world)["admins"] == (0, 1, 0)
    assert refused({"admins": [{"customer": WORKS, "user": "bert"}]}).startswith("admins[0].user: ")
    load(learners({"user": "cleo", "linked": False}))
    assert refused({"admins": [{"customer": WORKS, "user": "cleo"}]}).startswith("admins[0].user: ")


# --- enterprise_enrollments, consents -----------------------------------------------------------------------------


def enterprise_enrollment(**fields: Any) -> dict[str, Any]:
    return {"enterprise_enrollments": [{"customer": WORKS, "user": "anna", "course_run": RUN, **fields}]}


def test_an_enterprise_enrollment_brings_the_plain_one_in_the_best_mode(load: Load, scene: None) -> None:
    load({**learners({}), **enterprise_enrollment(created="-30d")})
    stored = EnterpriseCourseEnrollment.objects.get()
    assert stored.source is not None
    assert (stored.source.slug, stored.saved_for_later, stored.unenrolled, stored.unenrolled_at) == (
        "manual",
        False,
        None,
        None,
    )
    assert (timezone.now() - stored.created).days == 30
    plain = CourseEnrollment.objects.get()
    assert (plain.user_id, plain.course_id, plain.mode, plain.is_active) == (
        stored.enterprise_customer_user.user_id,
        RUN,
        "verified",
        True,
    )
    assert plain.history.count() == 1
    assert load(enterprise_enrollment()) == {"enterprise_enrollments": (0, 0, 1)}


def test_a_plain_enrollment_that_exists_stays_as_it_is(load: Load, scene: None) -> None:
    load(learners({}))
    anna = EnterpriseCustomerUser.objects.get().user_fk
    CourseEnrollmentFactory(user=anna, course_id=RUN, mode="honor", is_active=False)
    load(enterprise_enrollment())
    assert (CourseEnrollment.objects.get().mode, CourseEnrollment.objects.get().is_active) == ("honor", False)


def test_an_unenrolled_one_brings_an_inactive_plain_enrollment_and_nothing_else(load: Load, scene: None) -> None:
    load({**learners({"linked": False}), **enterprise_enrollment(unenrolled=True)})
    stored = EnterpriseCourseEnrollment.all_objects.get()
    assert (stored.unenrolled, stored.unenrolled_at, stored.saved_for_later) == (True, None, False)
    assert not CourseEnrollment.objects.get().is_active


def test_an_account_without_a_link_can_have_none(refused: Refused, scene: None) -> None:
    assert refused(enterprise_enrollment()).startswith("enterprise_enrollments[0].user: ")


def test_licenses_and_credits_have_uuids_of_their_own(load: Load, refused: Refused, scene: None) -> None:
    own = "07000000-0000-4000-8000-000000000001"
    license_uuid = "04000000-0000-4000-8000-000000000001"
    credit = {"transaction_id": "05000000-0000-4000-8000-000000000001", "is_revoked": True}
    full = enterprise_enrollment(license={"uuid": own, "license_uuid": license_uuid}, learner_credit=credit)
    load({**learners({}), **full})
    assert load(full) == {"enterprise_enrollments": (0, 0, 1)}
    paper = LicensedEnterpriseCourseEnrollment.objects.get()
    assert (str(paper.uuid), str(paper.license_uuid), paper.is_revoked) == (own, license_uuid, False)
    assert paper.fulfillment_type == "license"
    paid = LearnerCreditEnterpriseCourseEnrollment.objects.get()
    assert (str(paid.transaction_id), paid.is_revoked, paid.fulfillment_type) == (
        credit["transaction_id"],
        True,
        "learner_credit",
    )
    assert EnterpriseCourseEnrollment.objects.get().unenrolled is None
    assert load(enterprise_enrollment(license={"is_revoked": True}, learner_credit=None)) == {
        "enterprise_enrollments": (0, 1, 0)
    }
    paper.refresh_from_db()
    assert paper.is_revoked
    assert paper.history.count() == 2
    assert not LearnerCreditEnterpriseCourseEnrollment.objects.exists()
    message = refused(enterprise_enrollment(learner_credit={"is_revoked": True}))
    assert message.startswith("enterprise_enrollments[0].learner_credit.transaction_id: ")


def test_a_source_is_one_of_the_seven(load: Load, refused: Refused, scene: None) -> None:
    load({**learners({}), **enterprise_enrollment(source="enterprise_api")})
    source = EnterpriseCourseEnrollment.objects.get().source
    assert source is not None
    assert source.slug == "enterprise_api"
    assert "There is no enrollment source 'carrier_pigeon'" in refused(enterprise_enrollment(source="carrier_pigeon"))


def test_a_consent_is_for_a_run_or_a_course_and_may_be_unanswered(load: Load, refused: Refused, scene: None) -> None:
    world = {
        "consents": [
            {"customer": WORKS, "user": "anna", "course": RUN, "granted": True},
            {"customer": WORKS, "user": "anna", "course": "PineX+Trees", "granted": None},
        ]
    }
    load(world)
    assert load(world) == {"consents": (0, 0, 2)}
    assert set(DataSharingConsent.objects.values_list("username", "course_id", "granted")) == {
        ("anna", RUN, True),
        ("anna", "PineX+Trees", None),
    }
    nowhere = {"customer": WORKS, "user": "anna", "course": "PineX+Bushes", "granted": True}
    assert "There is no course or course run 'PineX+Bushes'" in refused({"consents": [nowhere]})


# --- groups -------------------------------------------------------------------------------------------------------


def group(*members: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "groups": [
            {
                "uuid": "08000000-0000-4000-8000-000000000001",
                "customer": WORKS,
                "name": "Team",
                "members": list(members),
                **fields,
            }
        ]
    }


def test_members_are_learners_and_addresses_with_a_status_of_their_kind(load: Load, scene: None) -> None:
    load(learners({}, {"user": "cleo", "linked": False}))
    world = group(
        {"user": "anna", "activated_at": "-3d"},
        {"user": "cleo", "status": "removed", "is_removed": True, "removed_at": "2024-01-01T00:00:00Z"},
        {"email": "Later@works.example", "created": "-5d"},
    )
    load(world)
    assert load(world) == {"groups": (0, 0, 1)}
    members = {
        (row.enterprise_customer_user and row.enterprise_customer_user.user_fk.username): row
        for row in EnterpriseGroupMembership.all_objects.all()
    }
    assert (members["anna"].status, members["cleo"].status, members[None].status) == ("accepted", "removed", "pending")
    assert members["cleo"].is_removed
    assert members[None].pending_enterprise_customer_user.user_email == "Later@works.example"
    assert EnterpriseGroup.objects.get().group_type == "flex"
    assert EnterpriseGroupMembership.history.count() == 3


def test_an_address_that_is_pending_already_is_used(load: Load, scene: None) -> None:
    load({"pending_learners": [{"customer": WORKS, "user_email": "later@works.example"}]})
    load(group({"email": "LATER@works.example"}))
    assert PendingEnterpriseCustomerUser.objects.count() == 1


def test_the_list_of_members_replaces_the_stored_ones(load: Load, scene: None) -> None:
    load(learners({}, {"user": "bert"}))
    load(group({"user": "anna"}, {"user": "bert"}))
    anna = EnterpriseGroupMembership.objects.get(enterprise_customer_user__user_fk__username="anna")
    assert load(group({"user": "anna"})) == {"groups": (0, 1, 0)}
    assert EnterpriseGroupMembership.all_objects.get() == anna
    world = group()
    del world["groups"][0]["members"]
    assert load(world) == {"groups": (0, 0, 1)}
    assert EnterpriseGroupMembership.all_objects.count() == 1


@pytest.mark.parametrize("member", [{}, {"user": "anna", "email": "a@works.example"}, {"user": "dora"}, {"email": "x"}])
def test_what_can_be_no_member_is_refused(load: Load, refused: Refused, scene: None, member: dict[str, Any]) -> None:
    load(learners({}))
    assert refused(group(member)).startswith("groups[0].members[0]")


def test_a_name_is_used_once_by_a_customer_even_by_a_removed_group(load: Load, refused: Refused, scene: None) -> None:
    load(group(is_removed=True))
    message = refused(group(uuid="08000000-0000-4000-8000-000000000002"))
    assert message == "groups[0].name: Another group has this name and enterprise_customer already."
