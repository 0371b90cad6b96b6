"""The operators' commands for roles (contract: roles-and-permissions 9)."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from enterprise.models import (
    EnterpriseCustomerAdmin,
    EnterpriseCustomerUser,
    RoleAssignmentUpdateOptions,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.services import links
from tests import factories

pytestmark = pytest.mark.django_db


def run(command, *arguments, **options):
    out = io.StringIO()
    call_command(command, *arguments, stdout=out, **options)
    return out.getvalue().strip()


def roles_of(user):
    held = SystemWideEnterpriseUserRoleAssignment.objects.filter(user=user)
    return sorted(held.values_list("role__name", "enterprise_customer__slug", "applies_to_all_contexts"))


@pytest.fixture
def acme():
    return factories.EnterpriseCustomerFactory(slug="acme")


@pytest.fixture
def bolt():
    return factories.EnterpriseCustomerFactory(slug="bolt")


# --- assign_system_wide_enterprise_role ---------------------------------------------------------------------------

ASSIGN = "assign_system_wide_enterprise_role"


def test_a_role_is_assigned_by_slug_or_uuid_and_the_id_printed(acme):
    mia = factories.UserFactory(username="mia")

    by_slug = run(ASSIGN, "--username", "mia", "--role", "enterprise_admin", "--enterprise-customer", "acme")
    by_uuid = run(ASSIGN, "--username", "mia", "--role", "enterprise_admin", "--enterprise-customer", str(acme.pk))

    assert by_slug == by_uuid == str(SystemWideEnterpriseUserRoleAssignment.objects.get().pk)
    assert roles_of(mia) == [("enterprise_admin", "acme", False)]


def test_a_slug_that_looks_like_a_uuid_is_a_slug_first(acme):
    lookalike = factories.EnterpriseCustomerFactory(slug=acme.pk.hex[:30])
    factories.UserFactory(username="mia")

    run(ASSIGN, "--username", "mia", "--role", "enterprise_admin", "--enterprise-customer", lookalike.slug)

    assert SystemWideEnterpriseUserRoleAssignment.objects.get().enterprise_customer == lookalike


def test_a_role_is_assigned_for_all_contexts():
    mia = factories.UserFactory(username="mia")

    run(ASSIGN, "--username", "mia", "--role", "enterprise_openedx_operator", "--all-contexts")

    assert roles_of(mia) == [("enterprise_openedx_operator", None, True)]


@pytest.mark.parametrize(
    "arguments",
    [
        ("--username", "mia", "--role", "enterprise_admin"),
        ("--username", "mia", "--role", "enterprise_admin", "--all-contexts", "--enterprise-customer", "acme"),
        ("--username", "nobody", "--role", "enterprise_admin", "--all-contexts"),
        ("--username", "mia", "--role", "astronaut", "--all-contexts"),
        ("--username", "mia", "--role", "enterprise_admin", "--enterprise-customer", "nowhere"),
        (
            "--username",
            "mia",
            "--role",
            "enterprise_admin",
            "--enterprise-customer",
            "00000000-0000-4000-8000-000000000000",
        ),
        ("--username", "mia", "--role", "enterprise_admin", "--enterprise-customer", ""),
    ],
)
def test_an_incomplete_or_unknown_assignment_is_a_command_error(acme, arguments):
    factories.UserFactory(username="mia")

    with pytest.raises(CommandError):
        run(ASSIGN, *arguments)

    assert not SystemWideEnterpriseUserRoleAssignment.objects.exists()


# --- backfill_learner_role_assignments ----------------------------------------------------------------------------


def test_linked_learners_without_the_learner_role_get_it(acme, bolt):
    lacking = [factories.LearnerFactory(enterprise_customer=customer) for customer in (acme, bolt, acme)]
    unlinked = factories.LearnerFactory(enterprise_customer=acme, linked=False, active=False)
    links.link_account(acme, factories.UserFactory())
    command = ("backfill_learner_role_assignments", "--batch-limit", "2", "--batch-sleep", "0")

    assert run(*command, "--dry-run").startswith("3 ")
    assert SystemWideEnterpriseUserRoleAssignment.objects.count() == 1
    assert run(*command).startswith("3 ")
    assert run(*command).startswith("0 ")

    for link in lacking:
        assert roles_of(link.user_fk) == [("enterprise_learner", link.enterprise_customer.slug, False)]
    assert roles_of(unlinked.user_fk) == []


def test_batches_are_rested_between(acme, monkeypatch):
    rests = []
    monkeypatch.setattr("enterprise.management.batches.time.sleep", rests.append)
    for _ in range(3):
        factories.LearnerFactory(enterprise_customer=acme)

    run("backfill_learner_role_assignments", "--batch-limit", "2", "--batch-sleep", "0.5")

    assert rests == [0.5, 0.5]


@pytest.mark.parametrize("size", ["0", "-1", "many", "²"])
def test_a_batch_has_at_least_one_row(size):
    with pytest.raises(CommandError):
        run("backfill_learner_role_assignments", "--batch-limit", size)


# --- update_role_assignments_with_customers -----------------------------------------------------------------------

UPDATE = "update_role_assignments_with_customers"


def test_holders_of_a_role_get_it_for_every_customer_they_are_linked_to(acme, bolt):
    third = factories.EnterpriseCustomerFactory(slug="third")
    admin = factories.UserFactory()
    for customer in (acme, bolt):
        factories.LearnerFactory(enterprise_customer=customer, user=admin)
    factories.LearnerFactory(enterprise_customer=third, user=admin, linked=False, active=False)
    factories.RoleAssignmentFactory(user=admin, role="enterprise_admin", enterprise_customer=acme)
    bystander = factories.LearnerFactory(enterprise_customer=acme).user_fk
    everywhere = factories.LearnerFactory(enterprise_customer=acme).user_fk
    factories.RoleAssignmentFactory(user=everywhere, role="enterprise_admin")

    run(UPDATE, "--dry-run")
    assert SystemWideEnterpriseUserRoleAssignment.objects.count() == 2
    run(UPDATE, "--batch-size", "1")
    run(UPDATE)

    assert roles_of(admin) == [("enterprise_admin", "acme", False), ("enterprise_admin", "bolt", False)]
    assert roles_of(bystander) == []
    assert roles_of(everywhere) == [("enterprise_admin", None, True)]


def test_operators_reach_all_customers_and_provisioning_admins_are_left_alone(acme):
    operator = factories.RoleAssignmentFactory(role="enterprise_openedx_operator", enterprise_customer=acme)
    provisioning = factories.RoleAssignmentFactory(role="enterprise_provisioning_admin", enterprise_customer=acme)

    run(UPDATE, "--role", "enterprise_openedx_operator")

    operator.refresh_from_db()
    assert operator.applies_to_all_contexts
    assert operator.history.count() == 2
    assert roles_of(provisioning.user) == [("enterprise_provisioning_admin", "acme", False)]
    with pytest.raises(CommandError):
        run(UPDATE, "--role", "enterprise_provisioning_admin")


def test_the_update_can_be_limited_to_a_role_and_a_customer(acme, bolt):
    user = factories.UserFactory()
    for customer in (acme, bolt):
        factories.LearnerFactory(enterprise_customer=customer, user=user)
    elsewhere = factories.EnterpriseCustomerFactory(slug="elsewhere")
    for role in ("enterprise_admin", "enterprise_catalog_admin"):
        factories.RoleAssignmentFactory(user=user, role=role, enterprise_customer=elsewhere)

    run(UPDATE, "--role", "enterprise_admin", "--enterprise-customer-uuid", str(bolt.pk))

    assert roles_of(user) == [
        ("enterprise_admin", "bolt", False),
        ("enterprise_admin", "elsewhere", False),
        ("enterprise_catalog_admin", "elsewhere", False),
    ]
    with pytest.raises(CommandError):
        run(UPDATE, "--enterprise-customer-uuid", "nope")


def test_the_options_may_come_from_the_database(acme, bolt):
    with pytest.raises(CommandError):
        run(UPDATE, "--args-from-database")
    user = factories.UserFactory()
    for customer in (acme, bolt):
        factories.LearnerFactory(enterprise_customer=customer, user=user)
    factories.RoleAssignmentFactory(user=user, role="enterprise_admin", enterprise_customer=acme)
    RoleAssignmentUpdateOptions.objects.create(role="enterprise_learner")
    RoleAssignmentUpdateOptions.objects.create(role="enterprise_admin", enterprise_customer_uuid=bolt.pk)
    RoleAssignmentUpdateOptions.objects.create(enabled=False, dry_run=True)

    assert run(UPDATE, "--args-from-database") == "enterprise_admin: 1 assignments made or changed."


# --- ensure_singular_active_enterprise_customer_user --------------------------------------------------------------

SINGULAR = ("ensure_singular_active_enterprise_customer_user", "--batch-sleep", "0")


def test_a_user_with_several_active_links_keeps_the_one_made_active_last(acme, bolt):
    third = factories.EnterpriseCustomerFactory()
    user, other = factories.UserFactory(), factories.UserFactory()
    made = {
        customer: factories.LearnerFactory(enterprise_customer=customer, user=user) for customer in (acme, bolt, third)
    }
    factories.LearnerFactory(enterprise_customer=acme, user=other)
    for place, customer in enumerate((bolt, third, acme)):
        made[customer].history.update(history_date=timezone.now() - timedelta(days=place))
    EnterpriseCustomerUser.objects.filter(pk=made[acme].pk).update(modified=timezone.now() + timedelta(days=1))
    before = EnterpriseCustomerUser.history.count()

    assert run(*SINGULAR, "--dry-run").startswith("1 ")
    assert EnterpriseCustomerUser.objects.filter(user_id=user.pk, active=True).count() == 3
    assert run(*SINGULAR, "--batch-limit", "1").startswith("1 ")

    assert EnterpriseCustomerUser.objects.get(user_id=user.pk, active=True) == made[bolt]
    assert EnterpriseCustomerUser.objects.get(user_id=other.pk).active
    assert EnterpriseCustomerUser.history.count() == before
    assert run(*SINGULAR).startswith("0 ")


def test_several_users_are_put_right_batch_by_batch(acme, bolt):
    users = [factories.UserFactory() for _ in range(5)]
    for user in users:
        for customer in (acme, bolt):
            factories.LearnerFactory(enterprise_customer=customer, user=user)

    assert run(*SINGULAR, "--batch-limit", "2").startswith("5 ")

    assert EnterpriseCustomerUser.objects.filter(active=True).count() == 5
    assert not EnterpriseCustomerUser.objects.filter(enterprise_customer=acme, active=True).exists()


# --- create_enterprise_customer_admins ----------------------------------------------------------------------------

ADMINS = "create_enterprise_customer_admins"


def test_admins_get_their_records_and_records_a_last_sign_in(acme, bolt):
    admin = factories.customer_admin(acme)
    unlinked = factories.RoleAssignmentFactory(role="enterprise_admin", enterprise_customer=acme)
    learner = factories.LearnerFactory(enterprise_customer=bolt, user=admin)
    known = factories.LearnerFactory(enterprise_customer=bolt)
    factories.RoleAssignmentFactory(user=known.user_fk, role="enterprise_admin", enterprise_customer=bolt)
    record = EnterpriseCustomerAdmin.objects.create(enterprise_customer_user=known)

    run(ADMINS, "--dry-run")
    assert list(EnterpriseCustomerAdmin.objects.values_list("last_login", flat=True)) == [None]
    assert run(ADMINS, "--batch-size", "1") == "1 admin records stamped, 1 made."
    assert run(ADMINS) == "0 admin records stamped, 0 made."

    record.refresh_from_db()
    assert record.last_login is not None
    made = EnterpriseCustomerAdmin.objects.exclude(pk=record.pk).get()
    assert made.enterprise_customer_user == EnterpriseCustomerUser.objects.get(
        enterprise_customer=acme, user_id=admin.pk
    )
    assert made.last_login is not None
    assert not EnterpriseCustomerUser.objects.filter(user_id=unlinked.user_id).exists()
    assert not EnterpriseCustomerAdmin.objects.filter(enterprise_customer_user=learner).exists()
