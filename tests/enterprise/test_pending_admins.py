"""`pending-enterprise-admin` (contract: enterprise-admins-groups-sso, Admin members)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError
from rest_framework.test import APIClient

from enterprise.models import EnterpriseCustomer, PendingEnterpriseCustomerAdminUser, PendingEnterpriseCustomerUser
from enterprise.serializers.customer_admins import PendingAdminSerializer
from tests.enterprise.callers import ANONYMOUS, CALLERS, caller
from tests.factories import (
    PendingAdminFactory,
    PendingLearnerFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    provisioning_admin,
)
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db

LIST = "/enterprise/api/v1/pending-enterprise-admin/"
IS_INVITED = ["A pending user with this email and enterprise customer already exists."]
IS_ADMIN = {"non_field_errors": ["A user with this email and enterprise customer already has admin permission."]}
NOT_FOUND = {"detail": "No PendingEnterpriseCustomerAdminUser matches the given query."}


@pytest.fixture
def boss(as_user: Any) -> APIClient:
    return as_user(provisioning_admin())


def body_of(customer: Any, email: str = "kai@blue.example") -> dict[str, str]:
    return {"enterprise_customer": str(getattr(customer, "pk", customer)), "user_email": email}


@pytest.mark.parametrize("name", CALLERS)
@pytest.mark.parametrize("method", ["get", "post"])
def test_only_who_provisions_pending_admins_may_call(
    as_user: Any, client: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer, name: str, method: str
) -> None:
    account = caller(name, acme, bolt)
    asker = as_user(account) if account else client
    response = asker.get(LIST) if method == "get" else asker.post(LIST, body_of(acme))
    if account is None:
        assert (response.status_code, response.json()) == (401, ANONYMOUS)
    elif name in ("provisioning admin", "superuser"):
        assert response.status_code == (200 if method == "get" else 201)
    else:
        assert response.status_code == 403
        assert response.json() == {"detail": "MISSING: provisioning.has_pending_enterprise_customer_admin_access"}


def test_who_provisions_one_customer_sees_and_edits_all(
    as_user: Any, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    account = UserFactory()
    RoleAssignmentFactory(user=account, role="enterprise_provisioning_admin", enterprise_customer=bolt)
    row = PendingAdminFactory(enterprise_customer=acme)
    scoped = as_user(account)
    assert scoped.get(LIST).json()["count"] == 1
    assert scoped.delete(f"{LIST}{row.pk}/").status_code == 204


def test_invitations_are_listed_the_oldest_first(
    boss: APIClient, acme: EnterpriseCustomer, django_assert_num_queries: Any
) -> None:
    rows = [PendingAdminFactory(enterprise_customer=acme, user_email=f"{name}@x.io") for name in "cab"]
    with django_assert_num_queries(2):  # account, page; a page that is not full counts itself
        body = boss.get(LIST).json()
    shown = [{"id": row.pk, "enterprise_customer": str(acme.pk), "user_email": row.user_email} for row in rows]
    assert body == {
        "next": None,
        "previous": None,
        "count": 3,
        "num_pages": 1,
        "current_page": 1,
        "start": 0,
        "results": shown,
    }
    assert shown[0].keys() == PendingAdminSerializer().fields.keys()
    assert boss.get(f"{LIST}{rows[0].pk}/").json() == shown[0]


def test_the_list_is_narrowed_and_ordered(boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer) -> None:
    for customer, email in ((acme, "b@x.io"), (acme, "a@x.io"), (bolt, "c@x.io")):
        PendingAdminFactory(enterprise_customer=customer, user_email=email)
    get = lambda **query: [row["user_email"] for row in boss.get(LIST, query).json()["results"]]  # noqa: E731
    assert get(enterprise_customer=str(acme.pk)) == ["b@x.io", "a@x.io"]
    assert get(user_email="a@x.io") == ["a@x.io"]
    assert get(user_email="A@x.io") == []
    assert get(ordering="-user_email") == ["c@x.io", "b@x.io", "a@x.io"]
    response = boss.get(LIST, {"enterprise_customer": "zz"})
    assert (response.status_code, response.json()) == (400, {"enterprise_customer": ["“zz” is not a valid UUID."]})
    assert boss.get(LIST, {"enterprise_customer": str(uuid.uuid4())}).status_code == 400


def test_an_invitation_is_made_with_its_pending_learner_and_without_mail(
    boss: APIClient, acme: EnterpriseCustomer, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        response = boss.post(LIST, {**body_of(acme), "id": 99})
    row = PendingEnterpriseCustomerAdminUser.objects.get()
    assert (response.status_code, response.json()) == (201, {"id": row.pk, **body_of(acme)})
    assert PendingEnterpriseCustomerUser.objects.get().user_email == "kai@blue.example"
    assert PendingEnterpriseCustomerAdminUser.history.get().history_type == "+"
    assert mail.outbox == []


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        (
            {},
            {"enterprise_customer": ["This field is required."], "user_email": ["This field is required."]},
        ),
        (
            body_of("zz", "kai"),
            {
                "enterprise_customer": ["“zz” is not a valid UUID."],
                "user_email": ["Enter a valid email address."],
            },
        ),
        (
            body_of("99999999-0000-4000-8000-000000000009"),
            {"enterprise_customer": ['Invalid pk "99999999-0000-4000-8000-000000000009" - object does not exist.']},
        ),
    ],
)
def test_bad_bodies_are_refused(boss: APIClient, body: dict[str, str], errors: dict[str, Any]) -> None:
    response = boss.post(LIST, body)
    assert (response.status_code, response.json()) == (400, errors)
    assert boss.post(LIST, [body]).status_code == 400


def test_a_pair_is_invited_once_and_an_admin_never(
    boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    customer_admin(acme, email="ida@blue.example")
    assert boss.post(LIST, body_of(acme)).status_code == 201
    for email in ("kai@blue.example", "KAI@blue.example"):
        response = boss.post(LIST, body_of(acme, email))
        assert (response.status_code, response.json()) == (400, IS_INVITED)
    response = boss.post(LIST, body_of(acme, "Ida@blue.example"))
    assert (response.status_code, response.json()) == (400, IS_ADMIN)
    assert boss.post(LIST, body_of(bolt, "ida@blue.example")).status_code == 201


def test_an_invitation_is_changed_with_its_pending_learner(
    boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    boss.post(LIST, body_of(acme))
    row = PendingEnterpriseCustomerAdminUser.objects.get()
    response = boss.patch(f"{LIST}{row.pk}/", {"user_email": "lee@blue.example", "id": 99})
    assert (response.status_code, response.json()) == (200, {"id": row.pk, **body_of(acme, "lee@blue.example")})
    assert boss.put(f"{LIST}{row.pk}/", body_of(bolt)).json() == {"id": row.pk, **body_of(bolt)}
    assert boss.put(f"{LIST}{row.pk}/", {"user_email": "x@x.io"}).status_code == 400
    pairs = set(PendingEnterpriseCustomerUser.objects.values_list("enterprise_customer", "user_email"))
    assert pairs >= {(acme.pk, "lee@blue.example"), (bolt.pk, "kai@blue.example")}


def test_a_change_may_not_meet_an_admin_or_another_invitation(
    boss: APIClient, acme: EnterpriseCustomer, bolt: EnterpriseCustomer
) -> None:
    customer_admin(bolt, email="kai@blue.example")
    PendingAdminFactory(enterprise_customer=acme, user_email="taken@x.io")
    row = PendingAdminFactory(enterprise_customer=acme, user_email="kai@blue.example")
    response = boss.patch(f"{LIST}{row.pk}/", {"enterprise_customer": str(bolt.pk)})  # with the stored address
    assert (response.status_code, response.json()) == (400, IS_ADMIN)
    response = boss.patch(f"{LIST}{row.pk}/", {"user_email": "Taken@x.io"})
    assert (response.status_code, response.json()) == (400, IS_INVITED)
    row.refresh_from_db()
    assert (row.enterprise_customer, row.user_email) == (acme, "kai@blue.example")


def test_a_deleted_invitation_takes_the_pending_learner_along_unless_it_stood_before(
    boss: APIClient, acme: EnterpriseCustomer
) -> None:
    PendingLearnerFactory(enterprise_customer=acme, user_email="old@x.io")
    for email in ("old@x.io", "new@x.io"):
        number = boss.post(LIST, body_of(acme, email)).json()["id"]
        response = boss.delete(f"{LIST}{number}/")
        assert (response.status_code, response.content) == (204, b"")
        assert boss.delete(f"{LIST}{number}/").status_code == 404
    assert [row.user_email for row in PendingEnterpriseCustomerUser.objects.all()] == ["old@x.io"]


@pytest.mark.parametrize(("named", "body"), [("0", NOT_FOUND), ("x", {"detail": "Not found."})])
def test_an_unknown_invitation_is_not_found(boss: APIClient, named: str, body: dict[str, str]) -> None:
    for response in (boss.get(f"{LIST}{named}/"), boss.patch(f"{LIST}{named}/", {}), boss.delete(f"{LIST}{named}/")):
        assert (response.status_code, response.json()) == (404, body)


def test_any_other_failure_is_told_without_details(
    boss: APIClient, acme: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*args: Any) -> None:
        raise DatabaseError("gone")

    monkeypatch.setattr("enterprise.services.admins.create_pending_admin", broken)
    response = boss.post(LIST, body_of(acme))
    assert response.status_code == 400
    assert response.json() == ["An unexpected error occurred. Please try again later."]


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_two_at_once_invite_once(as_user: Any, acme: EnterpriseCustomer) -> None:
    account, statuses = provisioning_admin(), []
    clients = [as_user(account) for _ in range(4)]
    post = lambda each: statuses.append(each.post(LIST, body_of(acme)).status_code)  # noqa: E731
    assert at_once(*[lambda each=each: post(each) for each in clients]) == []
    assert sorted(statuses) == [201, 400, 400, 400]
