"""The admin portal's calls, page by page, as its build makes them from another origin (contract: clients 2 and 3)."""

from __future__ import annotations

import json
import re
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from enrollments.models import User
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerUser
from saml_admin.models import SAMLConfiguration
from saml_admin.tasks import set_up_sign_ons
from tests.enterprise.analytics_summary.figures import ENGAGEMENT_FIGURES, PROGRESS_FIGURES
from tests.factories import (
    BrandingFactory,
    CatalogFactory,
    EnterpriseCustomerFactory,
    GroupFactory,
    GroupMembershipFactory,
    LearnerFactory,
    NotificationFactory,
    RoleAssignmentFactory,
    TourFlowFactory,
    UserFactory,
    recorded_admin,
)
from tests.journeys.browser_app import ORIGIN, BrowserApp, require
from tests.saml_admin.conftest import ENTITY, descriptor

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("apps_origin")]

API = "/enterprise/api/v1"
PAGE = "/acme/admin/learners"
LOGO = Path(__file__).parent.parent / "worlds" / "logo.png"
GROUP = ("uuid", "name", "group_type", "accepted_members_count", "enterprise_customer")
SSO_TIMES = ("modified", "submitted_at", "configured_at", "validated_at", "errored_at")


@pytest.fixture
def acme() -> EnterpriseCustomer:
    customer = EnterpriseCustomerFactory(
        name="Acme",
        slug="acme",
        enable_generation_of_api_credentials=True,
        enable_portal_reporting_config_screen=True,
        enable_portal_saml_configuration_screen=True,
    )
    BrandingFactory(enterprise_customer=customer, primary_color="#123456")
    CatalogFactory(enterprise_customer=customer)
    NotificationFactory()
    return customer


@pytest.fixture
def admin(acme: EnterpriseCustomer) -> User:
    """Ida runs Acme and is linked to a second customer too."""
    account: User = recorded_admin(acme, username="ida", email="ida@acme.example").enterprise_customer_user.user_fk
    other = EnterpriseCustomerFactory(name="Bolt", slug="bolt")
    LearnerFactory(enterprise_customer=other, user=account, active=False)
    return account


@pytest.fixture
def portal(admin: User) -> BrowserApp:
    """The portal with Ida signed in."""
    app = BrowserApp()
    app.sign_in("ida", PAGE)
    return app


# --- Start-up ---


def test_a_stranger_is_led_to_sign_in_and_back_to_the_page(
    admin: User, acme: EnterpriseCustomer, settings: Any
) -> None:
    settings.MFE_CONFIG = {"SITE_NAME": "Campus", "OVERRIDES": {"admin-portal": {"SITE_NAME": "Portal"}}}
    app = BrowserApp()
    assert app.configuration("admin-portal") == {"SITE_NAME": "Portal"}
    assert app.refresh().status_code == 401
    query = {"next": ORIGIN + PAGE, "enterprise_slug": "acme"}
    answer = app.browser.get(f"/enterprise/proxy-login/?{urlencode(query)}")
    assert answer.status_code == 302
    form = app.browser.get(answer["Location"])
    assert form.status_code == 200
    assert form.context["next"] == ORIGIN + PAGE
    assert app.sign_in("ida", PAGE) == ORIGIN + PAGE
    claims = app.claims()
    assert claims["user_id"] == admin.pk
    assert claims["email"] == "ida@acme.example"
    assert claims["administrator"] is False
    assert f"enterprise_admin:{acme.uuid}" in claims["roles"]
    assert claims["exp"] > claims["iat"]


def test_a_page_that_is_opened_with_a_live_session_needs_no_form(portal: BrowserApp) -> None:
    answer = portal.browser.get(f"/login?{urlencode({'next': ORIGIN + PAGE})}")
    assert (answer.status_code, answer["Location"]) == (302, ORIGIN + PAGE)


def test_a_token_that_expires_is_refreshed_without_anybody_noticing(portal: BrowserApp) -> None:
    portal.let_token_expire()
    answer = portal.refresh()
    assert answer.status_code == 200
    assert isinstance(answer.json()["response_epoch_seconds"], float)
    assert portal.claims()["preferred_username"] == "ida"
    portal.let_token_expire()
    assert portal.get("/api/user/v1/accounts/ida")["username"] == "ida"


def test_signing_out_ends_everything(portal: BrowserApp) -> None:
    target = (
        f"http://testserver/enterprise/proxy-login/?{urlencode({'enterprise_slug': 'acme', 'next': ORIGIN + PAGE})}"
    )
    answer = portal.browser.get(f"/logout?{urlencode({'redirect_url': target})}")
    assert answer.status_code == 200
    assert answer.context["target"] == target
    assert portal.refresh().status_code == 401


def test_the_user_of_the_page_is_completed_from_the_account(portal: BrowserApp) -> None:
    found = portal.get("/api/user/v1/accounts/ida")
    require(found, "is_active", "profile_image.has_image", "profile_image.image_url_medium", "name", "email")
    assert found["is_active"] is True


def test_the_register_page_refreshes_through_the_signed_in_client(portal: BrowserApp, admin: User) -> None:
    assert portal.call("POST", "/login_refresh")["user_id"] == admin.pk


def test_the_shell_finds_the_customer_by_its_slug(portal: BrowserApp, acme: EnterpriseCustomer) -> None:
    page = portal.get(
        f"{API}/enterprise-customer/dashboard_list/", {"page": 1, "page_size": 50, "enterprise_slug": "acme"}
    )
    require(
        page,
        "count", "num_pages", "enterprise_features.admin_portal_learner_profile_view_enabled",
        "enterprise_features.enterprise_admin_onboarding_enabled",
    )  # fmt: skip
    (found,) = page["results"]
    assert found["uuid"] == str(acme.uuid)
    require(
        found,
        "name", "slug", "contact_email", "identity_provider", "branding_configuration.logo",
        "disable_expiry_messaging_for_learner_credit", "enable_portal_code_management_screen",
        "enable_portal_reporting_config_screen", "enable_portal_subscription_management_screen",
        "enable_portal_saml_configuration_screen", "enable_analytics_screen", "enable_learner_portal",
        "enable_integrated_customer_learner_portal_search", "enable_portal_lms_configurations_screen",
        "enable_universal_link", "enable_portal_learner_credit_management_screen",
        "enable_generation_of_api_credentials", "enable_demo_data_for_analytics_and_lpr",
        "enable_audit_data_reporting",
    )  # fmt: skip
    require(found["enterprise_notification_banner"], "id", "title", "text")
    for name in ("primary_color", "secondary_color", "tertiary_color"):
        assert re.fullmatch(r"#[0-9A-Fa-f]{6}", found["branding_configuration"][name])
    listed = portal.get(f"{API}/enterprise-customer/dashboard_list/", {"page": 1, "page_size": 50, "search": "acm"})
    assert [each["slug"] for each in listed["results"]] == ["acme"]
    assert portal.get(f"{API}/enterprise-customer/dashboard_list/", {"enterprise_slug": "none"})["results"] == []


def test_the_shell_reads_and_keeps_the_admins_own_record(portal: BrowserApp) -> None:
    (record,) = portal.get(f"{API}/enterprise-customer-admin/")["results"]
    require(
        record,
        "uuid", "enterprise_customer_user", "last_login", "completed_tour_flows", "onboarding_tour_dismissed",
        "onboarding_tour_completed",
    )  # fmt: skip
    address = f"{API}/enterprise-customer-admin/{record['uuid']}/"
    assert portal.get(address)["uuid"] == record["uuid"]
    for name in ("onboarding_tour_dismissed", "onboarding_tour_completed"):
        portal.call("PATCH", address, {name: True})
        assert portal.get(address)[name] is True
    flow = TourFlowFactory()
    portal.call("POST", f"{address}complete_tour_flow/", {"flow_uuid": str(flow.pk)})
    assert portal.get(address)["completed_tour_flows"] == [str(flow.pk)]


def test_the_shell_makes_the_open_customer_the_active_one(
    portal: BrowserApp, admin: User, acme: EnterpriseCustomer
) -> None:
    EnterpriseCustomerUser.objects.filter(user_id=admin.pk, enterprise_customer=acme).update(active=False)
    EnterpriseCustomerUser.objects.filter(user_id=admin.pk).exclude(enterprise_customer=acme).update(active=True)
    pages = list(portal.pages(f"{API}/enterprise-learner/", {"username": "ida", "page": 1}))
    links = [link for page in pages for link in page["results"]]
    active = {link["enterprise_customer"]["uuid"]: link["active"] for link in links}
    assert active[str(acme.uuid)] is False
    assert sorted(active.values()) == [False, True]
    assert portal.call("POST", "/enterprise/select/active/", form={"enterprise": str(acme.uuid)}, status=200) == {}
    links = portal.get(f"{API}/enterprise-learner/", {"username": "ida", "page": 1})["results"]
    assert [link["enterprise_customer"]["uuid"] for link in links if link["active"]] == [str(acme.uuid)]
    refused = portal.call("POST", "/enterprise/select/active/", form={"enterprise": str(uuid.uuid4())}, status=400)
    assert list(refused) == ["errors"]


def test_the_rest_of_the_shell(portal: BrowserApp, acme: EnterpriseCustomer) -> None:
    GroupFactory(enterprise_customer=acme, group_type="budget")
    banner = portal.get(f"{API}/enterprise-customer/dashboard_list/")["results"][0]["enterprise_notification_banner"]
    portal.call("POST", f"{API}/read_notification", {"enterprise_slug": "acme", "notification_id": banner["id"]})
    for page in portal.pages(f"{API}/enterprise_group/", {"enterprise_uuids": str(acme.uuid)}):
        require(page["results"][0], "group_type", "uuid", "name")
    assert portal.get(f"{API}/enterprise-group/")["results"][0]["group_type"] == "budget"
    assert portal.get(f"{API}/enterprise-customer-members/{acme.uuid}", {"page": 1, "page_size": 1})["count"] == 0
    assert portal.get(f"{API}/enterprise-customer/{acme.uuid}/")["active_integrations"] == []


# --- People and groups ---


@pytest.fixture
def crew(acme: EnterpriseCustomer) -> list[User]:
    accounts = [UserFactory(username=f"crew{number}", email=f"crew{number}@acme.example") for number in range(13)]
    for account in accounts:
        LearnerFactory(enterprise_customer=acme, user=account)
        RoleAssignmentFactory(user=account, role="enterprise_learner", enterprise_customer=acme)
    return accounts


def test_members_are_searched_sorted_and_downloaded(
    portal: BrowserApp, acme: EnterpriseCustomer, crew: list[User]
) -> None:
    address = f"{API}/enterprise-customer-members/{acme.uuid}"
    page = portal.get(address, {"page": 1, "page_size": 10, "user_query": "crew", "sort_by": "name"})
    require(page, "count", "num_pages")
    require(
        page["results"][0],
        "enterprise_customer_user.user_id", "enterprise_customer_user.name", "enterprise_customer_user.email",
        "enterprise_customer_user.joined_org", "enrollments",
    )  # fmt: skip
    assert (page["count"], page["num_pages"], len(page["results"])) == (13, 2, 10)
    by_date = {"page": 1, "page_size": page["count"], "sort_by": "joined_org", "is_reversed": "true"}
    assert len(portal.get(address, by_date)["results"]) == 13
    (one,) = portal.get(address, {"user_id": crew[3].pk})["results"]
    assert one["enterprise_customer_user"]["email"] == "crew3@acme.example"
    listed = list(portal.pages(f"{API}/enterprise-learner/", {"enterprise_customer": str(acme.uuid), "page": 1}))
    assert {link["user"]["email"] for page in listed for link in page["results"]} == {"ida@acme.example"}
    for body in (
        [{"user_email": "new@acme.example", "enterprise_customer": str(acme.uuid)}],
        {"user_email": "newer@acme.example", "enterprise_customer": str(acme.uuid)},
    ):
        portal.call("POST", f"{API}/link_pending_enterprise_users/{acme.uuid}", body)


@pytest.mark.parametrize("spelling", ["enterprise-group", "enterprise_group"])
def test_a_group_from_its_making_to_its_end(
    portal: BrowserApp, acme: EnterpriseCustomer, crew: list[User], spelling: str
) -> None:
    body = {"name": "Night shift", "enterprise_customer": str(acme.uuid), "members": []}
    made = portal.call("POST", f"{API}/{spelling}/", body)
    address = f"{API}/{spelling}/{made['uuid']}/"
    found = portal.get(address)
    require(found, *GROUP)
    assert found["enterprise_customer"] == str(acme.uuid)
    assert portal.call("PATCH", address, {"name": "Day shift"})["name"] == "Day shift"
    emails = [each.email for each in crew]
    assigned = portal.call("POST", f"{address}assign_learners/", {"learner_emails": [*emails, "nobody@acme.example"]})
    require(assigned, "records_processed", "new_learners", "existing_learners")
    assert assigned["non_org_rejected"] == 1
    more = {"learner_emails": [emails[0]], "catalog_uuid": str(uuid.uuid4()), "act_by_date": "2031-01-01T00:00:00Z"}
    portal.call("POST", f"{address}assign_learners/", more)
    people = f"{API}/enterprise-group/{made['uuid']}/learners"
    rows = [row for page in portal.pages(people, {"page": 1, "page_size": 5}) for row in page["results"]]
    assert len(rows) == 13
    for row in rows:
        require(
            row,
            "member_details.user_email", "member_details.user_name", "recent_action", "status", "activated_at",
            "lms_user_id", "enrollments",
        )  # fmt: skip
        assert row["status"] in {"pending", "accepted", "removed", "internal_api_error", "email_error"}
    for order in ("member_details", "recent_action", "enrollment_count"):
        page = portal.get(
            people, {"sort_by": order, "is_reversed": "true", "user_query": "crew1", "show_removed": "true"}
        )
        require(page, "count", "num_pages")
        assert page["count"] == 4
    of_one = f"{API}/enterprise-group-membership/"
    (membership,) = portal.get(of_one, {"lms_user_id": crew[0].pk, "enterprise_uuid": str(acme.uuid)})["results"]
    require(membership, "group_uuid", "group_name", "recent_action")
    catalog = str(uuid.uuid4())
    portal.call("POST", f"{address}remove_learners/", form={"learner_emails": emails[0]})
    portal.call("POST", f"{address}remove_learners/", {"learner_emails": emails[1:3], "catalog_uuid": catalog})
    assert portal.get(people)["count"] == 10
    portal.call("POST", f"{address}remove_learners/", {"remove_all": True, "catalog_uuid": catalog})
    assert portal.get(people)["count"] == 0
    portal.call("DELETE", address)
    portal.call("GET", address, status=404)


def test_the_list_of_groups_counts_those_who_accepted(portal: BrowserApp, acme: EnterpriseCustomer) -> None:
    group = GroupFactory(enterprise_customer=acme, group_type="flex")
    GroupMembershipFactory(
        group=group, enterprise_customer_user=LearnerFactory(enterprise_customer=acme), status="accepted"
    )
    query = {"enterprise_uuids": str(acme.uuid), "page_size": 100}
    (found,) = [each for page in portal.pages(f"{API}/enterprise_group/", query) for each in page["results"]]
    require(found, *GROUP)
    assert (found["accepted_members_count"], found["group_type"]) == (1, "flex")


# --- Settings ---


def test_the_customers_switches_and_looks(portal: BrowserApp, acme: EnterpriseCustomer) -> None:
    address = f"{API}/enterprise-customer/{acme.uuid}/"
    portal.call("PATCH", address, {"enable_integrated_customer_learner_portal_search": False})
    portal.call("PATCH", f"{address}toggle_universal_link/", {"enable_universal_link": True})
    branding = f"{API}/enterprise-customer-branding/update-branding/{acme.uuid}/"
    colors = {"primary_color": "#ABCDEF", "secondary_color": "#123123", "tertiary_color": "#321321"}
    portal.call("PATCH", branding, form=colors, status=204)
    logo = SimpleUploadedFile("logo.png", LOGO.read_bytes(), content_type="image/png")
    portal.call("PATCH", branding, form={"logo": logo}, status=204)
    shown = portal.get(address)["branding_configuration"]
    assert {name: shown[name] for name in colors} == colors
    parts = urlsplit(shown["logo"])
    assert (parts.scheme, parts.netloc) == ("http", "testserver")
    assert portal.browser.get(parts.path).status_code == 200


def test_invite_keys_and_api_credentials(portal: BrowserApp, acme: EnterpriseCustomer) -> None:
    keys = f"{API}/enterprise-customer-invite-key/"
    portal.call("POST", keys, {"enterprise_customer_uuid": str(acme.uuid)})
    listed = portal.get(f"{keys}basic-list/", {"ordering": "-created", "enterprise_customer_uuid": str(acme.uuid)})
    require(listed[0], "uuid", "created", "is_valid", "usage_count", "usage_limit")
    portal.call("PATCH", f"{keys}{listed[0]['uuid']}/", {"is_active": False})
    credentials = f"{API}/enterprise-customer-api-credentials/{acme.uuid}/"
    portal.call("GET", credentials, status=404)
    made = portal.call("POST", credentials)
    require(made, "name", "redirect_uris", "client_id", "client_secret", "updated")
    assert portal.get(credentials)["client_id"] == made["client_id"]
    again = portal.call(
        "PUT", f"{credentials}regenerate_credentials", {"redirect_uris": "https://a.example https://b.example"}
    )
    assert again["redirect_uris"] == "https://a.example https://b.example"


def test_single_sign_on_through_the_wizard(
    portal: BrowserApp, acme: EnterpriseCustomer, idp: Any, django_capture_on_commit_callbacks: Any
) -> None:
    idp.document = descriptor()
    address = f"{API}/enterprise_customer_sso_configuration"
    query = {"enterprise_customer": str(acme.uuid)}
    assert portal.get(f"{address}/", query) == []
    names = ("user_id", "full_name", "first_name", "last_name", "email", "username", "country")
    body = {
        **query,
        "identity_provider": "okta",
        "metadata_url": idp.url,
        "entity_id": ENTITY,
        **{f"{name}_attribute": name for name in names},
        "active": False,
        "is_removed": False,
        "marked_authorized": False,
        "display_name": "Acme",
    }
    made = portal.call("POST", f"{address}/?{urlencode(query)}", body)
    require(made, "record", "sp_metadata_url")
    with django_capture_on_commit_callbacks(execute=True):
        set_up_sign_ons()
    (found,) = portal.get(f"{address}/", query)
    require(found, "uuid", "display_name", "active", "is_pending_configuration", *SSO_TIMES)
    one = f"{address}/{made['record']}"
    changed = portal.call("PUT", f"{one}?{urlencode(query)}", {"active": True})
    require(changed, "record.active", "record.uuid")
    assert portal.get(one, query)["uuid"] == made["record"]
    portal.call("DELETE", f"{one}?{urlencode(query)}")
    assert portal.get(f"{address}/", query) == []


def test_the_older_way_to_single_sign_on(portal: BrowserApp, acme: EnterpriseCustomer, idp: Any) -> None:
    idp.document = descriptor()
    configs, data = "/auth/saml/v0/provider_config/", "/auth/saml/v0/provider_data/"
    query = {"enterprise_customer_uuid": str(acme.uuid)}
    portal.call("GET", f"{configs}?{urlencode(query)}", status=(200, 404))
    portal.call("GET", f"{data}?{urlencode(query)}", status=(200, 404))
    flags = {
        "skip_hinted_login_dialog": True, "skip_registration_form": True, "skip_email_verification": [True, True],
        "visible": False, "send_to_registration_first": True, "sync_learner_profile_data": True,
        "enable_sso_id_verification": True, "enabled": True, "automatic_refresh_enabled": True, "debug_mode": False,
    }  # fmt: skip
    form = {"name": "Acme", "slug": "acme-idp", **query, "metadata_source": idp.url, "entity_id": ENTITY, **flags}
    made = portal.call("POST", configs, form=form)
    shown = (
        "id", "name", "display_name", "entity_id", "metadata_source", "enabled", "debug_mode",
        "automatic_refresh_enabled", "was_valid_at", "identity_provider_type", "other_settings", "max_session_length",
        "attr_user_permanent_id", "attr_full_name", "attr_first_name", "attr_last_name", "attr_email", "attr_username",
    )  # fmt: skip
    require(made, *shown)
    synced = {**query, "entity_id": ENTITY, "metadata_url": idp.url}
    portal.call("POST", f"{data}sync_provider_data/", form=synced)
    (row,) = portal.get(data, query)["results"]
    require(row, "id", "entity_id", "sso_url", "public_key")
    changed = portal.call("PUT", f"{configs}{made['id']}/", form={"enabled": False, **query})
    wizard = {
        **query, **flags, "max_session_length": 60, "identity_provider_type": "standard_saml_provider",
        "attr_email": "mail", "attr_username": "uid", "attr_user_permanent_id": "uid", "attr_full_name": "cn",
        "attr_first_name": "given", "attr_last_name": "sn", "other_settings": json.dumps({}), "display_name": "Acme",
    }  # fmt: skip
    changed = portal.call("PUT", f"{configs}{changed['id']}/", form=wizard)
    require(changed, *shown)
    (listed,) = portal.get(configs, query)["results"]
    assert listed["id"] == changed["id"]
    idp.status = 500
    assert list(portal.call("POST", f"{data}sync_provider_data/", form=synced, status=400)) == ["error"]
    portal.call("DELETE", f"{data}{row['id']}/?{urlencode(query)}")
    portal.call("DELETE", f"{configs}{changed['id']}/?{urlencode(query)}")


def test_the_services_own_metadata_opens_as_a_link() -> None:
    address = "/auth/saml/metadata.xml?tpa_hint=acme-idp"
    assert Client().get(address).status_code == 404
    SAMLConfiguration.objects.create(
        slug="default", enabled=True, entity_id="https://campus.example", public_key="MIIC1", private_key="x"
    )
    answer = Client().get(address)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/xml")
    for part in (b"https://campus.example", b"MIIC1", b"/auth/complete/tpa-saml/"):
        assert part in answer.content


def test_reports_are_configured_by_form(portal: BrowserApp, acme: EnterpriseCustomer) -> None:
    types = portal.get(f"{API}/enterprise_report_types/{acme.uuid}")
    require(types, "data_type", "report_type", "delivery_method", "frequency", "day_of_week")
    reports = f"{API}/enterprise_customer_reporting/"
    (catalog,) = acme.enterprise_customer_catalogs.all()
    form = {
        "enterprise_customer_id": str(acme.uuid), "data_type": types["data_type"][0][0], "report_type": "csv",
        "delivery_method": "email", "frequency": "monthly", "day_of_month": 1, "day_of_week": "", "hour_of_day": 7,
        "email": ["a@acme.example", "b@acme.example"], "email_raw": "a@acme.example\nb@acme.example",
        "encrypted_password": "secret", "pgp_encryption_key": "", "active": True, "enable_compression": True,
        "include_date": False, "enterprise_customer_catalog_uuids": [str(catalog.uuid)],
    }  # fmt: skip
    made = portal.call("POST", reports, form=form)
    page = portal.get(reports, {"enterprise_customer": str(acme.uuid), "page": 1})
    require(page, "count", "num_pages")
    (found,) = page["results"]
    require(
        found,
        "uuid", "active", "data_type", "report_type", "delivery_method", "frequency", "day_of_month", "day_of_week",
        "hour_of_day", "sftp_hostname", "sftp_port", "sftp_username", "sftp_file_path", "pgp_encryption_key",
        "encrypted_password", "enable_compression", "include_date", "enterprise_customer.uuid",
    )  # fmt: skip
    assert found["email"] == ["a@acme.example", "b@acme.example"]
    assert [each["uuid"] for each in found["enterprise_customer_catalogs"]] == [str(catalog.uuid)]
    one = f"{reports}{made['uuid']}/"
    assert portal.call("PUT", one, form={**form, "uuid": made["uuid"], "hour_of_day": 8})["hour_of_day"] == 8
    wrong = portal.call("PUT", one, form={**form, "uuid": made["uuid"], "hour_of_day": 99}, status=400)
    assert all(isinstance(text, str) for texts in wrong.values() for text in texts)
    portal.call("DELETE", one)


def test_codes_are_asked_for_and_learning_platforms_are_none(
    portal: BrowserApp, acme: EnterpriseCustomer, django_capture_on_commit_callbacks: Any
) -> None:
    body = {"email": "ida@acme.example", "enterprise_name": "Acme", "number_of_codes": "5", "notes": "Soon, please"}
    with django_capture_on_commit_callbacks(execute=True):
        portal.call("POST", f"{API}/request_codes", body)
    assert mail.outbox
    channels = "/channel_integrations/api/v1"
    assert portal.get(f"{channels}/configs/", {"enterprise_customer": str(acme.uuid)}) == []
    for path in (
        "moodle/configuration/",
        "blackboard/global-configuration/",
        f"logs/content_sync_status/{acme.uuid}/moodle/1",
    ):
        assert list(portal.call("GET", f"{channels}/{path}", status=404)) == ["detail"]
    portal.call("POST", f"{channels}/canvas/configuration/", {"active": True}, status=404)


def test_the_summary_of_the_analytics_page(portal: BrowserApp, acme: EnterpriseCustomer) -> None:
    insights = {"learner_progress": PROGRESS_FIGURES, "learner_engagement": ENGAGEMENT_FIGURES}
    found = portal.call("POST", f"{API}/analytics-summary/{acme.uuid}", insights)
    require(found, "learner_progress", "learner_engagement")


# --- What may go wrong ---


def test_every_refusal_can_be_read_by_the_app(portal: BrowserApp, acme: EnterpriseCustomer) -> None:
    """From another origin, with a body that is no page: `answer` checks both."""
    portal.reads_errors = True
    foreign = EnterpriseCustomerFactory(slug="foreign")
    for method, path, body, status in (
        ("GET", f"{API}/enterprise-customer/{foreign.uuid}/", None, 404),
        ("PATCH", f"{API}/enterprise-customer/{foreign.uuid}/", {"name": "x"}, 403),
        ("GET", f"{API}/enterprise-customer-members/{foreign.uuid}", None, 403),
        ("PATCH", f"{API}/enterprise-customer/{acme.uuid}", {"name": "x"}, 404),
        ("DELETE", f"{API}/read_notification", None, 405),
        ("POST", f"{API}/read_notification", {"enterprise_slug": 5}, 400),
        ("GET", f"{API}/nothing/here", None, 404),
        ("GET", "/nothing/here", None, 404),
        ("GET", "/api/user/v1/accounts/nobody", None, 404),
    ):
        answer = portal.answer(method, path, body)
        assert answer.status_code == status, f"{method} {path}: {answer.status_code} {answer.content!r}"


def test_an_error_of_ours_can_be_read_too(portal: BrowserApp, monkeypatch: Any) -> None:
    from enterprise.views import notifications

    def broken(*args: Any, **kwargs: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(notifications.ReadNotificationView, "post", broken)
    answer = portal.answer("POST", f"{API}/read_notification", {})
    assert (answer.status_code, answer.json()) == (500, {"detail": "A server error occurred."})


def test_calls_without_a_sign_in_or_csrf_token_are_refused_readably(admin: User, portal: BrowserApp) -> None:
    headers = {"Origin": ORIGIN, "USE-JWT-COOKIE": "true"}
    for answer, status in (
        (Client().get(f"{API}/enterprise-learner/", headers=headers), 401),
        (portal.browser.post(f"{API}/read_notification", {}, headers=headers), 403),
    ):
        assert answer.status_code == status
        portal.check_origin(answer)
        portal.check_error(answer)
        assert list(answer.json()) == ["detail"]


def test_another_origin_is_told_nothing(portal: BrowserApp) -> None:
    evil = {"Origin": "https://evil.example", "USE-JWT-COOKIE": "true"}
    answer = portal.browser.get(f"{API}/enterprise-learner/", headers=evil)
    assert not answer.has_header("Access-Control-Allow-Origin")
    write = portal.browser.post(f"{API}/read_notification", {}, headers={**evil, "X-CSRFToken": portal.token()})
    assert write.status_code == 403


def test_a_provider_hint_travels_to_the_page(portal: BrowserApp, acme: EnterpriseCustomer) -> None:
    acme.identity_providers.create(provider_id="saml-acme")
    query = {"next": ORIGIN + PAGE, "enterprise_slug": "acme"}
    answer = Client().get(f"/enterprise/proxy-login/?{urlencode(query)}")
    (target,) = parse_qs(urlsplit(answer["Location"]).query)["next"]
    assert target == f"{ORIGIN}{PAGE}?tpa_hint=saml-acme"


def test_somebody_without_roles_waits_on_the_activation_page() -> None:
    user = UserFactory(username="newbie", is_active=False)
    app = BrowserApp()
    app.browser.force_login(user)
    assert app.refresh().status_code == 200
    assert "roles" not in app.claims()
    assert app.get("/api/user/v1/accounts/newbie")["is_active"] is False
    RoleAssignmentFactory(user=user, role="enterprise_openedx_operator")
    User.objects.filter(pk=user.pk).update(is_active=True)
    assert app.get("/api/user/v1/accounts/newbie")["is_active"] is True
    app.let_token_expire()
    app.refresh()
    assert app.claims()["roles"] == ["enterprise_openedx_operator:*"]
