"""Admins are invited, and their administration ends (contract: enterprise-admins-groups-sso)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError
from rest_framework.test import APIClient

from enrollments.models import OutboxMessage, User
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerAdmin,
    EnterpriseCustomerUser,
    PendingEnterpriseCustomerAdminUser,
    PendingEnterpriseCustomerUser,
)
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.enterprise.customer_admins.calls import OWN, account_of, roles_of
from tests.factories import (
    AdminRecordFactory,
    FeatureRoleAssignmentFactory,
    LearnerFactory,
    PendingAdminFactory,
    PendingEnrollmentFactory,
    PendingLearnerFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    operator,
    recorded_admin,
)
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db
NO_SUCH_CUSTOMER = {"detail": "No EnterpriseCustomer matches the given query."}
MAY_MANAGE = ("admin", "operator", "provisioning admin", "superuser")


# --- admin_invites ------------------------------------------------------------------------------------------------


def invite(client: APIClient, customer: Any, emails: Any, **options: Any) -> Any:
    return client.post(f"{OWN}{getattr(customer, 'pk', customer)}/admin_invites/", {"emails": emails}, **options)


@pytest.mark.parametrize("name", CALLERS)
def test_admins_operators_and_who_provisions_invite_admins(
    as_user: Any, client: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, name: str
) -> None:
    account = caller(name, acme, bolt)
    response = invite(as_user(account) if account else client, acme, ["lee@blue.example"])
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
    elif name in MAY_MANAGE:
        assert (response.status_code, len(PendingEnterpriseCustomerAdminUser.objects.all())) == (200, 1)
    else:
        assert response.status_code == 403
        assert response.json() == {"detail": "Missing: enterprise.can_manage_enterprise_customer_admins"}
        assert not PendingEnterpriseCustomerAdminUser.objects.exists()


def test_a_feature_role_in_the_database_does_not_let_invite(as_user: Any, acme: EnterpriseCustomer) -> None:
    account = LearnerFactory(enterprise_customer=acme).user_fk
    FeatureRoleAssignmentFactory(user=account, role="dashboard_admin")
    assert invite(as_user(account), acme, ["lee@blue.example"]).status_code == 403


def test_each_address_is_answered_in_the_order_of_the_request(
    as_user: Any, acme: EnterpriseCustomer, record: EnterpriseCustomerAdmin, django_capture_on_commit_callbacks: Any
) -> None:
    PendingAdminFactory(enterprise_customer=acme, user_email="Kai@blue.example")
    LearnerFactory(enterprise_customer=acme, user__email="Mia@blue.example")
    emails = [" Lee@Blue.example ", "IDA@blue.example", "kai@blue.example", "mia@blue.example"]
    with django_capture_on_commit_callbacks(execute=True):
        response = invite(as_user(operator()), acme, emails)
    assert response.status_code == 200
    assert response.json() == [
        {"email": "lee@blue.example", "status": "invite sent"},
        {"email": "ida@blue.example", "status": "already admin"},
        {"email": "kai@blue.example", "status": "already sent"},
        {"email": "mia@blue.example", "status": "invite sent"},
    ]
    invited = PendingEnterpriseCustomerAdminUser.objects.values_list("user_email", flat=True)
    assert set(invited) == {"Kai@blue.example", "lee@blue.example", "mia@blue.example"}
    assert PendingEnterpriseCustomerAdminUser.history.filter(user_email="lee@blue.example", history_type="+").exists()
    waiting = PendingEnterpriseCustomerUser.objects.values_list("user_email", flat=True)
    assert set(waiting) == {"lee@blue.example", "mia@blue.example"}
    bodies = {message.to[0]: message.body for message in mail.outbox}
    assert bodies.keys() == {"lee@blue.example", "mia@blue.example"}
    assert all("/acme/admin/register" in body and "Acme" in body for body in bodies.values())
    assert "make an account" in bodies["lee@blue.example"]
    assert "You learn there already" in bodies["mia@blue.example"]


def test_inviting_again_sends_no_second_mail(
    as_user: Any, acme: EnterpriseCustomer, django_capture_on_commit_callbacks: Any
) -> None:
    boss = as_user(customer_admin(acme))
    for status in ("invite sent", "already sent"):
        with django_capture_on_commit_callbacks(execute=True):
            answer = invite(boss, acme, ["lee@blue.example"]).json()
        assert answer == [{"email": "lee@blue.example", "status": status}]
    assert len(mail.outbox) == 1


def test_an_admin_without_the_role_is_one_already_an_inactive_one_is_not(
    as_user: Any, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    AdminRecordFactory(
        enterprise_customer_user__enterprise_customer=acme, enterprise_customer_user__user__email="a@x.io"
    )
    idle = AdminRecordFactory(
        enterprise_customer_user__enterprise_customer=acme, enterprise_customer_user__user__email="b@x.io"
    )
    EnterpriseCustomerUser.objects.filter(pk=idle.enterprise_customer_user_id).update(active=False)
    AdminRecordFactory(
        enterprise_customer_user__enterprise_customer=bolt, enterprise_customer_user__user__email="c@x.io"
    )
    answer = invite(as_user(operator()), acme, ["a@x.io", "b@x.io", "c@x.io"]).json()
    assert [each["status"] for each in answer] == ["already admin", "invite sent", "invite sent"]


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"emails": ["The 'emails' field is required."]}),
        ({"emails": []}, {"emails": ["This list may not be empty."]}),
        ({"emails": "a@x.io"}, {"emails": ['Expected a list of items but got type "str".']}),
        ({"emails": ["a@x.io", "no"]}, {"emails": {"1": ["Enter a valid email address."]}}),
        ({"emails": ["a@x.io", " A@X.io"]}, {"emails": ["Duplicate emails are not allowed."]}),
    ],
)
def test_bad_lists_invite_nobody(
    as_user: Any, acme: EnterpriseCustomer, body: dict[str, Any], errors: dict[str, Any]
) -> None:
    response = as_user(operator()).post(f"{OWN}{acme.pk}/admin_invites/", body)
    assert (response.status_code, response.json()) == (400, errors)
    assert not PendingEnterpriseCustomerAdminUser.objects.exists()


def test_the_customer_is_looked_for_before_the_body(as_user: Any, acme: EnterpriseCustomer) -> None:
    boss = as_user(operator())
    response = invite(boss, "1234-abcd", "x")
    assert response.status_code == 400
    assert response.json() == {"detail": "enterprise_customer_uuid must be a valid UUID."}
    assert (invite(boss, uuid.uuid4(), "x").status_code, invite(boss, uuid.uuid4(), "x").json()) == (
        404,
        NO_SUCH_CUSTOMER,
    )
    assert as_user(UserFactory()).post(f"{OWN}1234-abcd/admin_invites/", {}).status_code == 403


def test_a_form_repeats_the_addresses(as_user: Any, acme: EnterpriseCustomer) -> None:
    answer = invite(as_user(operator()), acme, ["a@x.io", "b@x.io"], format="multipart").json()
    assert [each["status"] for each in answer] == ["invite sent"] * 2


def test_a_database_failure_is_told(as_user: Any, acme: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr("enterprise.services.admins.invite", broken)
    response = invite(as_user(operator()), acme, ["a@x.io"])
    assert response.status_code == 500
    assert response.json() == {"detail": "Failed to create pending invites due to a database error."}


def test_inviting_many_costs_no_more_statements(
    as_user: Any, acme: EnterpriseCustomer, django_assert_max_num_queries: Any
) -> None:
    boss = as_user(operator())
    invite(boss, acme, ["first@x.io"])
    for number in (1, 200):
        # Two of them savepoints; SQLite takes 200 mails in three statements.
        with django_assert_max_num_queries(15 if number == 1 else 17):
            answer = invite(boss, acme, [f"{number}-{n}@x.io" for n in range(number)]).json()
        assert len(answer) == number
    assert OutboxMessage.objects.count() == 202


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_two_invitations_at_once_send_one_mail_each(as_user: Any, acme: EnterpriseCustomer) -> None:
    emails = [f"{n}@x.io" for n in range(20)]
    boss, answers = operator(), []
    clients = [as_user(boss) for _ in range(4)]
    calls = [
        lambda each=each, turn=turn: answers.append(invite(each, acme, emails[:: 1 if turn % 2 else -1]))
        for turn, each in enumerate(clients)
    ]
    assert at_once(*calls) == []
    assert [answer.status_code for answer in answers] == [200] * 4
    sent = [each for answer in answers for each in answer.json() if each["status"] == "invite sent"]
    assert sorted(each["email"] for each in sent) == sorted(emails)
    assert PendingEnterpriseCustomerAdminUser.objects.count() == OutboxMessage.objects.count() == 20


# --- Delete an admin ----------------------------------------------------------------------------------------------


def path_of(customer: Any, number: Any, slash: str = "") -> str:
    return f"/enterprise/api/v1/enterprise-customer/{getattr(customer, 'pk', customer)}/admins/{number}{slash}"


@pytest.mark.parametrize("name", CALLERS)
def test_admins_operators_and_who_provisions_remove_admins(
    as_user: Any, client: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, name: str
) -> None:
    link = recorded_admin(acme).enterprise_customer_user_id
    account = caller(name, acme, bolt)
    response = (as_user(account) if account else client).delete(f"{path_of(acme, link)}?role=admin")
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
    elif name in MAY_MANAGE:
        assert response.status_code == 200
    else:
        assert response.status_code == 403
        assert response.json() == {"detail": "Missing: enterprise.can_manage_enterprise_customer_admins"}
        assert EnterpriseCustomerAdmin.objects.exists()


def test_an_admin_who_is_a_learner_too_stays_one(as_user: Any, acme: EnterpriseCustomer) -> None:
    record = recorded_admin(acme, email="ida@blue.example")
    account, link = account_of(record), record.enterprise_customer_user
    RoleAssignmentFactory(user=account, role="enterprise_learner", enterprise_customer=acme)
    boss = as_user(account)  # may remove themselves
    response = boss.delete(f"{path_of(acme, link.pk, '/')}?role=ADMIN")
    assert response.status_code == 200
    assert response.json() == {"message": "Admin ida@blue.example deleted successfully", "user_deactivated": False}
    link.refresh_from_db()
    account.refresh_from_db()
    assert (link.linked, link.active, account.is_active) == (True, True, True)
    assert roles_of(account, acme) == {"enterprise_learner"}
    assert not EnterpriseCustomerAdmin.objects.exists()
    again = boss.delete(f"{path_of(acme, link.pk)}?role=admin")
    assert (again.status_code, again.json()) == (404, {"error": "Admin record not found"})


def test_an_admin_without_any_other_role_is_unlinked_and_the_account_becomes_inactive(
    as_user: Any, acme: EnterpriseCustomer
) -> None:
    record = recorded_admin(acme, email="ida@blue.example")
    link = record.enterprise_customer_user
    response = as_user(operator()).delete(path_of(acme, link.pk), {"role": "admin"})  # in the body
    assert response.json() == {
        "message": "Admin ida@blue.example deleted successfully and user account deactivated",
        "user_deactivated": True,
    }
    link.refresh_from_db()
    assert (link.linked, link.active) == (False, False)
    assert User.objects.get(pk=link.user_id).is_active is False
    again = as_user(operator()).delete(f"{path_of(acme, link.pk)}?role=admin")
    assert (again.status_code, again.json()) == (404, {"error": "Admin user not found"})


@pytest.mark.parametrize("reason", ["role elsewhere", "feature role", "staff", "superuser"])
def test_the_account_stays_active_while_it_is_needed_elsewhere(
    as_user: Any, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, reason: str
) -> None:
    flags = {reason: True} if reason in ("staff", "superuser") else {}
    record = recorded_admin(acme, **flags)
    account, link = account_of(record), record.enterprise_customer_user
    if reason == "role elsewhere":
        RoleAssignmentFactory(user=account, role="enterprise_learner", enterprise_customer=bolt)
    elif reason == "feature role":
        FeatureRoleAssignmentFactory(user=account, role="dashboard_admin")
    response = as_user(operator()).delete(f"{path_of(acme, link.pk)}?role=admin")
    assert response.json()["user_deactivated"] is False
    link.refresh_from_db()
    account.refresh_from_db()
    assert (link.linked, account.is_active) == (False, True)


def test_a_link_without_its_account_column_is_resolved_by_the_user_id(as_user: Any, acme: EnterpriseCustomer) -> None:
    record = recorded_admin(acme, email="ida@blue.example")
    EnterpriseCustomerUser.objects.filter(pk=record.enterprise_customer_user_id).update(user_fk=None)
    response = as_user(operator()).delete(f"{path_of(acme, record.enterprise_customer_user_id)}?role=admin")
    assert response.json()["message"].startswith("Admin ida@blue.example deleted")


def test_an_admin_of_another_customer_or_an_inactive_one_is_not_found(
    as_user: Any, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    theirs = recorded_admin(bolt).enterprise_customer_user_id
    idle = recorded_admin(acme).enterprise_customer_user_id
    EnterpriseCustomerUser.objects.filter(pk=idle).update(active=False)
    for number in (theirs, idle, 0, 10**25, -1):
        response = as_user(operator()).delete(f"{path_of(acme, number)}?role=admin")
        assert (response.status_code, response.json()) == (404, {"error": "Admin user not found"})
    assert EnterpriseCustomerAdmin.objects.count() == 2


def test_an_invitation_is_taken_back_with_the_pending_learner_it_brought(
    as_user: Any, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    boss = as_user(operator())
    PendingLearnerFactory(enterprise_customer=acme, user_email="old@x.io")
    invite(boss, acme, ["lee@x.io", "old@x.io", "busy@x.io"])
    PendingEnrollmentFactory(user=PendingEnterpriseCustomerUser.objects.get(user_email="busy@x.io"))
    ids = dict(PendingEnterpriseCustomerAdminUser.objects.values_list("user_email", "pk"))
    response = boss.delete(f"{path_of(bolt, ids['lee@x.io'])}?role=pending")
    assert (response.status_code, response.json()) == (404, {"error": "Pending admin invitation not found"})
    for email in ids:
        response = boss.delete(f"{path_of(acme, ids[email])}?role=Pending")
        assert (response.status_code, response.json()) == (
            200,
            {"message": f"Pending admin invitation for {email} deleted successfully"},
        )
    assert not PendingEnterpriseCustomerAdminUser.objects.exists()
    # Who was a pending learner before, or waits for an enrollment, stays.
    left = PendingEnterpriseCustomerUser.objects.values_list("user_email", flat=True)
    assert set(left) == {"old@x.io", "busy@x.io"}
    assert boss.delete(f"{path_of(acme, ids['lee@x.io'])}?role=pending").status_code == 404


def test_what_is_wrong_is_refused_in_order(as_user: Any, acme: EnterpriseCustomer) -> None:
    boss = as_user(operator())
    delete = lambda customer, number, role="": boss.delete(f"{path_of(customer, number)}?role={role}")  # noqa: E731
    for response, status, body in (
        (as_user(UserFactory()).delete(path_of("x", "y")), 403, None),
        (delete("x", "y"), 400, {"error": "enterprise_customer_uuid must be a valid UUID"}),
        (delete(uuid.uuid4(), "y"), 404, NO_SUCH_CUSTOMER),
        (delete(acme, "y"), 400, {"error": "id must be a valid integer"}),
        (delete(acme, 1), 400, {"error": "role parameter is required (pending or admin)"}),
        (delete(acme, 1, "boss"), 400, {"error": 'Invalid role. Must be "pending" or "admin"'}),
        (boss.delete(path_of(acme, 1), [1]), 400, {"error": "role parameter is required (pending or admin)"}),
    ):
        assert response.status_code == status
        assert body is None or response.json() == body


@pytest.mark.parametrize(
    ("role", "service", "text"),
    [
        ("admin", "remove_admin", "Failed to delete admin due to a database error"),
        ("pending", "take_back", "Failed to delete pending admin invitation due to a database error"),
    ],
)
def test_a_database_failure_of_a_deletion_is_told(
    as_user: Any, acme: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch, role: str, service: str, text: str
) -> None:
    def broken(*args: Any) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr(f"enterprise.services.admins.{service}", broken)
    response = as_user(operator()).delete(f"{path_of(acme, 1)}?role={role}")
    assert (response.status_code, response.json()) == (500, {"error": text})


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_of_two_deletions_at_once_one_finds_nothing(as_user: Any, acme: EnterpriseCustomer) -> None:
    link = recorded_admin(acme).enterprise_customer_user_id
    boss, statuses = operator(), []
    clients = [as_user(boss) for _ in range(4)]
    delete = lambda each: statuses.append(each.delete(f"{path_of(acme, link)}?role=admin").status_code)  # noqa: E731
    assert at_once(*[lambda each=each: delete(each) for each in clients]) == []
    assert sorted(statuses) == [200, 404, 404, 404]
