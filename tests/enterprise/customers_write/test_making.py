"""Customers are made (contract: enterprise-customers 4.1 write rules, 4.2.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sites.models import Site
from rest_framework.test import APIClient

from enrollments.models import User
from enterprise import models
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser
from enterprise.models.customers import own_site_id
from enterprise.serializers.customers import CustomerSerializer
from tests.enterprise.customers_write.words import BASE, NO_ADMIN
from tests.factories import EnterpriseCustomerFactory, FeatureRoleAssignmentFactory, RoleAssignmentFactory, UserFactory
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db
REQUIRED = ["This field is required."]
SLUG_TAKEN = {"slug": ["Enterprise Customer with this slug already exists."]}


# --- POST -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "status"),
    {
        "nobody": 403, "learner": 403, "learner of another": 403, "admin": 201, "admin without a link": 201,
        "admin of another": 201, "operator": 201, "operator of the staff": 201, "provisioner": 201, "staff": 403,
        "superuser": 201,
    }.items(),
)  # fmt: skip
def test_admins_of_any_customer_and_provisioning_admins_make_customers(
    as_user: Any, people: dict[str, User], domain: str, who: str, status: int
) -> None:
    sent = {"name": "New Co", "slug": "new-co", "site": {"domain": domain}}
    response = as_user(people[who]).post(BASE, sent)
    assert response.status_code == status
    assert EnterpriseCustomer.objects.filter(slug="new-co").exists() is (status == 201)
    if status == 403:
        assert response.json() == NO_ADMIN


def test_anonymous_callers_make_nothing(client: APIClient) -> None:
    assert client.post(BASE, {}).status_code == 401


def test_a_feature_role_of_the_database_suffices(by_session: Any, domain: str) -> None:
    user = UserFactory()
    FeatureRoleAssignmentFactory(user=user, role="dashboard_admin")
    assert by_session(user).post(BASE, {"name": "N", "slug": "n", "site": {"domain": domain}}).status_code == 201


def test_the_role_is_asked_before_the_body(as_user: Any) -> None:
    assert as_user(UserFactory()).post(BASE, {}).json() == NO_ADMIN


def test_a_new_customer_is_answered_in_full_and_nobody_is_linked_to_it(boss: APIClient, domain: str) -> None:
    response = boss.post(BASE, {"name": "New Co", "slug": "new-co", "site": {"domain": domain}, "country": "FR"})
    body = response.json()
    assert (response.status_code, set(body)) == (201, set(CustomerSerializer().fields))
    assert (body["name"], body["country"], body["site"]["domain"]) == ("New Co", "FR", domain)
    assert (body["enable_academies"], body["enable_slug_login"], body["admin_users"]) == (True, False, [])
    made = EnterpriseCustomer.objects.get(pk=body["uuid"])
    assert made.customer_type.name == "Enterprise"
    assert not EnterpriseCustomerUser.all_objects.filter(enterprise_customer=made).exists()
    assert boss.get(f"{BASE}{made.pk}/").status_code == 404


def test_a_new_customer_is_history_of_its_maker(boss: APIClient, admin: User, domain: str) -> None:
    body = boss.post(BASE, {"name": "New Co", "slug": "new-co", "site": {"domain": domain}}).json()
    (record,) = EnterpriseCustomer.history.filter(uuid=body["uuid"])
    assert (record.history_type, record.history_user_id) == ("+", admin.pk)


def test_derived_fields_are_ignored(boss: APIClient, domain: str) -> None:
    sent = {
        "name": "New Co", "slug": "new-co", "site": {"domain": domain},
        "uuid": "eeeeeeee-0000-4000-8000-000000000009", "modified": "2001-01-01T00:00:00Z",
        "branding_configuration": {"primary_color": "#000000"}, "identity_provider": "x", "identity_providers": ["x"],
        "sync_learner_profile_data": True, "enterprise_customer_catalogs": ["x"], "admin_users": [{"email": "x"}],
        "enterprise_notification_banner": {"title": "x"}, "active_integrations": [1], "customer_type": 99,
        "show_non_production_banner": True, "enable_autocohorting": True, "created": "2001-01-01T00:00:00Z",
        "default_contract_discount": "1.0", "no_such_field": 1,
    }  # fmt: skip
    body = boss.post(BASE, sent).json()
    assert body["uuid"] != sent["uuid"]
    assert body["modified"] > "2020"
    assert body["branding_configuration"]["primary_color"] == "#2D494E"
    assert (body["identity_provider"], body["identity_providers"], body["sync_learner_profile_data"]) == (
        None,
        [],
        False,
    )
    assert (body["enterprise_customer_catalogs"], body["admin_users"], body["active_integrations"]) == ([], [], [])
    assert body["enterprise_notification_banner"] == {"title": "", "text": ""}
    assert body["show_non_production_banner"] is False
    made = EnterpriseCustomer.objects.get(pk=body["uuid"])
    assert (made.enable_autocohorting, made.default_contract_discount) == (False, None)


def test_every_writable_flag_is_written(boss: APIClient, globex: EnterpriseCustomer) -> None:
    flags = {
        field.name: not getattr(globex, field.name)
        for field in EnterpriseCustomer._meta.concrete_fields
        if field.get_internal_type() == "BooleanField" and field.name not in {"active", "enable_autocohorting"}
    }
    response = boss.patch(f"{BASE}{globex.pk}/", flags)
    globex.refresh_from_db()
    assert response.status_code == 200
    assert {name: response.json()[name] for name in flags} == flags
    assert {name: getattr(globex, name) for name in flags} == flags
    assert len(flags) == 32


ERRORS: list[tuple[Any, Any]] = [
    ({"name": None}, {"name": ["This field may not be null."]}),
    ({"name": " "}, {"name": ["This field may not be blank."]}),
    ({"name": "x" * 256}, {"name": ["Ensure this field has no more than 255 characters."]}),
    ({"slug": "globex"}, SLUG_TAKEN),
    ({"slug": "hidden"}, SLUG_TAKEN),
    ({"slug": "x" * 31}, {"slug": ["Ensure this field has no more than 30 characters."]}),
    ({"slug": "a b"}, {"slug": ['Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.']}),
    ({"slug": ""}, {"slug": ["This field may not be blank."]}),
    ({"country": "QQ"}, {"country": ['"QQ" is not a valid choice.']}),
    ({"country": ["FR"]}, {"country": ["\"['FR']\" is not a valid choice."]}),
    ({"enforce_data_sharing_consent": "zz"}, {"enforce_data_sharing_consent": ['"zz" is not a valid choice.']}),
    ({"default_language": "xx"}, {"default_language": ['"xx" is not a valid choice.']}),
    ({"contact_email": "nobody"}, {"contact_email": ["Enter a valid email address."]}),
    ({"reply_to": "nobody"}, {"reply_to": ["Enter a valid email address."]}),
    ({"sender_alias": "x" * 256}, {"sender_alias": ["Ensure this field has no more than 255 characters."]}),
    ({"auth_org_id": "x" * 81}, {"auth_org_id": ["Ensure this field has no more than 80 characters."]}),
    ({"enable_slug_login": "banana"}, {"enable_slug_login": ["Must be a valid boolean."]}),
    ({"enable_slug_login": None}, {"enable_slug_login": ["This field may not be null."]}),
    ({"enable_slug_login": {}}, {"enable_slug_login": ["Must be a valid boolean."]}),
    ({"learner_portal_sidebar_content": None}, {"learner_portal_sidebar_content": ["This field may not be null."]}),
    ({"site": None}, {"site": ["This field may not be null."]}),
    ({"site": {}}, {"site": {"domain": "This field is required."}}),
    ({"site": {"host": "x"}}, {"site": {"domain": "This field is required."}}),
    ({"site": {"domain": ""}}, {"site": {"domain": "This field is required."}}),
    ({"site": "localhost"}, {"site": {"domain": "This field is required."}}),
    ({"site": ""}, {"site": {"domain": "This field is required."}}),
    ({"site": 7}, {"site": {"domain": "This field is required."}}),
    ({"site": [{"domain": "x"}]}, {"site": {"domain": "This field is required."}}),
    ({"site": {"domain": "nowhere.invalid"}}, {"site": {"domain": "No Site with the provided domain was found."}}),
    ({"site": {"domain": 7}}, {"site": {"domain": "No Site with the provided domain was found."}}),
    ({"site": {"domain": "x" * 5000}}, {"site": {"domain": "No Site with the provided domain was found."}}),
    (
        {"name": "", "site": {"domain": "nowhere.invalid"}, "slug": "globex"},
        {
            "name": ["This field may not be blank."],
            "site": {"domain": "No Site with the provided domain was found."},
            **SLUG_TAKEN,
        },
    ),
]


@pytest.mark.parametrize(("sent", "errors"), ERRORS)
@pytest.mark.parametrize("method", ["post", "patch", "put"])
def test_bad_values_are_refused_and_nothing_is_changed(
    root: APIClient,
    globex: EnterpriseCustomer,
    other: EnterpriseCustomer,
    domain: str,
    method: str,
    sent: Any,
    errors: Any,
) -> None:
    EnterpriseCustomerFactory(slug="hidden", active=False)
    whole = {"name": "N", "slug": "fresh", "site": {"domain": domain}, **sent}
    before = list(EnterpriseCustomer.all_objects.order_by("pk").values())
    if method == "post":
        response = root.post(BASE, whole)
    else:
        response = getattr(root, method)(f"{BASE}{other.pk}/", whole if method == "put" else sent)
    assert (response.status_code, response.json()) == (400, errors)
    assert list(EnterpriseCustomer.all_objects.order_by("pk").values()) == before


def test_name_and_site_are_needed(boss: APIClient, root: APIClient, globex: EnterpriseCustomer) -> None:
    for response in (boss.post(BASE, {}), root.put(f"{BASE}{globex.pk}/", {})):
        assert (response.status_code, response.json()) == (400, {"name": REQUIRED, "site": REQUIRED})


@pytest.mark.parametrize("body", ["[]", '"text"', "7", "[[1]]"])
def test_a_body_that_is_no_object_is_refused(boss: APIClient, globex: EnterpriseCustomer, body: str) -> None:
    for response in (
        boss.post(BASE, body, content_type="application/json"),
        boss.patch(f"{BASE}{globex.pk}/", body, content_type="application/json"),
    ):
        assert (response.status_code, list(response.json())) == (400, ["non_field_errors"])


def test_broken_json_and_other_media_types_are_refused(boss: APIClient) -> None:
    assert boss.post(BASE, "{", content_type="application/json").status_code == 400
    response = boss.post(BASE, "x", content_type="text/plain")
    assert (response.status_code, response.json()) == (
        415,
        {"detail": 'Unsupported media type "text/plain" in request.'},
    )


def test_an_omitted_slug_is_default_and_free_only_once(boss: APIClient, domain: str) -> None:
    first = boss.post(BASE, {"name": "One", "site": {"domain": domain}})
    second = boss.post(BASE, {"name": "Two", "site": {"domain": domain}})
    assert (first.status_code, first.json()["slug"]) == (201, "default")
    assert (second.status_code, second.json()) == (400, SLUG_TAKEN)


@pytest.mark.parametrize("form", ["multipart", "urlencoded"])
def test_a_customer_is_made_by_a_form_and_flags_it_leaves_out_have_their_defaults(
    boss: APIClient, domain: str, form: str
) -> None:
    sent = {"name": "Formed", "slug": "formed", "site.domain": domain, "enable_slug_login": "true", "active": "True"}
    if form == "multipart":
        response = boss.post(BASE, sent, format="multipart")
    else:
        encoded = "&".join(f"{name}={value}" for name, value in sent.items())
        response = boss.post(BASE, encoded, content_type="application/x-www-form-urlencoded")
    body = response.json()
    assert response.status_code == 201, body
    assert (body["slug"], body["enable_slug_login"], body["enable_academies"]) == ("formed", True, True)


@pytest.mark.parametrize(
    ("sent", "site"),
    [
        ({}, REQUIRED),
        ({"site": "localhost"}, {"domain": "This field is required."}),
        ({"site": ""}, {"domain": "This field is required."}),
        ({"site.host": "x"}, {"domain": "This field is required."}),
        ({"site.domain": "nowhere.invalid"}, {"domain": "No Site with the provided domain was found."}),
    ],
)
def test_the_site_of_a_form_is_checked_alike(boss: APIClient, sent: dict[str, str], site: Any) -> None:
    response = boss.post(BASE, {"name": "N", "slug": "n", **sent}, format="multipart")
    assert (response.status_code, response.json()) == (400, {"site": site})


@pytest.mark.parametrize("name", ["country", "default_language"])
@pytest.mark.parametrize("nothing", [None, ""])
def test_an_empty_choice_is_none(boss: APIClient, globex: EnterpriseCustomer, name: str, nothing: Any) -> None:
    value = "FR" if name == "country" else "en"
    assert boss.patch(f"{BASE}{globex.pk}/", {name: value}).json()[name] == value
    assert boss.patch(f"{BASE}{globex.pk}/", {name: nothing}).json()[name] is None
    globex.refresh_from_db()
    assert not getattr(globex, name)


def test_the_universal_link_is_only_a_flag_here(boss: APIClient, globex: EnterpriseCustomer) -> None:
    assert boss.patch(f"{BASE}{globex.pk}/", {"enable_universal_link": True}).json()["enable_universal_link"] is True
    assert not globex.invite_keys.exists()
    key = models.EnterpriseCustomerInviteKey.objects.create(enterprise_customer=globex)
    boss.patch(f"{BASE}{globex.pk}/", {"enable_universal_link": False})
    key.refresh_from_db()
    assert key.is_active


# --- At the same time -----------------------------------------------------------------------------------------------


@concurrent_writers
@pytest.mark.django_db(transaction=True)
def test_two_customers_with_one_slug_at_the_same_time_are_one(as_user: Any) -> None:
    user = UserFactory()
    RoleAssignmentFactory(user=user, role="enterprise_provisioning_admin")
    domain = Site.objects.get(pk=own_site_id()).domain
    answers: list[Any] = []
    sent = {"name": "N", "slug": "same", "site": {"domain": domain}}

    def post(client: APIClient) -> Callable[[], None]:
        return lambda: answers.append(client.post(BASE, sent))

    assert not at_once(*[post(as_user(user)) for _ in range(4)])
    assert sorted(answer.status_code for answer in answers) == [201, 400, 400, 400]
    assert all(answer.json() == SLUG_TAKEN for answer in answers if answer.status_code == 400)
    assert EnterpriseCustomer.objects.filter(slug="same").count() == 1
