"""Permission rules as views list them (contract: roles-and-permissions 4, 5 and 11; enterprise-customers 1.4)."""

from __future__ import annotations

import uuid

import pytest
from rest_framework.permissions import AllowAny
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory, force_authenticate
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from enterprise import permissions
from enterprise.permissions import (
    CAN_ACCESS_ADMIN_DASHBOARD,
    CAN_ENROLL_LEARNERS,
    CAN_VIEW_CATALOG,
    CAN_VIEW_DEFAULT_INTENTIONS,
    PROVISIONS_CUSTOMERS,
    PROVISIONS_PENDING_ADMINS,
)
from enterprise.queries.customers import visible_customer, visible_customers
from tests import factories

pytestmark = pytest.mark.django_db
MINE, OTHER = str(uuid.uuid4()), str(uuid.uuid4())


def view_of(**methods: object) -> type[APIView]:
    return type("View", (APIView,), {"throttle_classes": [], **methods})


def answer(view: type[APIView], method: str = "get", *, roles=(), user=None, path=None, **kwargs):
    """What a view says to a caller whose JWT has these roles."""
    request = getattr(APIRequestFactory(), method)("/", format="json", **kwargs)
    if user is not False:
        force_authenticate(request, user or factories.UserFactory.build(pk=0), {"roles": list(roles)})
    response = view.as_view()(request, **(path or {}))
    response.render()
    return response


def done(self, request, **kwargs):
    return Response("done")


# --- on a handler -------------------------------------------------------------------------------------------------


def test_the_decorator_lets_holders_for_the_path_through_and_names_what_others_miss():
    view = view_of(get=permissions.requires(CAN_ENROLL_LEARNERS, context=permissions.path("uuid"))(done))

    assert answer(view, roles=[f"enterprise_admin:{MINE}"], path={"uuid": MINE}).data == "done"
    assert answer(view, roles=["enterprise_openedx_operator:*"], path={"uuid": MINE}).data == "done"
    for roles in (
        [],
        [f"enterprise_admin:{OTHER}"],
        [f"enterprise_learner:{MINE}"],
        ["enterprise_provisioning_admin:*"],
    ):
        response = answer(view, roles=roles, path={"uuid": MINE})
        assert response.status_code == 403
        assert response.data == {"detail": "Missing: enterprise.can_enroll_learners"}


def test_several_missing_permissions_are_listed():
    view = view_of(get=permissions.requires(CAN_ENROLL_LEARNERS, CAN_VIEW_CATALOG)(done))

    response = answer(view)

    assert response.data == {"detail": "Missing: enterprise.can_enroll_learners, enterprise.can_view_catalog"}


def test_anonymous_callers_hear_401_before_any_role_is_checked():
    view = view_of(get=permissions.requires(CAN_ENROLL_LEARNERS)(done))

    response = answer(view, user=False)

    assert response.status_code == 401
    assert response.data == {"detail": "Authentication credentials were not provided."}


@pytest.mark.parametrize(
    ("source", "request_of"),
    [
        (permissions.body("enterprise_id"), lambda value: {"method": "post", "data": {"enterprise_id": value}}),
        (
            permissions.query("enterprise_id"),
            lambda value: {"method": "post", "QUERY_STRING": f"enterprise_id={value}"},
        ),
        (
            permissions.first_of(permissions.query("absent"), permissions.body("enterprise_id")),
            lambda value: {"method": "post", "data": {"enterprise_id": value}},
        ),
    ],
)
def test_the_context_may_come_from_the_body_or_the_query(source, request_of):
    view = view_of(post=permissions.requires(CAN_VIEW_CATALOG, context=source)(done))
    roles = [f"enterprise_admin:{MINE}"]

    assert answer(view, roles=roles, **request_of(MINE)).status_code == 200
    assert answer(view, roles=roles, **request_of(OTHER)).status_code == 403
    assert answer(view, roles=roles, **request_of(MINE.upper())).status_code == 403
    assert answer(view, roles=roles, **request_of("")).status_code == 200
    assert answer(view, roles=[], **request_of("")).status_code == 403
    assert answer(view, roles=["enterprise_admin:*"], **request_of("nonsense")).status_code == 200


@pytest.mark.parametrize("data", [[], [MINE], "text", {"other": MINE}, {"enterprise_id": None}, {"enterprise_id": []}])
def test_a_body_without_the_field_gives_no_context(data):
    view = view_of(post=permissions.requires(CAN_VIEW_CATALOG, context=permissions.body("enterprise_id"))(done))

    assert answer(view, "post", roles=[f"enterprise_admin:{MINE}"], data=data).status_code == 200
    assert answer(view, "post", roles=[], data=data).status_code == 403


@pytest.mark.parametrize("value", [[OTHER], [MINE], {"uuid": MINE}, 7, True])
def test_a_context_in_the_body_is_always_one_text(value):
    view = view_of(post=permissions.requires(CAN_VIEW_CATALOG, context=permissions.body("enterprise_id"))(done))

    response = answer(view, "post", roles=[f"enterprise_admin:{MINE}"], data={"enterprise_id": value})

    assert response.status_code == 403


def test_the_any_of_check_has_a_text_of_its_own():
    either = permissions.requires_any(CAN_ACCESS_ADMIN_DASHBOARD, PROVISIONS_CUSTOMERS, context=permissions.path("pk"))
    view = view_of(patch=either(done))

    for role in ("enterprise_admin", "enterprise_openedx_operator", "enterprise_provisioning_admin"):
        assert answer(view, "patch", roles=[f"{role}:{MINE}"], path={"pk": MINE}).status_code == 200
        assert answer(view, "patch", roles=[f"{role}:{OTHER}"], path={"pk": MINE}).status_code == 403
    response = answer(view, "patch", roles=[f"enterprise_learner:{MINE}"], path={"pk": MINE})
    assert response.data == {
        "detail": "Access denied: Only admins and provisioning admins are allowed to access this endpoint."
    }


def test_a_view_can_check_again_for_the_customer_it_found():
    def look_up_then_act(self, request, **kwargs):
        permissions.ensure(request, CAN_VIEW_CATALOG, context=OTHER)
        return Response("done")

    view = view_of(post=permissions.requires(CAN_VIEW_CATALOG)(look_up_then_act))

    assert answer(view, "post", roles=[f"enterprise_admin:{MINE}"]).data == {
        "detail": "Missing: enterprise.can_view_catalog"
    }
    assert answer(view, "post", roles=[f"enterprise_admin:{OTHER}"]).data == "done"


# --- as a permission class, and the order of checks ---------------------------------------------------------------


def test_the_permission_class_has_its_message_in_upper_case():
    view = view_of(get=done, permission_classes=[permissions.holds(PROVISIONS_PENDING_ADMINS)])

    assert answer(view, roles=[f"enterprise_provisioning_admin:{MINE}"]).data == "done"
    refused = answer(
        view, roles=["enterprise_openedx_operator:*"], user=factories.UserFactory.build(pk=0, is_staff=True)
    )
    assert refused.status_code == 403
    assert refused.data == {"detail": "MISSING: provisioning.has_pending_enterprise_customer_admin_access"}
    assert answer(view, user=False).status_code == 401


def test_the_permission_class_takes_a_context_too():
    source = permissions.query("enterprise_customer_uuid")
    view = view_of(get=done, permission_classes=[permissions.holds(CAN_VIEW_DEFAULT_INTENTIONS, context=source)])
    roles = [f"enterprise_learner:{MINE}"]

    assert answer(view, roles=roles, data={"enterprise_customer_uuid": MINE}).status_code == 200
    assert answer(view, roles=roles, data={"enterprise_customer_uuid": OTHER}).status_code == 403
    assert answer(view, roles=roles).status_code == 403


class Exhausted(BaseThrottle):
    def allow_request(self, request, view):
        return False


def test_permission_classes_come_before_throttle_and_method_and_decorators_after_them():
    as_class = [permissions.holds(CAN_VIEW_CATALOG)]
    decorated = permissions.requires(CAN_VIEW_CATALOG)(done)

    throttled = {"throttle_classes": [Exhausted]}
    assert answer(view_of(get=done, permission_classes=as_class, **throttled)).status_code == 403
    assert answer(view_of(get=decorated, **throttled)).status_code == 429
    assert answer(view_of(get=done, permission_classes=as_class), "post").status_code == 403
    assert answer(view_of(get=decorated), "post").status_code == 405


def test_a_list_of_own_contexts_admits_staff_and_whoever_holds_the_permission_somewhere():
    view = view_of(get=done, permission_classes=[permissions.holds_somewhere(CAN_VIEW_DEFAULT_INTENTIONS)])
    staff = factories.UserFactory.build(pk=0, is_staff=True)
    superuser = factories.UserFactory.build(pk=0, is_superuser=True)

    assert answer(view, roles=[f"enterprise_learner:{MINE}"]).status_code == 200
    assert answer(view, user=staff).status_code == 200
    assert answer(view, user=superuser).status_code == 200
    assert answer(view, user=False).status_code == 401
    for roles in ([], ["enterprise_learner"], ["enterprise_provisioning_admin:*"]):
        refused = answer(view, roles=roles)
        assert refused.status_code == 403
        assert refused.data == {"detail": "You do not have permission to perform this action."}


# --- rows ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def customers():
    return [factories.EnterpriseCustomerFactory() for _ in range(2)]


def seen_by(user, roles=()):
    seen = []

    def get(self, request):
        seen.extend(visible_customers(request))
        return Response()

    answer(view_of(get=get, permission_classes=[AllowAny]), user=user, roles=roles)
    return seen


def test_a_learner_sees_the_active_customers_they_are_linked_to(customers):
    mine, other = customers
    user = factories.UserFactory()
    factories.LearnerFactory(user=user, enterprise_customer=mine, active=False)
    factories.LearnerFactory(user=user, enterprise_customer=other, linked=False, active=False)
    factories.LearnerFactory(user=user, enterprise_customer=factories.EnterpriseCustomerFactory(active=False))

    assert seen_by(user) == [mine]
    assert seen_by(factories.UserFactory(), [f"enterprise_admin:{mine.pk}"]) == []


def test_staff_superusers_and_provisioning_admins_see_all_active_customers(customers):
    factories.EnterpriseCustomerFactory(active=False)

    assert seen_by(factories.UserFactory(is_staff=True)) == customers
    assert seen_by(factories.UserFactory(is_superuser=True)) == customers
    assert seen_by(factories.UserFactory(), ["enterprise_provisioning_admin:*"]) == customers
    assert seen_by(factories.UserFactory(), ["enterprise_openedx_operator:*"]) == []


def test_a_customer_outside_is_not_found_and_a_malformed_uuid_neither(customers):
    mine, other = customers
    user = factories.UserFactory()
    factories.LearnerFactory(user=user, enterprise_customer=mine)

    def get(self, request, pk):
        return Response(visible_customer(request, pk).name)

    view = view_of(get=get)
    assert answer(view, user=user, path={"pk": str(mine.pk)}).data == mine.name
    for outside in (other.pk, uuid.uuid4()):
        response = answer(view, user=user, path={"pk": str(outside)})
        assert (response.status_code, response.data) == (
            404,
            {"detail": "No EnterpriseCustomer matches the given query."},
        )
    response = answer(view, user=user, path={"pk": "nope"})
    assert (response.status_code, response.data) == (404, {"detail": "Not found."})


# --- which JWT counts ---------------------------------------------------------------------------------------------


def test_rights_are_read_once_per_request(customers, as_user, django_assert_num_queries):
    mine, _ = customers
    user = factories.UserFactory()
    factories.LearnerFactory(user=user, enterprise_customer=mine)
    factories.FeatureRoleAssignmentFactory(user=user, role="catalog_admin")

    @permissions.requires(CAN_VIEW_CATALOG, context=permissions.path("uuid"))
    def get(self, request, uuid):
        permissions.ensure(request, CAN_VIEW_CATALOG, context=str(mine.pk))
        return Response("done")

    with django_assert_num_queries(1):
        assert answer(view_of(get=get), user=user, path={"uuid": str(mine.pk)}).data == "done"
