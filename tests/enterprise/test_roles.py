"""Roles: assigning them, the token's claim, and what they permit (contract: roles-and-permissions 2 to 4, 6, 8)."""

from __future__ import annotations

import uuid

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError

from enterprise.models import (
    EnterpriseFeatureUserRoleAssignment,
    SystemWideEnterpriseRole,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.queries.roles import (
    CAN_ACCESS_ADMIN_DASHBOARD,
    CAN_ENROLL_LEARNERS,
    CAN_MANAGE_ADMINS,
    CAN_MANAGE_FULFILLMENTS,
    CAN_MANAGE_ORCHESTRATION,
    CAN_MANAGE_REPORTING_CONFIG,
    CAN_VIEW_CATALOG,
    CAN_VIEW_DEFAULT_INTENTIONS,
    PROVISIONS_CUSTOMERS,
    PROVISIONS_PENDING_ADMINS,
    RULES,
    Access,
    jwt_roles,
)
from enterprise.services import links, roles
from tests import factories

pytestmark = pytest.mark.django_db

MINE, OTHER = str(uuid.uuid4()), str(uuid.uuid4())
LEARNER, ADMIN, OPERATOR, CATALOG_ADMIN, PROVISIONING_ADMIN = (
    "enterprise_learner",
    "enterprise_admin",
    "enterprise_openedx_operator",
    "enterprise_catalog_admin",
    "enterprise_provisioning_admin",
)
EVERY_ROLE = {LEARNER, ADMIN, OPERATOR, CATALOG_ADMIN, PROVISIONING_ADMIN}

# permission -> system-wide roles of the JWT that grant it, feature role of the database that does (or None)
TABLE = {
    CAN_ACCESS_ADMIN_DASHBOARD: ({ADMIN, OPERATOR}, "dashboard_admin"),
    CAN_VIEW_CATALOG: ({ADMIN, OPERATOR}, "catalog_admin"),
    CAN_ENROLL_LEARNERS: ({ADMIN, OPERATOR}, "enrollment_api_admin"),
    CAN_MANAGE_REPORTING_CONFIG: ({ADMIN, OPERATOR}, "reporting_config_admin"),
    CAN_MANAGE_FULFILLMENTS: ({OPERATOR}, None),
    CAN_MANAGE_ORCHESTRATION: ({OPERATOR}, None),
    PROVISIONS_CUSTOMERS: ({PROVISIONING_ADMIN}, None),
    PROVISIONS_PENDING_ADMINS: ({PROVISIONING_ADMIN}, None),
    CAN_MANAGE_ADMINS: ({ADMIN, OPERATOR, PROVISIONING_ADMIN}, None),
    CAN_VIEW_DEFAULT_INTENTIONS: ({LEARNER, ADMIN, OPERATOR}, None),
}


def holding(*entries: object, user=None) -> Access:
    return Access(user or factories.UserFactory.build(), {"roles": list(entries)})


def test_the_table_names_every_permission():
    assert TABLE.keys() == RULES.keys()


@pytest.mark.parametrize("permission", TABLE)
@pytest.mark.parametrize("role", sorted(EVERY_ROLE))
def test_a_system_wide_role_of_the_jwt_grants_what_the_table_says(permission, role):
    granted = role in TABLE[permission][0]
    here, everywhere = holding(f"{role}:{MINE}"), holding(f"{role}:*")

    assert here.has(permission, MINE) is granted
    assert here.has(permission, uuid.UUID(MINE)) is granted
    assert here.has(permission, OTHER) is False
    assert here.has(permission, MINE.upper()) is False
    assert here.has(permission, [MINE, OTHER]) is False
    assert everywhere.has(permission, MINE) is granted
    assert everywhere.has(permission, [MINE, OTHER]) is granted
    assert everywhere.has(permission) is granted
    assert here.contexts(permission) == ({MINE} if granted else set())
    assert everywhere.contexts(permission) == ({"*"} if granted else set())


@pytest.mark.parametrize("permission", TABLE)
def test_without_a_context_a_role_for_any_customer_suffices_for_implicit_predicates(permission):
    implicit = {PROVISIONING_ADMIN} if permission == CAN_MANAGE_ADMINS else TABLE[permission][0]

    for role in EVERY_ROLE:
        # A missing context of the learner's permission becomes the text None, which nobody holds.
        suffices = role in implicit and permission != CAN_VIEW_DEFAULT_INTENTIONS
        assert holding(f"{role}:{MINE}").has(permission) is suffices
        if permission != CAN_VIEW_DEFAULT_INTENTIONS:
            assert holding(f"{role}:{MINE}").has(permission, "") is suffices
        assert holding(role).has(permission) is suffices
        assert holding(role).has(permission, MINE) is False
        assert holding(role).contexts(permission) == set()


@pytest.mark.parametrize("permission", TABLE)
@pytest.mark.parametrize(
    "feature_role",
    ["dashboard_admin", "catalog_admin", "enrollment_api_admin", "reporting_config_admin", "fulfillment_operator"],
)
def test_a_feature_role_of_the_database_counts_for_the_customers_the_user_is_linked_to(permission, feature_role):
    granted = TABLE[permission][1] == feature_role
    user = factories.UserFactory()
    factories.FeatureRoleAssignmentFactory(user=user, role=feature_role, applies_to_all_contexts=True)
    held = Access(user, None)
    assert held.has(permission) is granted
    assert held.has(permission, MINE) is False
    assert held.contexts(permission) == set()

    mine = factories.LearnerFactory(user=user, active=False).enterprise_customer
    other = factories.LearnerFactory(user=user, linked=False, active=False).enterprise_customer
    held = Access(user, {"roles": []})
    assert held.has(permission, str(mine.pk)) is granted
    assert held.has(permission, str(other.pk)) is False
    assert held.has(permission, [str(mine.pk), str(other.pk)]) is False
    assert held.has(permission) is granted
    assert held.contexts(permission) == ({str(mine.pk)} if granted else set())


@pytest.mark.parametrize("permission", TABLE)
def test_an_active_superuser_holds_everything_and_staff_holds_nothing(permission):
    superuser = Access(factories.UserFactory.build(is_superuser=True), None)
    inactive = Access(factories.UserFactory.build(is_superuser=True, is_active=False, pk=0), None)
    staff = Access(factories.UserFactory.build(is_staff=True, pk=0), None)

    assert superuser.has(permission, MINE)
    assert superuser.contexts(permission) == {"*"}
    for access in (inactive, staff, Access(AnonymousUser(), None)):
        assert not access.has(permission)
        assert not access.has(permission, MINE)
        assert access.contexts(permission) == set()


def test_raw_roles_need_the_very_context_or_all_of_them():
    assert holding(f"{ADMIN}:{MINE}").has(CAN_MANAGE_ADMINS) is False
    assert holding(f"{ADMIN}:*").has(CAN_MANAGE_ADMINS) is True
    assert holding(ADMIN).has(CAN_MANAGE_ADMINS) is False
    assert holding(f"{ADMIN}:").has(CAN_MANAGE_ADMINS) is False


def test_the_missing_context_of_default_intentions_is_the_text_none():
    assert holding(f"{LEARNER}:{MINE}").has(CAN_VIEW_DEFAULT_INTENTIONS) is False
    assert holding(f"{LEARNER}:None").has(CAN_VIEW_DEFAULT_INTENTIONS) is True
    assert holding(f"{LEARNER}:*").has(CAN_VIEW_DEFAULT_INTENTIONS) is True


@pytest.mark.parametrize(
    "entries",
    [
        ["dashboard_admin:*"],
        ["astronaut:*"],
        [":*"],
        ["enterprise_admin,*"],
        [7, None, {"enterprise_admin": "*"}, ["enterprise_admin:*"]],
    ],
)
def test_feature_roles_unknown_roles_and_nonsense_in_the_jwt_grant_nothing(entries):
    assert not any(holding(*entries).has(permission) for permission in RULES)


@pytest.mark.parametrize("claim", [None, "enterprise_admin:*", {"enterprise_admin": "*"}, 7])
def test_a_roles_claim_that_is_no_list_grants_nothing(claim):
    assert not Access(factories.UserFactory.build(pk=0), {"roles": claim}).has(CAN_VIEW_CATALOG)


def test_an_entry_is_split_at_its_first_colon():
    assert holding(f"{ADMIN}:a:b").has(CAN_VIEW_CATALOG, "a:b")
    assert not holding(f"{ADMIN}:a:b").has(CAN_VIEW_CATALOG, "a")


def test_the_mapping_is_read_when_it_is_used(settings):
    settings.SYSTEM_TO_FEATURE_ROLE_MAPPING = {"enterprise_catalog_admin": ["catalog_admin"]}

    assert holding(f"{CATALOG_ADMIN}:{MINE}").has(CAN_VIEW_CATALOG, MINE)
    assert not holding(f"{ADMIN}:{MINE}").has(CAN_VIEW_CATALOG, MINE)


def test_the_database_is_asked_once_and_only_when_the_jwt_does_not_suffice(django_assert_num_queries):
    user = factories.UserFactory()
    customer = factories.LearnerFactory(user=user).enterprise_customer
    factories.LearnerFactory(user=user)
    for role in ("dashboard_admin", "catalog_admin"):
        factories.FeatureRoleAssignmentFactory(user=user, role=role)

    with django_assert_num_queries(0):
        assert holding(f"{ADMIN}:{MINE}", user=user).has(CAN_VIEW_CATALOG, MINE)
    held = holding(f"{ADMIN}:{MINE}", user=user)
    with django_assert_num_queries(1):
        assert held.has(CAN_VIEW_CATALOG, str(customer.pk))
        assert held.has(CAN_ACCESS_ADMIN_DASHBOARD, str(customer.pk))
        assert not held.has(CAN_ENROLL_LEARNERS, str(customer.pk))


# --- the claim ----------------------------------------------------------------------------------------------------


def test_the_claim_lists_roles_by_name_and_the_customers_the_user_acts_for_first(django_assert_num_queries):
    user = factories.UserFactory()
    customers = sorted((factories.EnterpriseCustomerFactory() for _ in range(4)), key=lambda each: str(each.pk))
    first, second, third, last = (str(customer.pk) for customer in customers)
    factories.LearnerFactory(user=user, enterprise_customer=customers[0], active=False)
    factories.LearnerFactory(user=user, enterprise_customer=customers[2], active=True)
    factories.LearnerFactory(user=user, enterprise_customer=customers[3], active=True, linked=False)
    for customer in reversed(customers):
        factories.RoleAssignmentFactory(user=user, role=LEARNER, enterprise_customer=customer)
    factories.RoleAssignmentFactory(user=user, role=ADMIN, enterprise_customer=customers[1])
    factories.RoleAssignmentFactory(user=user, role=ADMIN)

    with django_assert_num_queries(2):
        claim = jwt_roles(user)

    assert claim == [
        f"{ADMIN}:*",
        f"{ADMIN}:{second}",
        f"{LEARNER}:{third}",
        f"{LEARNER}:{first}",
        f"{LEARNER}:{second}",
        f"{LEARNER}:{last}",
    ]


def test_an_operator_reaches_all_customers_whatever_the_row_says():
    user, customer = factories.UserFactory(), factories.EnterpriseCustomerFactory()
    factories.RoleAssignmentFactory(user=user, role=OPERATOR, enterprise_customer=customer)
    factories.RoleAssignmentFactory(user=user, role=OPERATOR, applies_to_all_contexts=False)

    assert jwt_roles(user) == [f"{OPERATOR}:*"]


def test_a_role_without_any_context_is_given_by_its_bare_name():
    user = factories.UserFactory()
    role = SystemWideEnterpriseRole.objects.get(name=CATALOG_ADMIN)
    SystemWideEnterpriseUserRoleAssignment.objects.bulk_create(
        [SystemWideEnterpriseUserRoleAssignment(user=user, role=role)]
    )

    assert jwt_roles(user) == [CATALOG_ADMIN]


def test_a_user_without_roles_has_no_claim(django_assert_num_queries):
    with django_assert_num_queries(1):
        assert jwt_roles(factories.UserFactory.build(pk=10**9)) == []


# --- assigning and removing ---------------------------------------------------------------------------------------


def test_assigning_twice_returns_the_same_row_unchanged():
    user, customer = factories.UserFactory(), factories.EnterpriseCustomerFactory()

    first = roles.assign(user, ADMIN, customer)
    again = roles.assign(user, ADMIN, customer, all_contexts=True)

    assert again == first
    assert again.applies_to_all_contexts is False
    assert first.history.count() == 1
    assert roles.assign(user, ADMIN, all_contexts=True) != first


def test_an_unknown_role_is_an_error():
    with pytest.raises(roles.UnknownRole):
        roles.assign(factories.UserFactory(), "astronaut", all_contexts=True)


def test_a_role_needs_a_customer_or_all_of_them_unless_it_is_the_operators():
    user = factories.UserFactory()

    with pytest.raises(ValidationError):
        roles.assign(user, ADMIN)
    assert roles.assign(user, OPERATOR).pk


def test_removing_a_role_for_one_customer_leaves_the_others_and_writes_history():
    user, mine, other = factories.UserFactory(), *(factories.EnterpriseCustomerFactory() for _ in range(2))
    gone = roles.assign(user, ADMIN, mine)
    roles.assign(user, ADMIN, other)
    roles.assign(user, LEARNER, mine)

    assert roles.remove(user, ADMIN, mine) == 1

    assert jwt_roles(user) == [f"{ADMIN}:{other.pk}", f"{LEARNER}:{mine.pk}"]
    history = SystemWideEnterpriseUserRoleAssignment.history.filter(id=gone.pk)
    assert sorted(history.values_list("history_type", flat=True)) == ["+", "-"]


def test_removing_a_role_without_a_customer_removes_all_its_rows_of_that_user_only():
    user, bystander = factories.UserFactory(), factories.UserFactory()
    customer = factories.EnterpriseCustomerFactory()
    for account in (user, bystander):
        roles.assign(account, ADMIN, customer)
        roles.assign(account, ADMIN, all_contexts=True)

    assert roles.remove(user, ADMIN) == 2

    assert jwt_roles(user) == []
    assert len(jwt_roles(bystander)) == 2


def test_learners_are_given_a_role_in_a_fixed_number_of_statements(django_assert_max_num_queries):
    customer = factories.EnterpriseCustomerFactory()
    made = [factories.LearnerFactory(enterprise_customer=customer) for _ in range(12)]
    roles.assign_to_learners(ADMIN, [made[0].pk])

    with django_assert_max_num_queries(6):
        assert roles.assign_to_learners(ADMIN, [link.pk for link in made]) == 11

    assert SystemWideEnterpriseUserRoleAssignment.history.filter(history_type="+").count() == 12
    pairs = {(customer.pk, link.user_id) for link in made[:3]}
    assert roles.remove_from_learners(pairs, ADMIN, LEARNER) == 3
    assert roles.remove_from_learners(set(), ADMIN) == 0


def test_feature_role_rows_may_be_doubled_without_harm():
    user = factories.UserFactory()
    link, _ = links.link_account(factories.EnterpriseCustomerFactory(), user)
    for _ in range(2):
        factories.FeatureRoleAssignmentFactory(user=user, role="dashboard_admin")

    assert EnterpriseFeatureUserRoleAssignment.objects.count() == 2
    assert Access(user, None).contexts(CAN_ACCESS_ADMIN_DASHBOARD) == {str(link.enterprise_customer_id)}
