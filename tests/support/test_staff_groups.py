"""The staff groups operators, support and read-only: what each sees and does in the admin, and no more."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from enrollments.models import LoginFailure, OutboxMessage, User
from enterprise.models import BulkJob, EnterpriseCustomer, EnterpriseCustomerUser, PendingEnterpriseCustomerUser
from support.models import ShippedStaffGroup
from support.staff_groups import OPERATORS, READ_ONLY, SHIPPED, SUPERUSERS_ONLY, SUPPORT, give
from tests.factories import (
    PASSWORD,
    EnterpriseCustomerFactory,
    LearnerFactory,
    OAuthApplicationFactory,
    PendingLearnerFactory,
    ReportingConfigurationFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
PAGES = list(admin.site._registry.items())


def member(group: str, **fields: Any) -> Client:
    user = UserFactory(staff=True, **fields)
    user.groups.add(Group.objects.get(name=group))
    client = Client(raise_request_exception=False)
    client.force_login(user)
    return client


def address(model: Any, page: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


# --- What each may do -----------------------------------------------------------------------------


def test_each_group_may_look_at_every_list() -> None:
    for group in SHIPPED:
        client = member(group)
        codes = {model._meta.label: client.get(address(model, "changelist")).status_code for model, _ in PAGES}
        assert {label: code for label, code in codes.items() if code != 200} == {}, group


def test_a_member_of_read_only_can_neither_add_nor_change_nor_delete_anything() -> None:
    client, customer = member(READ_ONLY), EnterpriseCustomerFactory(name="Before")
    for model, _ in PAGES:
        assert client.get(address(model, "add")).status_code == 403, model
        assert client.post(address(model, "add"), {}).status_code == 403, model
    change = address(EnterpriseCustomer, "change", customer.pk)
    assert client.get(change).status_code == 200
    assert client.post(change, {"name": "After"}).status_code == 403
    assert client.post(address(EnterpriseCustomer, "delete", customer.pk), {"post": "yes"}).status_code == 403
    assert EnterpriseCustomer.objects.get().name == "Before"


@pytest.mark.parametrize("action", ["send_again", "delete_selected", "cancel", "retry"])
def test_a_member_of_read_only_has_no_actions(action: str) -> None:
    client = member(READ_ONLY)
    mail = OutboxMessage.objects.create(key="k", message_type="t", recipient="a@b.example", state="dead")
    job = BulkJob.objects.create(state="running", total=2)
    for row in (mail, job):
        client.post(address(type(row), "changelist"), {"action": action, "_selected_action": [row.pk]})
        row.refresh_from_db()
    assert (mail.state, job.state) == ("dead", "running")


def test_a_member_of_read_only_manages_no_learners() -> None:
    client, link = member(READ_ONLY), LearnerFactory()
    url = reverse("admin:enterprise_enterprisecustomer_learners", args=[link.enterprise_customer_id])
    assert client.get(url).status_code == 200
    for action in ("link", "unlink", "bar", "enroll"):
        sent = {"action": action, "user": link.user_id, "addresses": "new@acme.example"}
        assert client.post(url, sent).status_code == 403
    assert EnterpriseCustomerUser.objects.get().linked
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_a_member_of_support_repairs_what_learners_ask_about() -> None:
    client, learner = member(SUPPORT), UserFactory(username="locked")
    mail = OutboxMessage.objects.create(key="k", message_type="t", recipient="a@b.example", state="dead")
    client.post(address(OutboxMessage, "changelist"), {"action": "send_again", "_selected_action": [mail.pk]})
    assert OutboxMessage.objects.exclude(state="dead").exists()
    job = BulkJob.objects.create(state="running", total=2)
    client.post(address(BulkJob, "changelist"), {"action": "cancel", "_selected_action": [job.pk]})
    job.refresh_from_db()
    assert job.state in ("cancelling", "cancelled")
    failure = LoginFailure.objects.create(user=learner, failure_count=9)
    assert client.post(address(LoginFailure, "delete", failure.pk), {"post": "yes"}).status_code == 302
    assert not LoginFailure.objects.exists()
    waiting = PendingLearnerFactory()
    client.post(address(PendingEnterpriseCustomerUser, "delete", waiting.pk), {"post": "yes"})
    assert not PendingEnterpriseCustomerUser.objects.exists()
    link = LearnerFactory()
    url = reverse("admin:enterprise_enterprisecustomer_learners", args=[link.enterprise_customer_id])
    assert client.post(url, {"action": "unlink", "user": link.user_id}).status_code == 302
    assert not EnterpriseCustomerUser.all_objects.get(pk=link.pk).linked


def test_a_member_of_support_changes_neither_customers_nor_accounts_and_enrolls_no_rosters() -> None:
    client, link = member(SUPPORT), LearnerFactory()
    assert client.post(address(EnterpriseCustomer, "change", link.enterprise_customer_id), {}).status_code == 403
    assert client.post(address(EnterpriseCustomer, "add"), {}).status_code == 403
    assert client.post(address(User, "change", link.user_id), {"email": "x@y.example"}).status_code == 403
    url = reverse("admin:enterprise_enterprisecustomer_learners", args=[link.enterprise_customer_id])
    assert client.post(url, {"action": "enroll"}).status_code == 403


def test_an_operator_makes_changes_and_deletes_customers() -> None:
    client = member(OPERATORS)
    assert client.get(address(EnterpriseCustomer, "add")).status_code == 200
    customer = EnterpriseCustomerFactory()
    assert client.get(address(EnterpriseCustomer, "change", customer.pk)).context["has_change_permission"]
    client.post(address(EnterpriseCustomer, "delete", customer.pk), {"post": "yes"})
    assert not EnterpriseCustomer.all_objects.exists()


def test_an_operator_does_all_that_a_superuser_does_but_hand_out_rights() -> None:
    client, console = member(OPERATORS), Client()
    console.force_login(UserFactory(staff=True, superuser=True))
    requests = [each.get("/admin/").wsgi_request for each in (client, console)]
    for model, page in PAGES:
        may, might = ((page.has_add_permission(each), page.has_change_permission(each)) for each in requests)
        assert may == ((False, False) if model._meta.label_lower in SUPERUSERS_ONLY else might), model


@pytest.mark.parametrize("rights", [{"staff": True}, {"staff": True, "superuser": True}])
def test_an_operator_cannot_take_over_the_account_of_a_colleague(rights: dict[str, bool]) -> None:
    client, colleague = member(OPERATORS), UserFactory(username="colleague", **rights)
    new = {"password1": "Another-Horse-8", "password2": "Another-Horse-8"}
    assert client.post(f"/admin/enrollments/user/{colleague.pk}/password/", new).status_code == 403
    change = address(User, "change", colleague.pk)
    assert client.get(change).status_code == 200
    assert client.post(change, {"username": "colleague", "email": "mine@evil.example"}).status_code == 403
    assert client.post(address(User, "delete", colleague.pk), {"post": "yes"}).status_code == 403
    client.post(
        address(User, "changelist"), {"action": "delete_selected", "_selected_action": [colleague.pk], "post": "yes"}
    )
    stored = User.objects.get(pk=colleague.pk)
    assert stored.check_password(PASSWORD)
    assert stored.email == colleague.email


def test_an_operator_may_set_the_password_of_a_learner() -> None:
    client, learner = member(OPERATORS), UserFactory()
    new = {"password1": "Another-Horse-8", "password2": "Another-Horse-8", "usable_password": "true"}
    client.post(f"/admin/enrollments/user/{learner.pk}/password/", new)
    assert User.objects.get(pk=learner.pk).check_password("Another-Horse-8")


def test_whoever_may_only_look_sees_no_secrets() -> None:
    client = member(READ_ONLY)
    application = OAuthApplicationFactory()
    configuration = ReportingConfigurationFactory(decrypted_password="a-secret")
    learner = UserFactory()
    for row in (application, configuration, learner):
        page = client.get(address(type(row), "change", row.pk))
        assert page.status_code == 200
        for secret in ("a-secret", getattr(row, "client_secret", "a-secret"), learner.password):
            assert secret not in page.content.decode()


# --- How they come about, and what migrations leave alone -----------------------------------------


def codenames(group: str) -> set[str]:
    return set(Group.objects.get(name=group).permissions.values_list("codename", flat=True))


def test_a_migrated_database_has_the_groups_with_their_permissions() -> None:
    assert {"view_enterprisecustomer", "change_enterprisecustomer", "add_flag"} <= codenames(OPERATORS)
    assert {"view_enterprisecustomer", "change_outboxmessage"} <= codenames(SUPPORT)
    assert {name.split("_")[0] for name in codenames(READ_ONLY)} == {"view"}
    assert codenames(READ_ONLY) <= codenames(SUPPORT) < codenames(OPERATORS)


def test_a_second_migration_changes_nothing() -> None:
    before = {group: codenames(group) for group in SHIPPED}
    call_command("migrate", verbosity=0)
    assert {group: codenames(group) for group in SHIPPED} == before


def test_what_an_operator_gave_or_took_stays_as_it_is() -> None:
    group = Group.objects.get(name=SUPPORT)
    given = Permission.objects.get(codename="change_enterprisecustomer")
    group.permissions.add(given)
    group.permissions.remove(Permission.objects.get(codename="change_outboxmessage"))
    give()
    assert "change_enterprisecustomer" in codenames(SUPPORT)
    assert "change_outboxmessage" not in codenames(SUPPORT)


def test_models_that_are_new_get_their_permissions_once() -> None:
    for group in SHIPPED:
        record = ShippedStaffGroup.objects.get(pk=group)
        record.given.remove("enterprise.view_bulkjob")
        record.save()
        Group.objects.get(name=group).permissions.remove(Permission.objects.get(codename="view_bulkjob"))
    give()
    assert all("view_bulkjob" in codenames(group) for group in SHIPPED)


def test_a_group_that_an_operator_deleted_stays_away() -> None:
    Group.objects.get(name=SUPPORT).delete()
    give()
    assert not Group.objects.filter(name=SUPPORT).exists()


def test_a_group_that_an_operator_made_before_keeps_what_it_had() -> None:
    ShippedStaffGroup.objects.all().delete()
    group = Group.objects.get(name=READ_ONLY)
    group.permissions.set(Permission.objects.filter(codename="add_enterprisecustomer"))
    give()
    assert {"add_enterprisecustomer", "view_enterprisecustomer"} <= codenames(READ_ONLY)
