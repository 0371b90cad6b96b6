"""`/enterprise/select/active/`: for which customer somebody acts (contract: clients 3.1; roles-and-permissions 6)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from rest_framework.test import APIClient

from config.api import jwt
from enrollments.models import OAuthApplication, User
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser
from enterprise.services import links
from tests.factories import EnterpriseCustomerFactory, LearnerFactory, RoleAssignmentFactory, UserFactory
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db

PATH = "/enterprise/select/active/"
COOKIES = {"edx-jwt-cookie-header-payload", "edx-jwt-cookie-signature", "edxloggedin", "edx-user-info"}


@pytest.fixture
def maria() -> User:
    return UserFactory(username="maria")


@pytest.fixture
def acme(maria: User) -> EnterpriseCustomer:
    customer = EnterpriseCustomerFactory(name="Acme")
    LearnerFactory(enterprise_customer=customer, user=maria, active=False)
    return customer


@pytest.fixture
def umbrella(maria: User) -> EnterpriseCustomer:
    """The customer that is active at first; the colleague's link is nobody else's business."""
    customer = EnterpriseCustomerFactory(name="Umbrella")
    LearnerFactory(enterprise_customer=customer, user=maria)
    LearnerFactory(enterprise_customer=customer)
    return customer


def active_of(account: User) -> list[EnterpriseCustomer]:
    rows = EnterpriseCustomerUser.objects.filter(user_id=account.pk, active=True)
    return [row.enterprise_customer for row in rows.select_related("enterprise_customer")]


def chosen(client: Any, customer: EnterpriseCustomer, **more: str) -> Any:
    return client.post(PATH, {"enterprise": str(customer.uuid), **more}, format="multipart")


@pytest.mark.parametrize("path", [PATH, PATH[:-1]])
@pytest.mark.parametrize("body_format", ["json", "multipart"])
def test_the_chosen_link_becomes_active_and_the_others_inactive_with_fresh_cookies(
    by_session: Callable[..., Any],
    maria: User,
    acme: EnterpriseCustomer,
    umbrella: EnterpriseCustomer,
    path: str,
    body_format: str,
) -> None:
    RoleAssignmentFactory(user=maria, role="enterprise_learner", enterprise_customer=acme)
    answer = by_session(maria).post(path, {"enterprise": str(acme.uuid)}, format=body_format)
    assert (answer.status_code, answer.json()) == (200, {})
    assert active_of(maria) == [acme]
    assert EnterpriseCustomerUser.objects.filter(enterprise_customer=umbrella, active=True).count() == 1
    assert set(answer.cookies) >= COOKIES
    halves = [answer.cookies[f"edx-jwt-cookie-{half}"].value for half in ("header-payload", "signature")]
    assert jwt.decode(".".join(halves))["roles"][0] == f"enterprise_learner:{acme.uuid}"


def test_choosing_what_is_active_already_changes_nothing(
    by_session: Callable[..., Any], maria: User, acme: EnterpriseCustomer, umbrella: EnterpriseCustomer
) -> None:
    assert chosen(by_session(maria), umbrella).status_code == 200
    assert active_of(maria) == [umbrella]


@pytest.mark.parametrize("was_active", [True, False])
def test_the_others_become_inactive_even_if_the_chosen_link_may_stand_beside_active_ones(
    by_session: Callable[..., Any], maria: User, umbrella: EnterpriseCustomer, was_active: bool
) -> None:
    beside = EnterpriseCustomerFactory(name="Beside")
    LearnerFactory(enterprise_customer=beside, user=maria, active=was_active, should_inactivate_other_customers=False)
    assert umbrella in active_of(maria)
    assert chosen(by_session(maria), beside).status_code == 200
    assert active_of(maria) == [beside]


NO_UUIDS: list[Any] = [
    {},
    {"enterprise": ""},
    {"enterprise": "no-uuid"},
    {"enterprise": "x" * 10_000},
    [],
    None,
    "text",
]
NO_TEXTS = [{"enterprise": None}, {"enterprise": ["a"]}, {"enterprise": 5}]


@pytest.mark.parametrize("body", [*NO_UUIDS, *NO_TEXTS])
def test_a_missing_or_malformed_customer_is_400_with_a_list(
    by_session: Callable[..., Any], maria: User, umbrella: EnterpriseCustomer, body: Any
) -> None:
    answer = by_session(maria).post(PATH, body, format="json")
    assert answer.status_code == 400
    assert [type(each) for each in answer.json()["errors"]] == [str]
    assert active_of(maria) == [umbrella]


def test_a_body_that_cannot_be_read_is_400_with_a_list_too(
    by_session: Callable[..., Any], maria: User, umbrella: EnterpriseCustomer
) -> None:
    answer = by_session(maria).generic("POST", PATH, "{", content_type="application/json")
    assert answer.status_code == 400
    assert [text.startswith("JSON parse error") for text in answer.json()["errors"]] == [True]


def test_unknown_foreign_unlinked_and_inactive_customers_look_the_same(
    by_session: Callable[..., Any], maria: User, umbrella: EnterpriseCustomer
) -> None:
    foreign, left, asleep = EnterpriseCustomerFactory(), EnterpriseCustomerFactory(), EnterpriseCustomerFactory()
    LearnerFactory(enterprise_customer=left, user=maria, linked=False, active=False)
    LearnerFactory(enterprise_customer=asleep, user=maria, active=False)
    EnterpriseCustomer.objects.filter(pk=asleep.pk).update(active=False)
    unknown = by_session(maria).post(PATH, {"enterprise": str(uuid4())})
    assert unknown.status_code == 400
    assert len(unknown.json()["errors"]) == 1
    for customer in (foreign, left, asleep):
        answer = chosen(by_session(maria), customer)
        assert (answer.status_code, answer.json()) == (400, unknown.json())
        assert not COOKIES & set(answer.cookies)
    assert active_of(maria) == [umbrella]


def test_who_is_not_signed_in_is_sent_to_sign_in_and_back(
    client: Any, as_user: Callable[..., Any], maria: User, acme: EnterpriseCustomer
) -> None:
    by_header = as_user(maria)  # a token in the header does not count here
    for caller in (client, by_header):
        for answer in (chosen(caller, acme), caller.get(PATH)):
            assert (answer.status_code, answer["Location"]) == (302, f"/login?next={PATH}")
    back = client.get(f"{PATH}?success_url=/support/")
    assert back["Location"] == "/login?next=/enterprise/select/active/%3Fsuccess_url%3D/support/"
    assert active_of(maria) == []


def test_a_jwt_cookie_counts_with_a_csrf_token(maria: User, acme: EnterpriseCustomer) -> None:
    browser = Client()
    browser.force_login(maria)
    browser.post("/login_refresh")
    cookies = {name: browser.cookies[name].value for name in COOKIES}
    caller = APIClient(enforce_csrf_checks=True)
    for name, value in cookies.items():
        caller.cookies[name] = value
    refused = chosen(caller, acme)
    assert refused.status_code == 403
    assert refused.json()["detail"].startswith("CSRF Failed: ")
    token = caller.get("/csrf/api/v1/token").json()["csrfToken"]
    caller.credentials(HTTP_X_CSRFTOKEN=token)
    assert chosen(caller, acme).status_code == 200
    assert active_of(maria) == [acme]


def test_inactive_accounts_choose_too(by_session: Callable[..., Any], maria: User, acme: EnterpriseCustomer) -> None:
    User.objects.filter(pk=maria.pk).update(is_active=False)
    assert chosen(by_session(maria), acme).status_code == 200


def test_without_the_login_application_nothing_changes(
    by_session: Callable[..., Any], maria: User, acme: EnterpriseCustomer, umbrella: EnterpriseCustomer, settings: Any
) -> None:
    OAuthApplication.objects.filter(client_id=settings.JWT_LOGIN_CLIENT_ID).delete()
    assert chosen(by_session(maria), acme).status_code == 400
    assert active_of(maria) == [umbrella]


# --- The page ---


def test_the_page_offers_the_callers_own_customers(
    by_session: Callable[..., Any], maria: User, acme: EnterpriseCustomer, umbrella: EnterpriseCustomer
) -> None:
    EnterpriseCustomerFactory(name="Foreign")
    for path in (PATH, PATH[:-1]):
        page = by_session(maria).get(path)
        assert page.status_code == 200
        text = page.content.decode()
        assert text.index("Acme") < text.index("Umbrella")
        assert "Foreign" not in text
        assert f'value="{umbrella.uuid}" required checked' in text


def test_the_form_of_the_page_leads_on_to_a_safe_address(
    by_session: Callable[..., Any], maria: User, acme: EnterpriseCustomer, settings: Any
) -> None:
    settings.LOGIN_REDIRECT_WHITELIST = ["portal.example"]
    browser = by_session(maria)
    for wish, target in (
        ("https://portal.example/acme", "https://portal.example/acme"),
        ("https://evil.example/", "/"),
        ("", "/"),
    ):
        page = browser.get(PATH, {"success_url": wish})
        assert f'name="success_url" value="{target}"' in page.content.decode()
        answer = chosen(browser, acme, success_url=wish)
        assert (answer.status_code, answer["Location"]) == (302, target)
        assert set(answer.cookies) >= COOKIES


def test_the_page_says_what_is_wrong(by_session: Callable[..., Any], maria: User, acme: EnterpriseCustomer) -> None:
    page = by_session(maria).post(PATH, {"success_url": "/", "enterprise": str(uuid4())}, format="multipart")
    assert page.status_code == 400
    assert b'role="alert"' in page.content


def test_the_page_without_any_customer(by_session: Callable[..., Any], maria: User) -> None:
    assert b"no organisation" in by_session(maria).get(PATH).content


def test_the_page_costs_the_same_with_more_customers(
    by_session: Callable[..., Any], maria: User, acme: EnterpriseCustomer, django_assert_num_queries: Any
) -> None:
    browser = by_session(maria)
    with django_assert_num_queries(3):
        browser.get(PATH)
    for _ in range(5):
        LearnerFactory(user=maria, active=False)
    with django_assert_num_queries(3):
        browser.get(PATH)


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_of_two_choices_at_once_one_stays(maria: User) -> None:
    rows = [LearnerFactory(user=maria, active=False) for _ in range(2)]
    assert at_once(*[partial(links.activate, row) for row in rows]) == []
    assert len(active_of(maria)) == 1
