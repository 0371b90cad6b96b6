"""Making, changing and deleting customers (contract: enterprise-customers 4.1 write rules, 4.2.2 to 4.2.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.contrib.sites.models import Site
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient

from enrollments.models import CourseEnrollment, User, UserProfile
from enterprise import models
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser
from enterprise.models.customers import own_site_id
from enterprise.serializers.customers import CustomerSerializer
from tests.factories import (
    BrandingFactory,
    CatalogFactory,
    CourseEnrollmentFactory,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    FeatureRoleAssignmentFactory,
    GroupFactory,
    GroupMembershipFactory,
    IdentityProviderFactory,
    LearnerFactory,
    LicenseFactory,
    NotificationFactory,
    PendingAdminFactory,
    PendingEnrollmentFactory,
    PendingLearnerFactory,
    ReportingConfigurationFactory,
    RoleAssignmentFactory,
    SsoConfigurationFactory,
    UserFactory,
    customer_admin,
    operator,
)
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db

BASE = "/enterprise/api/v1/enterprise-customer/"
NO_ADMIN = {"detail": "Access denied: Only admins and provisioning admins are allowed to access this endpoint."}
NO_PERMISSION = {"detail": "You do not have permission to perform this action."}
NO_CUSTOMER = {"detail": "No EnterpriseCustomer matches the given query."}
REQUIRED = ["This field is required."]
SLUG_TAKEN = {"slug": ["Enterprise Customer with this slug already exists."]}


@pytest.fixture
def globex() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Globex", slug="globex")


@pytest.fixture
def other() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(name="Other", slug="other")


@pytest.fixture
def domain(globex: EnterpriseCustomer) -> str:
    return globex.site.domain


@pytest.fixture
def admin(globex: EnterpriseCustomer) -> User:
    return customer_admin(globex)


@pytest.fixture
def boss(as_user: Any, admin: User) -> APIClient:
    return as_user(admin)


@pytest.fixture
def provisioner(as_user: Any) -> APIClient:
    user = UserFactory()
    RoleAssignmentFactory(user=user, role="enterprise_provisioning_admin")
    return as_user(user)


@pytest.fixture
def root(as_user: Any) -> APIClient:
    return as_user(UserFactory(superuser=True))


@pytest.fixture
def people(globex: EnterpriseCustomer, other: EnterpriseCustomer, admin: User) -> dict[str, User]:
    unlinked, provisioner = UserFactory(), UserFactory()
    RoleAssignmentFactory(user=unlinked, enterprise_customer=globex)
    RoleAssignmentFactory(user=provisioner, role="enterprise_provisioning_admin")
    staff_operator = operator(staff=True)
    return {
        "nobody": UserFactory(),
        "learner": LearnerFactory(enterprise_customer=globex).user_fk,
        "learner of another": LearnerFactory(enterprise_customer=other).user_fk,
        "admin": admin,
        "admin without a link": unlinked,
        "admin of another": customer_admin(other),
        "operator": operator(),
        "operator of the staff": staff_operator,
        "provisioner": provisioner,
        "staff": UserFactory(staff=True),
        "superuser": UserFactory(superuser=True),
    }


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


# --- PATCH ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "status"),
    {
        "nobody": 403, "learner": 403, "learner of another": 403, "admin": 200, "admin without a link": 404,
        "admin of another": 403, "operator": 404, "operator of the staff": 200, "provisioner": 200, "staff": 403,
        "superuser": 200,
    }.items(),
)  # fmt: skip
def test_admins_of_the_customer_who_are_linked_and_provisioning_admins_change_it(
    as_user: Any, people: dict[str, User], globex: EnterpriseCustomer, who: str, status: int
) -> None:
    response = as_user(people[who]).patch(f"{BASE}{globex.pk}/", {"name": "Changed"})
    globex.refresh_from_db()
    assert (response.status_code, globex.name) == (status, "Changed" if status == 200 else "Globex")
    expected = {403: NO_ADMIN, 404: NO_CUSTOMER}.get(status)
    if expected:
        assert response.json() == expected
    else:
        assert set(response.json()) == set(CustomerSerializer().fields)


def test_other_fields_stay_and_history_says_who(boss: APIClient, admin: User, globex: EnterpriseCustomer) -> None:
    response = boss.patch(f"{BASE}{globex.pk}/", {"sender_alias": "Globex Academy"})
    assert (response.json()["slug"], response.json()["sender_alias"]) == ("globex", "Globex Academy")
    newest = EnterpriseCustomer.history.filter(uuid=globex.pk).latest("history_date")
    assert (newest.history_type, newest.history_user_id, newest.sender_alias) == ("~", admin.pk, "Globex Academy")
    assert response.json()["modified"] > globex.modified.isoformat()


def test_a_customer_keeps_its_own_slug(boss: APIClient, globex: EnterpriseCustomer) -> None:
    assert boss.patch(f"{BASE}{globex.pk}/", {"slug": "globex"}).status_code == 200
    assert boss.patch(f"{BASE}{globex.pk}/", {}).status_code == 200


def test_the_site_is_changed_by_its_domain(boss: APIClient, globex: EnterpriseCustomer) -> None:
    Site.objects.create(domain="new.example", name="New")
    response = boss.patch(f"{BASE}{globex.pk}/", {"site": {"domain": "new.example", "name": "ignored"}})
    assert (response.status_code, response.json()["site"]) == (200, {"domain": "new.example", "name": "New"})


@pytest.mark.parametrize("form", ["multipart", "json"])
def test_a_form_changes_what_it_names(boss: APIClient, globex: EnterpriseCustomer, form: str) -> None:
    response = boss.patch(f"{BASE}{globex.pk}/", {"name": "Formed", "enable_programs": "false"}, format=form)
    body = response.json()
    assert (body["name"], body["enable_programs"], body["enable_academies"]) == ("Formed", False, True)


def test_a_deactivated_customer_is_answered_once_more_and_then_invisible(
    boss: APIClient, root: APIClient, globex: EnterpriseCustomer
) -> None:
    response = boss.patch(f"{BASE}{globex.pk}/", {"active": False})
    assert (response.status_code, response.json()["active"]) == (200, False)
    for client in (boss, root):
        assert client.get(f"{BASE}{globex.pk}/").status_code == 404
        assert client.patch(f"{BASE}{globex.pk}/", {"active": True}).status_code == 404
    assert boss.get(BASE).json()["count"] == 0


def test_a_uuid_in_upper_case_is_nobodys_context(boss: APIClient, globex: EnterpriseCustomer) -> None:
    assert boss.patch(f"{BASE}{str(globex.pk).upper()}/", {"name": "x"}).status_code == 403


@pytest.mark.parametrize(
    ("uuid", "expected"),
    [("zz", {"detail": "Not found."}), ("11111111-2222-4333-8444-555555555555", NO_CUSTOMER)],
)
def test_unknown_customers_are_for_holders_everywhere_not_found_for_others_forbidden(
    boss: APIClient, provisioner: APIClient, uuid: str, expected: Any
) -> None:
    assert (boss.patch(f"{BASE}{uuid}/", {}).status_code, boss.patch(f"{BASE}{uuid}/", {}).json()) == (403, NO_ADMIN)
    response = provisioner.patch(f"{BASE}{uuid}/", {})
    assert (response.status_code, response.json()) == (404, expected)


def test_the_customer_is_looked_up_before_the_body_is_read(as_user: Any, people: dict[str, User], globex: Any) -> None:
    assert as_user(people["operator"]).patch(f"{BASE}{globex.pk}/", {"name": ""}).status_code == 404


@pytest.mark.parametrize(
    ("before", "sent", "cleared"),
    [
        (None, {"default_language": "de-de"}, True),
        ("en", {"default_language": "de-de"}, True),
        ("de-de", {"default_language": "de-de"}, False),
        ("en", {"default_language": None}, False),
        ("en", {"name": "Other name"}, False),
    ],
)
def test_a_new_default_language_blanks_the_learners_own(
    boss: APIClient, globex: EnterpriseCustomer, other: EnterpriseCustomer, before: Any, sent: Any, cleared: bool
) -> None:
    EnterpriseCustomer.all_objects.filter(pk=globex.pk).update(default_language=before)
    ours, theirs = (LearnerFactory(enterprise_customer=each).user_fk for each in (globex, other))
    UserProfile.objects.update(language_preference="fr")
    assert boss.patch(f"{BASE}{globex.pk}/", sent).status_code == 200
    languages = dict(UserProfile.objects.values_list("user_id", "language_preference"))
    assert (languages[ours.pk] or "") == ("" if cleared else "fr")
    assert languages[theirs.pk] == "fr"


# --- PUT and DELETE -------------------------------------------------------------------------------------------------

MAY_NOT = dict.fromkeys(
    ("nobody", "learner", "learner of another", "admin", "admin without a link", "admin of another", "operator",
     "operator of the staff", "provisioner", "staff"), 403,
)  # fmt: skip


@pytest.mark.parametrize(("who", "status"), {**MAY_NOT, "superuser": 200}.items())
@pytest.mark.parametrize("method", ["put", "delete"])
def test_model_permissions_alone_open_put_and_delete(
    as_user: Any, people: dict[str, User], globex: EnterpriseCustomer, domain: str, method: str, who: str, status: int
) -> None:
    sent = {"name": "Put", "site": {"domain": domain}}
    response = getattr(as_user(people[who]), method)(f"{BASE}{globex.pk}/", sent)
    if status == 403:
        assert (response.status_code, response.json()) == (403, NO_PERMISSION)
        assert EnterpriseCustomer.objects.filter(name="Globex").exists()
    else:
        assert response.status_code == (200 if method == "put" else 204)


@pytest.mark.parametrize(
    ("method", "codename", "status"),
    [
        ("put", "change_enterprisecustomer", 200),
        ("put", "delete_enterprisecustomer", 403),
        ("delete", "delete_enterprisecustomer", 204),
        ("delete", "change_enterprisecustomer", 403),
    ],
)
def test_holders_of_a_model_permission_need_a_link_too(
    as_user: Any, globex: EnterpriseCustomer, domain: str, method: str, codename: str, status: int
) -> None:
    permission = Permission.objects.get(codename=codename, content_type__app_label="enterprise")
    linked, unlinked = LearnerFactory(enterprise_customer=globex).user_fk, UserFactory()
    for user in (linked, unlinked):
        user.user_permissions.add(permission)
    sent = {"name": "Put", "site": {"domain": domain}}
    response = getattr(as_user(unlinked), method)(f"{BASE}{globex.pk}/", sent)
    assert response.status_code == (403 if status == 403 else 404)
    assert getattr(as_user(linked), method)(f"{BASE}{globex.pk}/", sent).status_code == status


def test_put_leaves_what_it_does_not_name(root: APIClient, globex: EnterpriseCustomer, domain: str) -> None:
    EnterpriseCustomer.all_objects.filter(pk=globex.pk).update(sender_alias="A", enable_academies=False)
    body = root.put(f"{BASE}{globex.pk}/", {"name": "Put", "site": {"domain": domain}}).json()
    assert (body["name"], body["slug"], body["sender_alias"], body["enable_academies"]) == ("Put", "globex", "A", False)


@pytest.mark.parametrize("method", ["put", "delete"])
@pytest.mark.parametrize("uuid", ["zz", "11111111-2222-4333-8444-555555555555"])
def test_put_and_delete_of_unknown_customers(root: APIClient, method: str, uuid: str) -> None:
    assert getattr(root, method)(f"{BASE}{uuid}/", {}).status_code == 404


def a_whole_customer(**fields: Any) -> EnterpriseCustomer:
    """A customer with rows in every table that belongs to one."""
    customer = EnterpriseCustomerFactory(**fields)
    account = customer_admin(customer)
    link = EnterpriseCustomerUser.objects.get(user_id=account.pk)
    key = models.EnterpriseCustomerInviteKey.objects.create(enterprise_customer=customer)
    models.EnterpriseCustomerInviteKey.objects.create(enterprise_customer=customer, is_removed=True)
    LearnerFactory(enterprise_customer=customer, linked=False, invite_key=key)
    BrandingFactory(enterprise_customer=customer)
    IdentityProviderFactory(enterprise_customer=customer)
    catalog = CatalogFactory(enterprise_customer=customer)
    ReportingConfigurationFactory(enterprise_customer=customer).enterprise_customer_catalogs.add(catalog)
    SsoConfigurationFactory(enterprise_customer=customer, is_removed=True)
    PendingAdminFactory(enterprise_customer=customer)
    pending = PendingLearnerFactory(enterprise_customer=customer)
    PendingEnrollmentFactory(user=pending)
    group = GroupFactory(enterprise_customer=customer)
    GroupMembershipFactory(group=group, enterprise_customer_user=link)
    GroupMembershipFactory(group=group, pending_enterprise_customer_user=pending, is_removed=True)
    CourseEnrollmentFactory(user=account)
    enrollment = EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link)
    LicenseFactory(enterprise_course_enrollment=enrollment)
    flow = models.OnboardingFlow.objects.create(title="Tour")
    models.EnterpriseCustomerAdmin.objects.create(enterprise_customer_user=link).completed_tour_flows.add(flow)
    models.AdminNotificationRead.objects.create(enterprise_customer_user=link, admin_notification=NotificationFactory())
    models.DataSharingConsent.objects.create(enterprise_customer=customer, username=account.username, course_id="x")
    job = models.BulkJob.objects.create(enterprise_customer=customer, kind="enrollment")
    models.BulkJobRow.objects.create(job=job, position=0)
    return customer


def rows_of(app: str = "enterprise") -> dict[str, int]:
    """How many rows each table that hangs on a customer has."""
    from django.apps import apps

    kept = {
        "EnterpriseCustomerType", "EnterpriseEnrollmentSource", "SystemWideEnterpriseRole", "EnterpriseFeatureRole",
        "EnrollmentNotificationEmailTemplate", "AdminNotification", "OnboardingFlow",
    }  # fmt: skip
    tables = [
        model
        for model in apps.get_app_config(app).get_models(include_auto_created=True)
        if not model.__name__.startswith("Historical") and model.__name__ not in kept
    ]
    return {model.__name__: count for model in tables if (count := model._base_manager.count())}


def test_a_deleted_customer_takes_all_that_is_its_own_and_nothing_of_others(
    root: APIClient, globex: EnterpriseCustomer
) -> None:
    globex.delete()
    doomed, kept = a_whole_customer(slug="doomed"), a_whole_customer(slug="kept")
    both = rows_of()
    assert len(both) > 18
    members = set(
        EnterpriseCustomerUser.all_objects.filter(enterprise_customer=doomed).values_list("user_id", flat=True)
    )
    response = root.delete(f"{BASE}{doomed.pk}/")
    assert (response.status_code, response.content) == (204, b"")
    assert rows_of() == {name: count // 2 for name, count in both.items()}
    assert list(EnterpriseCustomer.all_objects.values_list("slug", flat=True)) == ["kept"]
    assert User.objects.filter(pk__in=members).count() == len(members)
    assert CourseEnrollment.objects.filter(user_id__in=members).exists()
    assert kept.identity_providers.exists()


def test_the_history_of_what_a_deleted_customer_took_along_stays(as_user: Any, globex: EnterpriseCustomer) -> None:
    account = UserFactory(superuser=True)
    doomed = a_whole_customer()
    as_user(account).delete(f"{BASE}{doomed.pk}/")
    for model in (
        EnterpriseCustomer,
        EnterpriseCustomerUser,
        models.EnterpriseCourseEnrollment,
        models.LicensedEnterpriseCourseEnrollment,
        models.PendingEnrollment,
        models.EnterpriseGroupMembership,
        models.SystemWideEnterpriseUserRoleAssignment,
        models.EnterpriseCustomerSsoConfiguration,
        models.EnterpriseCustomerInviteKey,
    ):
        deleted = model.history.filter(history_type="-")
        assert deleted.exists(), model
        assert set(deleted.values_list("history_user_id", flat=True)) == {account.pk}


def test_deleting_costs_the_same_however_many_learners_there_are(root: APIClient) -> None:
    costs = []
    for learners in (1, 12):
        doomed = a_whole_customer()
        for _ in range(learners):
            link = LearnerFactory(enterprise_customer=doomed)
            LicenseFactory(
                enterprise_course_enrollment=EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link)
            )
        with CaptureQueriesContext(connection) as captured:
            assert root.delete(f"{BASE}{doomed.pk}/").status_code == 204
        costs.append(len(captured))
    assert costs[0] == costs[1] < 150


def test_the_logo_goes_with_its_customer(
    root: APIClient, globex: EnterpriseCustomer, settings: Any, tmp_path: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.MEDIA_ROOT = str(tmp_path)
    name = default_storage.save(f"enterprise/branding/{globex.pk}/logo_1.png", ContentFile(b"png"))
    BrandingFactory(enterprise_customer=globex, logo=name)
    with django_capture_on_commit_callbacks(execute=True):
        root.delete(f"{BASE}{globex.pk}/")
    assert not default_storage.exists(name)


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
