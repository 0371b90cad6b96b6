"""Making, changing and deleting links: `enterprise-learner` (contract: enterprise-learners)."""

from __future__ import annotations

from typing import Any

import pytest

from enrollments.models import User
from enterprise.models import (
    EnterpriseCourseEnrollment,
    EnterpriseCustomerInviteKey,
    EnterpriseCustomerUser,
    LicensedEnterpriseCourseEnrollment,
    SystemWideEnterpriseUserRoleAssignment,
)
from tests import factories
from tests.enterprise.callers import ANONYMOUS, CALLERS, FORBIDDEN, caller, permitted

pytestmark = pytest.mark.django_db

PATH = "/enterprise/api/v1/enterprise-learner/"
NO_SUCH_LEARNER = {"detail": "No EnterpriseCustomerUser matches the given query."}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
MISSING = ["This field is required."]


@pytest.fixture
def mia() -> User:
    return factories.UserFactory(username="mia", email="Mia@acme.test")


@pytest.fixture
def clerk(as_user):
    """May add, change and delete links, and is staff, so that every link is visible."""
    codes = [f"{verb}_enterprisecustomeruser" for verb in ("add", "change", "delete")]
    return as_user(permitted(*codes, is_staff=True))


def stored(customer, account) -> EnterpriseCustomerUser:
    return EnterpriseCustomerUser.all_objects.get(enterprise_customer=customer, user_id=account.pk)


def roles_of(account) -> list[tuple[str, str]]:
    assignments = SystemWideEnterpriseUserRoleAssignment.objects.filter(user=account)
    return sorted(assignments.values_list("role__name", "enterprise_customer__slug"))


def wish(customer, username="mia", **fields) -> dict[str, Any]:
    return {"enterprise_customer": str(customer.pk), "username": username, **fields}


# --- who may write ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [*CALLERS, "wrong permission", "inactive holder"])
def test_writing_takes_the_model_permission_and_nothing_else_before_the_body_is_looked_at(
    client, as_user, acme, bolt, mia, kind
):
    link = factories.LearnerFactory(enterprise_customer=acme, user=mia)
    if kind == "wrong permission":
        user: User | None = permitted("view_enterprisecustomeruser", "change_enterprisecustomer", is_staff=True)
    elif kind == "inactive holder":
        user = permitted("add_enterprisecustomeruser", is_active=False)
    else:
        user = caller(kind, acme, bolt)
    api = client if user is None else as_user(user)

    answers = [
        api.post(PATH, {"nonsense": 1}),
        api.put(f"{PATH}{link.pk}/", {"nonsense": 1}),
        api.patch(f"{PATH}{link.pk}/", {"active": "perhaps"}),
        api.delete(f"{PATH}{link.pk}/"),
    ]

    if kind == "superuser":  # holds every permission, but sees its own links only
        assert [answer.status_code for answer in answers] == [400, 404, 404, 404]
    else:
        expected = (401, ANONYMOUS) if user is None else (403, FORBIDDEN)
        assert [(answer.status_code, answer.json()) for answer in answers] == [expected] * 4
    assert stored(acme, mia).linked


@pytest.mark.parametrize(
    ("permission", "allowed"),
    [
        ("add_enterprisecustomeruser", "post"),
        ("change_enterprisecustomeruser", "put patch"),
        ("delete_enterprisecustomeruser", "delete"),
    ],
)
def test_each_way_to_write_takes_its_own_permission(as_user, acme, mia, permission, allowed):
    link = factories.LearnerFactory(enterprise_customer=acme, user=mia)
    api = as_user(permitted(permission, is_staff=True))
    answers = {
        "post": api.post(PATH, wish(acme)),
        "put": api.put(f"{PATH}{link.pk}/", wish(acme)),
        "patch": api.patch(f"{PATH}{link.pk}/", {}),
        "delete": api.delete(f"{PATH}{link.pk}/"),
    }
    assert {name for name, answer in answers.items() if answer.status_code < 300} == set(allowed.split())
    assert {answer.status_code for answer in answers.values()} <= {200, 201, 204, 403}


def test_a_holder_who_is_not_staff_changes_and_deletes_own_links_only(as_user, acme, bolt, mia):
    user = permitted("change_enterprisecustomeruser", "delete_enterprisecustomeruser")
    own = factories.LearnerFactory(enterprise_customer=acme, user=user)
    other = factories.LearnerFactory(enterprise_customer=acme, user=mia)
    api = as_user(user)
    for answer in (
        api.put(f"{PATH}{other.pk}/", wish(acme)),
        api.patch(f"{PATH}{other.pk}/", {"active": False}),
        api.delete(f"{PATH}{other.pk}/"),
    ):
        assert (answer.status_code, answer.data) == (404, NO_SUCH_LEARNER)
    assert api.patch(f"{PATH}{own.pk}/", {"active": False}).data["active"] is False
    assert api.delete(f"{PATH}{own.pk}/").status_code == 204
    assert stored(acme, mia).active


def test_methods_that_are_not_routed_are_refused(clerk):
    for method, path in [("put", PATH), ("patch", PATH), ("delete", PATH), ("post", f"{PATH}1/")]:
        response = getattr(clerk, method)(path, {})
        assert response.status_code == 405
        assert response.json() == {"detail": f'Method "{method.upper()}" not allowed.'}


# --- POST ---------------------------------------------------------------------------------------------------------


def test_posting_links_the_account_with_role_and_history(clerk, acme, mia):
    response = clerk.post(PATH, wish(acme))

    assert (response.status_code, response.json()) == (201, wish(acme, active=True))
    link = stored(acme, mia)
    assert (link.active, link.linked, link.user_fk) == (True, True, mia)
    assert roles_of(mia) == [("enterprise_learner", "acme")]
    (change,) = link.history.all()
    assert change.history_type == "+"
    assert change.history_user is not None


def test_posting_for_an_existing_link_updates_its_activity(clerk, acme, bolt, mia):
    link = factories.LearnerFactory(enterprise_customer=acme, user=mia)
    factories.LearnerFactory(enterprise_customer=bolt, user=mia, active=False)

    response = clerk.post(PATH, wish(acme, active=False))
    assert (response.status_code, response.json()) == (201, wish(acme, active=False))
    assert not stored(acme, mia).active

    assert clerk.post(PATH, wish(bolt)).status_code == 201
    assert clerk.post(PATH, wish(acme, active=True)).status_code == 201
    assert (stored(acme, mia).active, stored(bolt, mia).active) == (True, False)
    assert stored(acme, mia).pk == link.pk


def test_an_inactive_link_leaves_the_learners_other_links_alone(clerk, acme, bolt, mia):
    factories.LearnerFactory(enterprise_customer=bolt, user=mia)
    assert clerk.post(PATH, wish(acme, active=False)).status_code == 201
    assert (stored(acme, mia).active, stored(bolt, mia).active) == (False, True)


def test_posting_revives_an_unlinked_and_even_a_barred_learner(clerk, acme, mia):
    key = EnterpriseCustomerInviteKey.objects.create(enterprise_customer=acme)
    old = factories.LearnerFactory(
        enterprise_customer=acme, user=mia, linked=False, active=False, is_relinkable=False, invite_key=key
    )
    assert clerk.post(PATH, wish(acme)).status_code == 201
    link = stored(acme, mia)
    assert (link.pk, link.created) == (old.pk, old.created)
    assert (link.linked, link.active, link.is_relinkable, link.invite_key) == (True, True, True, None)
    assert roles_of(mia) == [("enterprise_learner", "acme")]


def test_the_reused_row_is_overwritten_with_the_new_objects_values(clerk, acme, bolt, mia):
    factories.LearnerFactory(enterprise_customer=bolt, user=mia)
    factories.LearnerFactory(
        enterprise_customer=acme, user=mia, linked=False, active=False, should_inactivate_other_customers=False
    )
    assert clerk.post(PATH, wish(acme)).status_code == 201
    assert stored(acme, mia).should_inactivate_other_customers
    assert (stored(acme, mia).active, stored(bolt, mia).active) == (True, False)


def test_inactive_customers_and_forms_are_taken(clerk, acme, mia):
    acme.active = False
    acme.save()
    response = clerk.post(PATH, {**wish(acme), "active": "false"}, format="multipart")
    assert (response.status_code, response.json()) == (201, wish(acme, active=False))
    response = clerk.post(
        PATH, f"enterprise_customer={acme.pk}&username=mia", content_type="application/x-www-form-urlencoded"
    )
    assert (response.status_code, response.json()) == (201, wish(acme, active=True))


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"enterprise_customer": MISSING, "username": MISSING}),
        ({"username": "nobody"}, {"enterprise_customer": MISSING, "username": ["User does not exist"]}),
        ({"username": "MIA"}, {"enterprise_customer": MISSING, "username": ["User does not exist"]}),
        (
            {"username": "m" * 31},
            {"enterprise_customer": MISSING, "username": ["Ensure this field has no more than 30 characters."]},
        ),
        ({"username": ""}, {"enterprise_customer": MISSING, "username": ["This field may not be blank."]}),
        ({"username": None}, {"enterprise_customer": MISSING, "username": ["This field may not be null."]}),
        ({"username": ["mia"]}, {"enterprise_customer": MISSING, "username": ["Not a valid string."]}),
        ({"username": "mia", "enterprise_customer": "nope"}, {"enterprise_customer": ["“nope” is not a valid UUID."]}),
        (
            {"username": "mia", "enterprise_customer": UNKNOWN},
            {"enterprise_customer": [f'Invalid pk "{UNKNOWN}" - object does not exist.']},
        ),
        (
            {"username": "mia", "enterprise_customer": True},
            {"enterprise_customer": ["Incorrect type. Expected pk value, received bool."]},
        ),
        ({"username": "mia", "enterprise_customer": None}, {"enterprise_customer": ["This field may not be null."]}),
        ({"username": "mia", "enterprise_customer": ""}, {"enterprise_customer": ["This field may not be null."]}),
        (
            {"username": "mia", "enterprise_customer": UNKNOWN, "active": "perhaps"},
            {
                "enterprise_customer": [f'Invalid pk "{UNKNOWN}" - object does not exist.'],
                "active": ["Must be a valid boolean."],
            },
        ),
        ([], {"non_field_errors": ["Invalid data. Expected a dictionary, but got list."]}),
        ("mia", {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}),
    ],
)
def test_a_body_that_cannot_be_is_refused_field_by_field(clerk, mia, body, errors):
    response = clerk.post(PATH, body)
    assert (response.status_code, response.json()) == (400, errors)
    assert not EnterpriseCustomerUser.all_objects.exists()


def test_a_body_that_is_no_json_is_refused(clerk):
    response = clerk.post(PATH, "{", content_type="application/json")
    assert response.status_code == 400
    assert clerk.post(PATH, "x", content_type="text/csv").status_code == 415


def test_a_customer_may_be_named_in_any_spelling_of_its_uuid(clerk, acme, mia):
    response = clerk.post(PATH, {**wish(acme), "enterprise_customer": acme.pk.hex.upper()})
    assert (response.status_code, response.json()) == (201, wish(acme, active=True))


# --- PUT and PATCH ------------------------------------------------------------------------------------------------


def test_putting_sets_the_activity_of_the_named_link_and_echoes_it(clerk, acme, bolt, mia):
    link = factories.LearnerFactory(enterprise_customer=acme, user=mia)
    response = clerk.put(f"{PATH}{link.pk}/", wish(acme, active=False))
    assert (response.status_code, response.json()) == (200, wish(acme, active=False))
    assert not stored(acme, mia).active

    factories.LearnerFactory(enterprise_customer=bolt, user=mia)
    response = clerk.put(f"{PATH}{link.pk}/", wish(acme))
    assert (response.status_code, response.json()) == (200, wish(acme, active=True))
    assert (stored(acme, mia).active, stored(bolt, mia).active) == (True, False)


@pytest.mark.parametrize("method", ["put", "patch"])
def test_a_link_keeps_its_customer_and_its_user(clerk, acme, bolt, mia, method):
    link = factories.LearnerFactory(enterprise_customer=acme, user=mia)
    factories.UserFactory(username="leo")
    change = getattr(clerk, method)
    for body, errors in [
        (wish(bolt, active=False), {"enterprise_customer": ["This is the link with another enterprise customer."]}),
        (wish(acme, "leo", active=False), {"username": ["This is the link of another user."]}),
        (wish(acme, "nobody", active=False), {"username": ["User does not exist"]}),
        (wish(acme, active=None), {"active": ["This field may not be null."]}),
    ]:
        response = change(f"{PATH}{link.pk}/", body)
        assert (response.status_code, response.json()) == (400, errors)
    assert EnterpriseCustomerUser.all_objects.get().active


def test_putting_wants_customer_and_user_patching_takes_them_from_the_link(clerk, acme, mia):
    link = factories.LearnerFactory(enterprise_customer=acme, user=mia)
    response = clerk.put(f"{PATH}{link.pk}/", {"active": False})
    assert (response.status_code, response.json()) == (400, {"enterprise_customer": MISSING, "username": MISSING})
    response = clerk.patch(f"{PATH}{link.pk}/", {"active": False})
    assert (response.status_code, response.json()) == (200, wish(acme, active=False))
    response = clerk.patch(f"{PATH}{link.pk}/", {})
    assert (response.status_code, response.json()) == (200, wish(acme, active=False))
    assert not stored(acme, mia).active


def test_the_link_of_an_account_that_is_gone_can_still_be_patched(clerk, acme):
    link = factories.LearnerFactory(enterprise_customer=acme, user_id=987_654)
    response = clerk.patch(f"{PATH}{link.pk}/", {"active": False})
    assert (response.status_code, response.json()) == (200, wish(acme, None, active=False))


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_an_invisible_link_is_not_found_whatever_the_body(clerk, acme, mia, method):
    unlinked = factories.LearnerFactory(enterprise_customer=acme, user=mia, linked=False, active=False)
    for pk, body in [(unlinked.pk, NO_SUCH_LEARNER), (10**12, NO_SUCH_LEARNER), ("x", {"detail": "Not found."})]:
        response = getattr(clerk, method)(f"{PATH}{pk}/", {"username": "nobody"})
        assert (response.status_code, response.json()) == (404, body)


# --- DELETE -------------------------------------------------------------------------------------------------------


def test_deleting_takes_enrollments_fulfillments_and_both_roles_of_that_customer_along(clerk, acme, bolt, mia):
    for customer in (acme, bolt):
        link = factories.LearnerFactory(enterprise_customer=customer, user=mia)
        enrollment = factories.EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link)
        factories.LicenseFactory(enterprise_course_enrollment=enrollment)
        for role in ("enterprise_learner", "enterprise_admin"):
            factories.RoleAssignmentFactory(user=mia, role=role, enterprise_customer=customer)
    plain = factories.CourseEnrollmentFactory(user=mia)
    path = f"{PATH}{stored(acme, mia).pk}/"

    response = clerk.delete(path)

    assert (response.status_code, response.content) == (204, b"")
    assert list(EnterpriseCustomerUser.all_objects.all()) == [stored(bolt, mia)]
    assert EnterpriseCourseEnrollment.all_objects.count() == 1
    assert LicensedEnterpriseCourseEnrollment.objects.count() == 1
    assert roles_of(mia) == [("enterprise_admin", "bolt"), ("enterprise_learner", "bolt")]
    plain.refresh_from_db()
    assert plain.is_active
    assert clerk.delete(path).status_code == 404
