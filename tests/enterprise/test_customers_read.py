"""Reading customers: list, one, basic list, support tool, with_access_to, dashboard list (enterprise-customers 4.2)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.contrib.sites.models import Site
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from config.api.flags import ENTERPRISE_FEATURES
from enrollments.models import User
from enterprise.models import EnterpriseCustomer
from enterprise.serializers.customers import CustomerSerializer
from tests.factories import (
    BrandingFactory,
    CatalogFactory,
    EnterpriseCustomerFactory,
    FeatureRoleAssignmentFactory,
    IdentityProviderFactory,
    LearnerFactory,
    NotificationFactory,
    RoleAssignmentFactory,
    SsoConfigurationFactory,
    UserFactory,
    customer_admin,
    operator,
)

pytestmark = pytest.mark.django_db

BASE = "/enterprise/api/v1/enterprise-customer/"
GROUP = "enterprise_data_api_access"
NO_CREDENTIALS = {"detail": "Authentication credentials were not provided."}
NO_CUSTOMER = {"detail": "No EnterpriseCustomer matches the given query."}
NOT_FOUND = {"detail": "Not found."}
ENVELOPE = {
    "next", "previous", "count", "num_pages", "current_page", "start", "results", "enterprise_features",
}  # fmt: skip
LISTS = ("", "support_tool/", "dashboard_list/", f"with_access_to/?permissions={GROUP}")


@pytest.fixture
def globex() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(
        uuid="8f4b7b0e-3c0a-4a44-9d5e-0d6d3ac9c001",
        name="Globex",
        slug="globex",
        created=datetime(2031, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def acme() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(
        uuid="0b1a5f0a-51f5-4cd5-a1f2-9a35a5f0c101",
        name="Acme Inc",
        slug="acme",
        created=datetime(2031, 1, 2, tzinfo=UTC),
    )


@pytest.fixture
def hidden() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Hidden", slug="hidden", active=False)


@pytest.fixture
def people(globex: EnterpriseCustomer, acme: EnterpriseCustomer, hidden: EnterpriseCustomer) -> dict[str, User]:
    """One account of each kind; all are members of a group."""
    two = LearnerFactory(enterprise_customer=globex).user_fk
    LearnerFactory(enterprise_customer=acme, user=two, active=False)
    LearnerFactory(enterprise_customer=hidden, user=two)
    unlinked_admin = UserFactory()
    RoleAssignmentFactory(user=unlinked_admin, enterprise_customer=globex)
    provisioner = UserFactory()
    RoleAssignmentFactory(user=provisioner, role="enterprise_provisioning_admin")
    everybody = {
        "nobody": UserFactory(),
        "learner": LearnerFactory(enterprise_customer=globex).user_fk,
        "unlinked learner": LearnerFactory(enterprise_customer=globex, linked=False).user_fk,
        "learner of two": two,
        "admin": customer_admin(globex),
        "admin without a link": unlinked_admin,
        "admin of another": customer_admin(acme),
        "operator": operator(),
        "provisioner": provisioner,
        "staff": UserFactory(staff=True),
        "superuser": UserFactory(superuser=True),
    }
    group, _ = Group.objects.get_or_create(name=GROUP)
    group.user_set.add(*everybody.values())
    return everybody


SEEN = {
    "nobody": [],
    "learner": ["globex"],
    "unlinked learner": [],
    "learner of two": ["globex", "acme"],
    "admin": ["globex"],
    "admin without a link": [],
    "admin of another": ["acme"],
    "operator": [],
    "provisioner": ["globex", "acme"],
    "staff": ["globex", "acme"],
    "superuser": ["globex", "acme"],
}


@pytest.fixture
def boss(as_user: Any, people: dict[str, User]) -> APIClient:
    """An operator who is staff: may call everything and sees everything."""
    account = operator(staff=True)
    account.groups.add(Group.objects.get(name=GROUP))
    return as_user(account)


def slugs(response: Any) -> list[str]:
    assert response.status_code == 200, response.content
    return [each["slug"] for each in response.json()["results"]]


# --- Who sees which -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["", "8f4b7b0e-3c0a-4a44-9d5e-0d6d3ac9c001/", "basic_list/", *LISTS])
def test_without_credentials_nobody_reads(client: APIClient, globex: EnterpriseCustomer, path: str) -> None:
    response = client.get(BASE + path)
    assert (response.status_code, response.json()) == (401, NO_CREDENTIALS)


@pytest.mark.parametrize(("who", "seen"), SEEN.items())
def test_the_list_has_the_active_customers_that_the_caller_sees_the_oldest_first(
    as_user: Any, people: dict[str, User], who: str, seen: list[str]
) -> None:
    assert slugs(as_user(people[who]).get(BASE)) == seen


@pytest.mark.parametrize(("who", "seen"), SEEN.items())
def test_one_customer_is_found_by_who_sees_it(
    as_user: Any, people: dict[str, User], acme: EnterpriseCustomer, who: str, seen: list[str]
) -> None:
    response = as_user(people[who]).get(f"{BASE}{acme.pk}/")
    if "acme" in seen:
        assert (response.status_code, response.json()["slug"]) == (200, "acme")
        assert set(response.json()) == set(CustomerSerializer().fields)
    else:
        assert (response.status_code, response.json()) == (404, NO_CUSTOMER)


@pytest.mark.parametrize(("who", "seen"), SEEN.items())
def test_the_basic_list_has_id_and_name_of_those_the_caller_sees_by_name(
    as_user: Any, people: dict[str, User], globex: Any, acme: Any, who: str, seen: list[str]
) -> None:
    response = as_user(people[who]).get(f"{BASE}basic_list/")
    expected = [{"id": str(each.pk), "name": each.name} for each in (acme, globex) if each.slug in seen]
    assert (response.status_code, response.json()) == (200, expected)


@pytest.mark.parametrize(("who", "seen"), SEEN.items())
@pytest.mark.parametrize("path", ["support_tool/", f"with_access_to/?permissions={GROUP}"])
def test_other_lists_have_the_same_customers_by_name(
    as_user: Any, people: dict[str, User], path: str, who: str, seen: list[str]
) -> None:
    assert slugs(as_user(people[who]).get(BASE + path)) == sorted(seen)


@pytest.mark.parametrize(
    ("who", "seen"),
    {
        "nobody": None,
        "learner": None,
        "unlinked learner": None,
        "learner of two": None,
        "admin": ["globex"],
        "admin without a link": [],
        "admin of another": ["acme"],
        "operator": [],
        "provisioner": None,
        "staff": None,
        "superuser": ["acme", "globex"],
    }.items(),
)
def test_the_dashboard_list_is_for_admins_of_any_customer(
    as_user: Any, people: dict[str, User], who: str, seen: list[str] | None
) -> None:
    response = as_user(people[who]).get(f"{BASE}dashboard_list/")
    if seen is None:
        assert (response.status_code, response.json()) == (
            403,
            {"detail": "Missing: enterprise.can_access_admin_dashboard"},
        )
    else:
        assert slugs(response) == seen


def test_an_admin_of_one_customer_lists_all_that_are_linked(
    as_user: Any, people: dict[str, User], acme: EnterpriseCustomer
) -> None:
    LearnerFactory(enterprise_customer=acme, user=people["admin"])
    assert slugs(as_user(people["admin"]).get(f"{BASE}dashboard_list/")) == ["acme", "globex"]


def test_a_feature_role_of_the_database_opens_the_dashboard_list_to_a_session(
    by_session: Any, globex: EnterpriseCustomer
) -> None:
    user = LearnerFactory(enterprise_customer=globex).user_fk
    assert by_session(user).get(f"{BASE}dashboard_list/").status_code == 403
    FeatureRoleAssignmentFactory(user=user, role="dashboard_admin")
    assert slugs(by_session(user).get(f"{BASE}dashboard_list/")) == ["globex"]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 403),
        ("?permissions=", 403),
        ("?permissions=enterprise_enrollment_api_access", 403),
        (f"?permissions=other&permissions={GROUP}", 200),
        (f"?permission={GROUP}", 403),
    ],
)
@pytest.mark.parametrize("who", ["learner", "staff", "superuser"])
def test_with_access_to_is_for_members_of_a_named_group_staff_not_excepted(
    as_user: Any, people: dict[str, User], query: str, status: int, who: str
) -> None:
    response = as_user(people[who]).get(f"{BASE}with_access_to/{query}")
    assert response.status_code == status
    if status == 403:
        assert response.json() == {"detail": "User is not allowed to access the view."}


def test_the_notification_banner_is_for_linked_callers(as_user: Any, people: dict[str, User], globex: Any) -> None:
    live = NotificationFactory(title="Soon", text="Now")
    shown = as_user(people["learner"]).get(f"{BASE}{globex.pk}/").json()["enterprise_notification_banner"]
    assert shown == {"id": live.pk, "title": "Soon", "text": "Now"}
    for path in LISTS[:2]:
        banners = [
            each["enterprise_notification_banner"]
            for who in ("learner", "staff")
            for each in as_user(people[who]).get(BASE + path).json()["results"]
        ]
        assert [len(each) for each in banners] == [3, 2, 2]


# --- Addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("uuid", ["zz", "8f4b7b0e-3c0a-4a44-9d5e", "1", "%20", "basic-list"])
def test_a_malformed_uuid_is_not_found(boss: APIClient, uuid: str) -> None:
    response = boss.get(f"{BASE}{uuid}/")
    assert (response.status_code, response.json()) == (404, NOT_FOUND)


def test_unknown_and_inactive_customers_are_not_found(boss: APIClient, hidden: EnterpriseCustomer) -> None:
    for uuid in (hidden.pk, "11111111-2222-4333-8444-555555555555"):
        response = boss.get(f"{BASE}{uuid}/")
        assert (response.status_code, response.json()) == (404, NO_CUSTOMER)


@pytest.mark.parametrize("path", ["8f4b7b0e-3c0a-4a44-9d5e-0d6d3ac9c001/", *LISTS])
def test_the_default_contract_discount_is_a_decimal_that_is_not_in_the_api(boss: APIClient, path: str) -> None:
    assert EnterpriseCustomer.objects.update(default_contract_discount="12.5")
    response = boss.get(BASE + path)
    assert response.status_code == 200
    assert b"12.5" not in response.content


@pytest.mark.parametrize("path", ["", "8f4b7b0e-3c0a-4a44-9d5e-0d6d3ac9c001/", "basic_list/", *LISTS[:3]])
def test_addresses_end_with_a_slash_or_a_suffix(boss: APIClient, path: str) -> None:
    whole = BASE + path
    bare = whole.removesuffix("/")
    assert boss.get(f"{bare}.json").json() == boss.get(whole).json()
    assert (boss.get(bare).status_code, boss.get(bare)["Location"]) == (301, whole)
    assert boss.post(bare, {}).status_code == 404


@pytest.mark.parametrize("path", ["", "8f4b7b0e-3c0a-4a44-9d5e-0d6d3ac9c001/", "basic_list/", *LISTS[:3]])
def test_a_format_suffix_of_a_renderer_that_the_endpoint_does_not_have_is_not_found(boss: APIClient, path: str) -> None:
    response = boss.get(f"{(BASE + path).removesuffix('/')}.xml")
    assert (response.status_code, response.json()) == (404, NOT_FOUND)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("put", ""), ("patch", ""), ("delete", ""),
        ("post", "8f4b7b0e-3c0a-4a44-9d5e-0d6d3ac9c001/"),
        *[(method, path) for method in ("post", "put", "patch", "delete") for path in ("basic_list/", *LISTS[1:])],
    ],
)  # fmt: skip
def test_other_methods_are_not_allowed(as_user: Any, people: dict[str, User], method: str, path: str) -> None:
    people["superuser"].groups.add(Group.objects.get(name=GROUP))
    response = getattr(as_user(people["superuser"]), method)(BASE + path, {})
    assert (response.status_code, response.json()) == (405, {"detail": f'Method "{method.upper()}" not allowed.'})


# --- Pages, filters, order --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", LISTS)
def test_lists_have_the_envelope_with_the_feature_flags(boss: APIClient, path: str) -> None:
    body = boss.get(BASE + path).json()
    assert set(body) == ENVELOPE
    assert body["enterprise_features"] == dict.fromkeys(ENTERPRISE_FEATURES, False)
    assert (body["count"], body["num_pages"], body["current_page"], body["start"]) == (2, 1, 1, 0)


@pytest.mark.parametrize("path", LISTS)
def test_lists_come_in_pages(boss: APIClient, path: str) -> None:
    separator = "&" if "?" in path else "?"
    address = f"{BASE}{path}{separator}page_size=1"
    first, last = boss.get(address).json(), boss.get(f"{address}&page=last").json()
    assert (first["count"], first["num_pages"], len(first["results"]), first["previous"]) == (2, 2, 1, None)
    assert (last["current_page"], last["start"], last["next"]) == (2, 1, None)
    assert boss.get(first["next"]).json() == last
    assert {first["results"][0]["slug"], last["results"][0]["slug"]} == {"acme", "globex"}
    for page in ("3", "0", "x"):
        response = boss.get(f"{address}&page={page}")
        assert (response.status_code, response.json()) == (404, {"detail": "Invalid page."})


FILTERED = ["", f"with_access_to/?permissions={GROUP}&", "dashboard_list/"]


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("uuid=8f4b7b0e-3c0a-4a44-9d5e-0d6d3ac9c001", {"globex"}),
        ("uuid=8F4B7B0E3C0A4A449D5E0D6D3AC9C001", {"globex"}),
        ("uuid=11111111-2222-4333-8444-555555555555", set()),
        ("slug=acme", {"acme"}),
        ("slug=ac", set()),
        ("name=Globex", {"globex"}),
        ("name=globex", set()),
        ("active=true", {"globex", "acme"}),
        ("active=FALSE", set()),
        ("active=banana", {"globex", "acme"}),
        ("active=0", {"globex", "acme"}),
        ("enable_data_sharing_consent=1", {"globex", "acme"}),
        ("active=", {"globex", "acme"}),
        ("enable_data_sharing_consent=False", {"acme"}),
        ("enforce_data_sharing_consent=externally_managed", {"acme"}),
        ("enforce_data_sharing_consent=at_enrollment&slug=globex", {"globex"}),
        ("country=DE", {"globex", "acme"}),
    ],
)
@pytest.mark.parametrize("path", FILTERED)
def test_exact_filters_narrow_lists(boss: APIClient, acme: Any, path: str, query: str, seen: set[str]) -> None:
    acme.enable_data_sharing_consent, acme.enforce_data_sharing_consent = False, "externally_managed"
    acme.save()
    separator = "" if path.endswith("&") else "?"
    assert set(slugs(boss.get(f"{BASE}{path}{separator}{query}"))) == seen


def test_the_site_is_a_filter(boss: APIClient, acme: EnterpriseCustomer) -> None:
    acme.site = Site.objects.create(domain="elsewhere.example", name="Elsewhere")
    acme.save()
    assert slugs(boss.get(f"{BASE}?site={acme.site_id}")) == ["acme"]


@pytest.mark.parametrize(
    ("query", "errors"),
    [
        ("uuid=zz", {"uuid": ["Enter a valid UUID."]}),
        (
            "enforce_data_sharing_consent=zzz",
            {"enforce_data_sharing_consent": ["Select a valid choice. zzz is not one of the available choices."]},
        ),
        ("site=zz", {"site": ["Select a valid choice. That choice is not one of the available choices."]}),
        ("site=987654", {"site": ["Select a valid choice. That choice is not one of the available choices."]}),
        (
            "site=99999999999999999999",
            {"site": ["Select a valid choice. That choice is not one of the available choices."]},
        ),
    ],
)
@pytest.mark.parametrize("path", ["", "8f4b7b0e-3c0a-4a44-9d5e-0d6d3ac9c001/", "dashboard_list/"])
def test_filters_that_cannot_be_are_refused(
    boss: APIClient, globex: EnterpriseCustomer, path: str, query: str, errors: dict[str, Any]
) -> None:
    response = boss.get(f"{BASE}{path}?{query}")
    assert (response.status_code, response.json()) == (400, errors)


def test_filters_apply_to_one_customer_too(boss: APIClient, globex: EnterpriseCustomer) -> None:
    assert boss.get(f"{BASE}{globex.pk}/?slug=globex").status_code == 200
    response = boss.get(f"{BASE}{globex.pk}/?slug=acme")
    assert (response.status_code, response.json()) == (404, NO_CUSTOMER)


@pytest.mark.parametrize(
    ("ordering", "expected"),
    [
        ("slug", ["acme", "globex"]),
        ("-slug", ["globex", "acme"]),
        ("active,-name", ["globex", "acme"]),
        ("uuid", ["acme", "globex"]),
    ],
)
@pytest.mark.parametrize("path", FILTERED)
def test_lists_are_ordered_as_asked(boss: APIClient, path: str, ordering: str, expected: list[str]) -> None:
    separator = "" if path.endswith("&") else "?"
    assert slugs(boss.get(f"{BASE}{path}{separator}ordering={ordering}")) == expected


def test_unknown_names_of_an_ordering_are_ignored(boss: APIClient) -> None:
    assert slugs(boss.get(f"{BASE}?ordering=contact_email,zzz")) == ["globex", "acme"]
    assert slugs(boss.get(f"{BASE}dashboard_list/?ordering=zzz")) == ["acme", "globex"]


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("enterprise_id=8f4b7b0e-3c0a-4a44-9d5e-0d6d3ac9c001", ["globex"]),
        ("enterprise_id=8f4b7b0e-3c0a-4a44-9d5e-0d6d3ac9c001&enterprise_slug=acme&search=acme", ["globex"]),
        ("enterprise_slug=acme&search=glob", ["acme"]),
        ("enterprise_slug=hidden", []),
        ("search=LOB", ["globex"]),
        ("search=e", ["acme", "globex"]),
        ("search=nothing", []),
        ("enterprise_id=&enterprise_slug=&search=", ["acme", "globex"]),
        ("enterprise_slug=acme&slug=globex", []),
    ],
)
@pytest.mark.parametrize("path", FILTERED[1:])
def test_the_first_given_choice_narrows(boss: APIClient, path: str, query: str, seen: list[str]) -> None:
    separator = "" if path.endswith("&") else "?"
    assert slugs(boss.get(f"{BASE}{path}{separator}{query}")) == seen


@pytest.mark.parametrize("path", FILTERED[1:])
def test_a_malformed_enterprise_id_is_refused(boss: APIClient, path: str) -> None:
    separator = "" if path.endswith("&") else "?"
    response = boss.get(f"{BASE}{path}{separator}enterprise_id=zz")
    assert (response.status_code, response.json()) == (400, {"enterprise_id": ["Enter a valid UUID."]})


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("startswith=gl", ["Globex"]),
        ("startswith=lobex", []),
        ("name_or_uuid=LOB", ["Globex"]),
        ("name_or_uuid=inc", ["Acme Inc"]),
        ("name_or_uuid=8F4B7B0E-3c0a", ["Globex"]),
        ("name_or_uuid=7b0e3c0a4a44", ["Globex"]),
        ("name_or_uuid=0e-3c", ["Globex"]),
        ("name_or_uuid=8f4b-7b0e", []),
        ("name_or_uuid=0b1a5f0a-51f5-4cd5-a1f2-9a35a5f0c101", ["Acme Inc"]),
        ("startswith=a&name_or_uuid=8f4b", []),
        ("startswith=a&name_or_uuid=0b1a", ["Acme Inc"]),
        ("startswith=&name_or_uuid=", ["Acme Inc", "Globex"]),
        ("name_or_uuid=%25", []),
        ("slug=acme", ["Acme Inc", "Globex"]),
    ],
)
def test_the_basic_list_is_searched_by_name_and_uuid(boss: APIClient, query: str, seen: list[str]) -> None:
    response = boss.get(f"{BASE}basic_list/?{query}")
    assert (response.status_code, [each["name"] for each in response.json()]) == (200, seen)


def test_the_basic_list_has_no_pages(boss: APIClient) -> None:
    EnterpriseCustomerFactory.create_batch(120)
    assert len(boss.get(f"{BASE}basic_list/?page=2&page_size=3").json()) == 122


@pytest.mark.parametrize(
    ("query", "seen"),
    [
        ("user_query=GLOB", ["globex"]),
        ("user_query=acm", ["acme"]),
        ("user_query=inc", ["acme"]),
        ("user_query=hidden", []),
        ("uuid=8f4b7b0e-3c0a-4a44-9d5e-0d6d3ac9c001", ["globex"]),
        ("uuid=8f4b7b0e-3c0a-4a44-9d5e-0d6d3ac9c001&user_query=acme", []),
        ("uuid=11111111-2222-4333-8444-555555555555", []),
        ("slug=acme&ordering=-name&active=false", ["acme", "globex"]),
    ],
)
def test_the_support_tool_is_searched_by_its_own_parameters_only(boss: APIClient, query: str, seen: list[str]) -> None:
    assert slugs(boss.get(f"{BASE}support_tool/?{query}")) == seen


def test_the_support_tool_refuses_a_malformed_uuid(boss: APIClient) -> None:
    response = boss.get(f"{BASE}support_tool/?uuid=zz")
    assert (response.status_code, response.json()) == (400, {"uuid": ["Enter a valid UUID."]})


def test_the_support_tool_adds_active_sign_on_configurations_and_created(
    boss: APIClient, globex: EnterpriseCustomer
) -> None:
    moment = datetime(2031, 5, 6, 7, 8, 9, tzinfo=UTC)
    SsoConfigurationFactory(enterprise_customer=globex, active=True, created=moment, modified=moment)
    SsoConfigurationFactory(enterprise_customer=globex, active=False)
    acme, shown = boss.get(f"{BASE}support_tool/").json()["results"]
    assert set(shown) == {*CustomerSerializer().fields, "active_sso_configurations", "created"}
    assert (acme["active_sso_configurations"], shown["created"]) == ([], "2031-01-01T00:00:00Z")
    assert shown["active_sso_configurations"] == [
        {
            "created": "2031-05-06T07:08:09Z",
            "modified": "2031-05-06T07:08:09Z",
            "active": True,
            "display_name": "SSO-config-okta-1",
        }
    ]


def test_a_nul_byte_in_a_search_is_a_bad_request(boss: APIClient) -> None:
    for path in ("basic_list/?name_or_uuid=%00", "support_tool/?user_query=%00", "dashboard_list/?search=%00"):
        assert boss.get(BASE + path).status_code == 400


@pytest.mark.parametrize(("username", "allowed"), [("somebody", 2), ("enterprise_worker", 4)])
def test_service_accounts_have_a_higher_rate_and_all_paths_count_together(
    as_user: Any, globex: EnterpriseCustomer, settings: Any, username: str, allowed: int
) -> None:
    settings.USER_RATE, settings.SERVICE_USER_RATE, settings.HIGH_SERVICE_USER_RATE = "2/minute", "3/minute", "4/minute"
    client = as_user(UserFactory(username=username))
    paths = [BASE, f"{BASE}{globex.pk}/", f"{BASE}basic_list/", f"{BASE}support_tool/", f"{BASE}dashboard_list/"]
    answers = [client.get(path) for path in paths]
    assert [answer.status_code for answer in answers].index(429) == allowed
    refused = answers[allowed]
    assert refused.json()["detail"].startswith("Request was throttled. Expected available in")
    assert int(refused["Retry-After"]) > 0


# --- Cost -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "statements"),
    [
        ("", 4),
        ("support_tool/", 5),
        ("dashboard_list/", 4),
        (f"with_access_to/?permissions={GROUP}", 5),
        ("basic_list/", 2),
    ],
)
def test_lists_cost_the_same_however_many_customers_they_show(
    boss: APIClient, people: dict[str, User], path: str, statements: int
) -> None:
    separator = "&" if "?" in path else "?"

    def cost(size: int) -> int:
        boss.get(BASE + path)  # the flags are kept from now on
        with CaptureQueriesContext(connection) as captured:
            response = boss.get(f"{BASE}{path}{separator}page_size={size}")
        assert response.status_code == 200
        return len(captured)

    assert cost(1) == statements
    for _ in range(6):
        customer = EnterpriseCustomerFactory()
        for _ in range(2):
            customer_admin(customer)
            CatalogFactory(enterprise_customer=customer)
            IdentityProviderFactory(enterprise_customer=customer)
            SsoConfigurationFactory(enterprise_customer=customer, active=True)
        BrandingFactory(enterprise_customer=customer)
    assert cost(8) == statements


def test_one_customer_costs_three_statements(boss: APIClient, globex: EnterpriseCustomer) -> None:
    with CaptureQueriesContext(connection) as captured:
        assert boss.get(f"{BASE}{globex.pk}/").status_code == 200
    assert len(captured) == 3


def test_a_live_notification_costs_two_statements_more(boss: APIClient, people: dict[str, User]) -> None:
    NotificationFactory(filters=["enable_programs", "enable_pathways"])
    boss.get(BASE)
    with CaptureQueriesContext(connection) as captured:
        boss.get(f"{BASE}support_tool/?page_size=2")
    assert len(captured) == 7
