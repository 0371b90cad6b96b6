"""Universal link, unlinking of learners and of oneself (contract: enterprise-customers 4.2.9 to 4.2.11)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from enrollments.models import User
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerInviteKey,
    EnterpriseCustomerUser,
    PendingEnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from tests.factories import (
    EnterpriseCustomerFactory,
    FeatureRoleAssignmentFactory,
    LearnerFactory,
    PendingEnrollmentFactory,
    PendingLearnerFactory,
    RoleAssignmentFactory,
    UserFactory,
    customer_admin,
    operator,
)
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db

BASE = "/enterprise/api/v1/enterprise-customer/"
UNKNOWN = "11111111-2222-4333-8444-555555555555"
MISSING = {"detail": "Missing: enterprise.can_access_admin_dashboard"}
NO_CUSTOMER = {"detail": "No EnterpriseCustomer matches the given query."}
TOO_MANY = {"detail": "Cannot create more than 100 invite keys per customer."}
REQUIRED = ["This field is required."]


@pytest.fixture
def globex() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="globex")


@pytest.fixture
def other() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="other")


@pytest.fixture
def admin(globex: EnterpriseCustomer) -> User:
    return customer_admin(globex)


@pytest.fixture
def boss(as_user: Any, admin: User) -> APIClient:
    return as_user(admin)


@pytest.fixture
def people(globex: EnterpriseCustomer, other: EnterpriseCustomer, admin: User) -> dict[str, User]:
    unlinked, provisioner = UserFactory(), UserFactory()
    RoleAssignmentFactory(user=unlinked, enterprise_customer=globex)
    RoleAssignmentFactory(user=provisioner, role="enterprise_provisioning_admin")
    return {
        "nobody": UserFactory(),
        "learner": LearnerFactory(enterprise_customer=globex).user_fk,
        "admin": admin,
        "admin without a link": unlinked,
        "admin of another": customer_admin(other),
        "operator": operator(),
        "operator of the staff": operator(staff=True),
        "provisioner": provisioner,
        "staff": UserFactory(staff=True),
        "superuser": UserFactory(superuser=True),
    }


def holds(user: User, role: str = "enterprise_learner") -> bool:
    return SystemWideEnterpriseUserRoleAssignment.objects.filter(user=user, role__name=role).exists()


# --- toggle_universal_link --------------------------------------------------------------------------------------------


@pytest.fixture
def toggle(boss: APIClient, globex: EnterpriseCustomer) -> Callable[..., Any]:
    def send(value: Any = None, *, client: APIClient = boss, uuid: Any = globex.pk, **options: Any) -> Any:
        body = {} if value is None else {"enable_universal_link": value}
        return client.patch(f"{BASE}{uuid}/toggle_universal_link/", {**body, **options.pop("more", {})}, **options)

    return send


def keys_of(customer: EnterpriseCustomer) -> list[bool]:
    keys = EnterpriseCustomerInviteKey.all_objects.filter(enterprise_customer=customer)
    return list(keys.order_by("created").values_list("is_active", flat=True))


@pytest.mark.parametrize(
    ("who", "status"),
    {
        "nobody": 403, "learner": 403, "admin": 200, "admin without a link": 200, "admin of another": 403,
        "operator": 200, "operator of the staff": 200, "provisioner": 403, "staff": 403, "superuser": 200,
    }.items(),
)  # fmt: skip
def test_the_dashboard_permission_for_the_customer_switches_its_universal_link(
    as_user: Any, people: dict[str, User], toggle: Any, globex: EnterpriseCustomer, who: str, status: int
) -> None:
    response = toggle(True, client=as_user(people[who]))
    globex.refresh_from_db()
    assert (response.status_code, globex.enable_universal_link) == (status, status == 200)
    assert response.json() == (MISSING if status == 403 else {"enable_universal_link": True})


def test_anonymous_callers_do_neither(client: APIClient, globex: EnterpriseCustomer, toggle: Any) -> None:
    assert toggle(True, client=client).status_code == 401
    for action in ("unlink_users", "unlink_self"):
        assert client.post(f"{BASE}{globex.pk}/{action}/", {}).status_code == 401


def test_on_makes_one_key_and_off_ends_all_keys_of_this_customer(
    toggle: Any, globex: EnterpriseCustomer, other: EnterpriseCustomer, admin: User
) -> None:
    for customer in (globex, other):
        EnterpriseCustomerInviteKey.objects.create(enterprise_customer=customer)
    assert toggle(True).json() == {"enable_universal_link": True}
    assert keys_of(globex) == [True, True]
    newest = EnterpriseCustomerInviteKey.objects.filter(enterprise_customer=globex).latest("created")
    assert (newest.usage_limit, newest.history.get().history_user_id) == (10_000, admin.pk)
    assert 364 < (newest.expiration_date - newest.created).days < 366
    before = EnterpriseCustomerInviteKey.history.count()
    response = toggle(False)
    assert (response.status_code, response.json()) == (200, {"enable_universal_link": False})
    assert (keys_of(globex), keys_of(other)) == ([False, False], [True])
    assert EnterpriseCustomerInviteKey.history.count() == before
    states = globex.history.order_by("history_date").values_list("enable_universal_link", flat=True)
    assert list(states) == [False, True, False]


@pytest.mark.parametrize("state", [True, False])
def test_the_same_value_changes_nothing(toggle: Any, globex: EnterpriseCustomer, state: bool) -> None:
    globex.enable_universal_link = state
    globex.save()
    EnterpriseCustomerInviteKey.objects.create(enterprise_customer=globex)
    before = EnterpriseCustomer.objects.filter(pk=globex.pk).values().get()
    response = toggle(state)
    assert (response.status_code, response.json()) == (200, {"detail": "No changes"})
    assert (keys_of(globex), EnterpriseCustomer.objects.filter(pk=globex.pk).values().get()) == ([True], before)


@pytest.mark.parametrize(
    ("value", "more", "errors"),
    [
        (None, {}, {"enable_universal_link": REQUIRED}),
        ("banana", {}, {"enable_universal_link": ["Must be a valid boolean."]}),
        ([], {}, {"enable_universal_link": ["Must be a valid boolean."]}),
        (None, {"expiration_date": "x"}, {"enable_universal_link": REQUIRED, "expiration_date": [None]}),
        (True, {"expiration_date": "not-a-date"}, {"expiration_date": [None]}),
        (True, {"expiration_date": 7}, {"expiration_date": [None]}),
    ],
)
def test_bad_bodies_are_refused(toggle: Any, globex: EnterpriseCustomer, value: Any, more: Any, errors: Any) -> None:
    response = toggle(value, more=more)
    body = response.json()
    assert (response.status_code, set(body)) == (400, set(errors))
    assert (
        body["enable_universal_link"] == errors["enable_universal_link"] if "enable_universal_link" in errors else True
    )
    assert all(isinstance(text, str) and text for texts in body.values() for text in texts)
    assert keys_of(globex) == []


@pytest.mark.parametrize("format_", ["json", "multipart"])
@pytest.mark.parametrize("value", ["true", "True"])
def test_a_boolean_may_be_a_text(toggle: Any, value: str, format_: str) -> None:
    more = {"expiration_date": "2032-01-01T00:00:00Z"}
    response = toggle(value, more=more, format=format_)
    assert (response.status_code, response.json()) == (200, {"enable_universal_link": True})


def test_an_inactive_customer_can_be_switched_too(toggle: Any, globex: EnterpriseCustomer) -> None:
    EnterpriseCustomer.all_objects.filter(pk=globex.pk).update(active=False)
    assert toggle(True).json() == {"enable_universal_link": True}


def test_unknown_customers_come_before_the_body_and_after_the_permission(
    as_user: Any, people: dict[str, User], toggle: Any
) -> None:
    everywhere = as_user(people["operator"])
    assert (toggle(None, client=everywhere, uuid=UNKNOWN).status_code, toggle(None, uuid=UNKNOWN).status_code) == (
        404,
        403,
    )
    assert toggle(None, client=everywhere, uuid=UNKNOWN).json() == NO_CUSTOMER
    assert toggle(None, client=everywhere, uuid="zz").json() == {"detail": "Not found."}


def test_one_key_too_many_is_refused_and_nothing_is_changed(toggle: Any, globex: EnterpriseCustomer) -> None:
    EnterpriseCustomerInviteKey.objects.bulk_create(
        EnterpriseCustomerInviteKey(enterprise_customer=globex, is_active=False) for _ in range(100)
    )
    response = toggle(True)
    globex.refresh_from_db()
    assert (response.status_code, response.json()) == (422, TOO_MANY)
    assert (globex.enable_universal_link, len(keys_of(globex))) == (False, 100)
    key = EnterpriseCustomerInviteKey.objects.first()
    EnterpriseCustomerInviteKey.all_objects.filter(pk=key.pk).update(is_removed=True)
    assert toggle(True).status_code == 200


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_switching_on_twice_at_the_same_time_makes_one_key(as_user: Any) -> None:
    customer = EnterpriseCustomerFactory()
    user = customer_admin(customer)
    answers: list[Any] = []

    def post(client: APIClient) -> Callable[[], None]:
        address = f"{BASE}{customer.pk}/toggle_universal_link/"
        return lambda: answers.append(client.patch(address, {"enable_universal_link": True}).json())

    assert not at_once(*[post(as_user(user)) for _ in range(4)])
    assert sorted(map(str, answers)) == [*["{'detail': 'No changes'}"] * 3, "{'enable_universal_link': True}"]
    assert keys_of(customer) == [True]


# --- unlink_users -----------------------------------------------------------------------------------------------------


@pytest.fixture
def unlink(boss: APIClient, globex: EnterpriseCustomer) -> Callable[..., Any]:
    def send(*emails: str, client: APIClient = boss, uuid: Any = globex.pk, **fields: Any) -> Any:
        return client.post(f"{BASE}{uuid}/unlink_users/", {"user_emails": list(emails), **fields})

    return send


@pytest.mark.parametrize(
    ("who", "status"),
    {
        "nobody": 403, "learner": 403, "admin": 200, "admin without a link": 404, "admin of another": 403,
        "operator": 404, "operator of the staff": 200, "provisioner": 403, "staff": 403, "superuser": 200,
    }.items(),
)  # fmt: skip
def test_linked_admins_of_the_customer_unlink_learners(
    as_user: Any, people: dict[str, User], unlink: Any, globex: EnterpriseCustomer, who: str, status: int
) -> None:
    link = LearnerFactory(enterprise_customer=globex)
    response = unlink(link.user_fk.email, client=as_user(people[who]))
    link.refresh_from_db()
    assert (response.status_code, link.linked) == (status, status != 200)
    if status != 200:
        assert response.json() == (MISSING if status == 403 else NO_CUSTOMER)
    else:
        assert response.content == b""


@pytest.mark.parametrize(
    ("fields", "relinkable"), [({}, False), ({"is_relinkable": False}, False), ({"is_relinkable": True}, True)]
)
def test_an_unlinked_learner_loses_link_and_role_and_by_default_the_way_back(
    unlink: Any, globex: EnterpriseCustomer, other: EnterpriseCustomer, fields: Any, relinkable: bool
) -> None:
    account = customer_admin(globex, email="Some.One@globex.example")
    RoleAssignmentFactory(user=account, role="enterprise_learner", enterprise_customer=globex)
    elsewhere = LearnerFactory(enterprise_customer=other, user=account)
    assert unlink("some.one@GLOBEX.example", **fields).status_code == 200
    link = EnterpriseCustomerUser.all_objects.get(enterprise_customer=globex, user_id=account.pk)
    assert (link.linked, link.active, link.is_relinkable) == (False, False, relinkable)
    assert (holds(account), holds(account, "enterprise_admin")) == (False, True)
    elsewhere.refresh_from_db()
    assert elsewhere.linked
    assert link.history.latest("history_date").history_type == "~"


def test_a_pending_learner_is_removed_and_unknown_addresses_are_passed_over(
    unlink: Any, globex: EnterpriseCustomer, other: EnterpriseCustomer
) -> None:
    ours = PendingLearnerFactory(enterprise_customer=globex, user_email="Waiting@new.example")
    theirs = PendingLearnerFactory(enterprise_customer=other, user_email="waiting@new.example")
    PendingEnrollmentFactory(user=ours)
    foreign = LearnerFactory(enterprise_customer=other)
    link = LearnerFactory(enterprise_customer=globex)
    response = unlink("waiting@new.example", "nobody@nowhere.example", foreign.user_fk.email, link.user_fk.email)
    assert (response.status_code, response.content) == (200, b"")
    assert list(PendingEnterpriseCustomerUser.objects.values_list("pk", flat=True)) == [theirs.pk]
    foreign.refresh_from_db()
    link.refresh_from_db()
    assert (foreign.linked, link.linked) == (True, False)


def test_repeating_it_changes_nothing_of_an_unlinked_learner(unlink: Any, globex: EnterpriseCustomer) -> None:
    link = LearnerFactory(enterprise_customer=globex)
    unlink(link.user_fk.email, is_relinkable=True)
    before = EnterpriseCustomerUser.all_objects.filter(pk=link.pk).values().get()
    assert unlink(link.user_fk.email, is_relinkable=False).status_code == 200
    assert EnterpriseCustomerUser.all_objects.filter(pk=link.pk).values().get() == before


def test_an_address_given_twice_is_unlinked_once(unlink: Any, globex: EnterpriseCustomer) -> None:
    link = LearnerFactory(enterprise_customer=globex)
    assert unlink(link.user_fk.email, link.user_fk.email.upper()).status_code == 200
    assert EnterpriseCustomerUser.history.filter(id=link.pk, history_type="~").count() == 1


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, {"user_emails": REQUIRED}),
        ({"user_emails": []}, {"user_emails": ["This list may not be empty."]}),
        ({"user_emails": "a@b.example"}, {"user_emails": ['Expected a list of items but got type "str".']}),
        ({"user_emails": None}, {"user_emails": ["This field may not be null."]}),
        ({"user_emails": ["zz"]}, {"user_emails": {"0": ["Enter a valid email address."]}}),
        ({"user_emails": ["a@b.example", ""]}, {"user_emails": {"1": ["This field may not be blank."]}}),
        (
            {"user_emails": ["a@b.example"], "is_relinkable": "banana"},
            {"is_relinkable": ["Must be a valid boolean."]},
        ),
    ],
)
def test_bad_addresses_are_refused_and_nobody_is_unlinked(
    boss: APIClient, globex: EnterpriseCustomer, body: Any, errors: Any
) -> None:
    response = boss.post(f"{BASE}{globex.pk}/unlink_users/", body)
    assert (response.status_code, response.json()) == (400, errors)
    assert not EnterpriseCustomerUser.all_objects.filter(linked=False).exists()


def test_the_body_is_read_before_the_customer_is_looked_up(as_user: Any, people: dict[str, User], unlink: Any) -> None:
    everywhere = as_user(people["operator"])
    assert unlink(client=everywhere, uuid=UNKNOWN).status_code == 400
    assert unlink("a@b.example", client=everywhere, uuid=UNKNOWN).json() == NO_CUSTOMER
    assert unlink("a@b.example", client=everywhere, uuid="zz").json() == {"detail": "Not found."}
    assert unlink(client=as_user(people["admin of another"])).status_code == 403


def test_a_form_may_name_several_addresses(boss: APIClient, globex: EnterpriseCustomer) -> None:
    links = [LearnerFactory(enterprise_customer=globex) for _ in range(2)]
    sent = {"user_emails": [link.user_fk.email for link in links], "is_relinkable": "true"}
    assert boss.post(f"{BASE}{globex.pk}/unlink_users/", sent, format="multipart").status_code == 200
    rows = EnterpriseCustomerUser.all_objects.filter(pk__in=[link.pk for link in links])
    assert set(rows.values_list("linked", "is_relinkable")) == {(False, True)}


def test_a_failure_in_between_unlinks_nobody(unlink: Any, globex: EnterpriseCustomer) -> None:
    link = LearnerFactory(enterprise_customer=globex)
    pending = PendingLearnerFactory(enterprise_customer=globex)
    with patch("enterprise.services.links.remove_pending", side_effect=RuntimeError("disk full")):
        assert unlink(link.user_fk.email, pending.user_email).status_code == 500
    link.refresh_from_db()
    assert link.linked


def test_hundreds_of_addresses_cost_no_more_statements_than_a_few(unlink: Any, globex: EnterpriseCustomer) -> None:
    costs = []
    for number in (2, 150):
        links = LearnerFactory.create_batch(number, enterprise_customer=globex)
        for link in links:
            RoleAssignmentFactory(user=link.user_fk, role="enterprise_learner", enterprise_customer=globex)
        waiting = PendingLearnerFactory.create_batch(number, enterprise_customer=globex)
        emails = [*(link.user_fk.email for link in links), *(each.user_email for each in waiting), "x@nowhere.example"]
        with CaptureQueriesContext(connection) as captured:
            assert unlink(*emails).status_code == 200
        costs.append(len(captured))
    assert costs[0] == costs[1] < 30
    assert not PendingEnterpriseCustomerUser.objects.exists()
    assert EnterpriseCustomerUser.all_objects.filter(linked=False).count() == 152


# --- unlink_self ------------------------------------------------------------------------------------------------------


def test_a_learner_leaves_and_may_come_back(as_user: Any, globex: EnterpriseCustomer) -> None:
    link = LearnerFactory(enterprise_customer=globex)
    RoleAssignmentFactory(user=link.user_fk, role="enterprise_learner", enterprise_customer=globex)
    address = f"{BASE}{globex.pk}/unlink_self/"
    response = as_user(link.user_fk).post(address)
    assert (response.status_code, response.content) == (200, b"")
    link.refresh_from_db()
    assert (link.linked, link.active, link.is_relinkable, holds(link.user_fk)) == (False, False, True, False)
    again = as_user(link.user_fk).post(address)
    assert (again.status_code, again.json()) == (404, NO_CUSTOMER)


@pytest.mark.parametrize(
    ("who", "status"),
    {
        "nobody": 404, "admin": 200, "admin without a link": 404, "admin of another": 404, "operator": 404,
        "operator of the staff": 422, "provisioner": 422, "staff": 422, "superuser": 422,
    }.items(),
)  # fmt: skip
def test_who_is_not_linked_cannot_leave(
    as_user: Any, people: dict[str, User], globex: EnterpriseCustomer, who: str, status: int
) -> None:
    response = as_user(people[who]).post(f"{BASE}{globex.pk}/unlink_self/")
    assert response.status_code == status
    if status == 422:
        assert response.content == b""


def test_leaving_one_customer_leaves_links_to_others(as_user: Any, globex: Any, other: Any) -> None:
    user = LearnerFactory(enterprise_customer=globex).user_fk
    elsewhere = LearnerFactory(enterprise_customer=other, user=user)
    assert as_user(user).post(f"{BASE}{globex.pk}/unlink_self/").status_code == 200
    elsewhere.refresh_from_db()
    assert elsewhere.linked
    for uuid, expected in ((UNKNOWN, NO_CUSTOMER), ("zz", {"detail": "Not found."})):
        response = as_user(user).post(f"{BASE}{uuid}/unlink_self/")
        assert (response.status_code, response.json()) == (404, expected)


def test_a_feature_role_of_the_database_counts_for_linked_customers(by_session: Any, globex: Any, other: Any) -> None:
    user = LearnerFactory(enterprise_customer=globex).user_fk
    FeatureRoleAssignmentFactory(user=user, role="dashboard_admin")
    link = LearnerFactory(enterprise_customer=globex)
    for customer, status in ((globex, 200), (other, 403)):
        address = f"{BASE}{customer.pk}/unlink_users/"
        assert by_session(user).post(address, {"user_emails": [link.user_fk.email]}).status_code == status


@pytest.mark.parametrize("action", ["toggle_universal_link", "unlink_users", "unlink_self"])
def test_other_methods_and_other_addresses(as_user: Any, globex: EnterpriseCustomer, action: str) -> None:
    root = as_user(UserFactory(superuser=True))
    response = root.put(f"{BASE}{globex.pk}/{action}/", {})
    assert (response.status_code, response.json()) == (405, {"detail": 'Method "PUT" not allowed.'})
    send = root.patch if action == "toggle_universal_link" else root.post
    assert send(f"{BASE}{globex.pk}/{action}", {}).status_code == 404
    assert send(f"{BASE}{globex.pk}/{action}.json", {}).status_code in {400, 422}
