"""The support tools' calls, tab by tab, as their build makes them from another origin (contract: clients 2 and 4)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.utils import timezone

from enrollments.models import CourseEnrollment, CourseEnrollmentAttribute, CourseOverview, User, UserSocialAuth
from enrollments.services import retirement
from enterprise.models import EnterpriseCustomer, EnterpriseCustomerCatalog
from saml_admin.models import SAMLProviderConfig
from saml_admin.services.providers import save_version
from support.models import CourseResetCourseOptIn, OnboardingStatus
from tests.factories import (
    CatalogFactory,
    CatalogQueryFactory,
    ConsentFactory,
    CourseEnrollmentFactory,
    CourseGradeFactory,
    CourseRunFactory,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    LearnerFactory,
    LicenseFactory,
    OrganizationFactory,
    PendingAdminFactory,
    ProgramCourseEnrollmentFactory,
    ProgramEnrollmentFactory,
    RoleAssignmentFactory,
    SsoConfigurationFactory,
    UserFactory,
    VerificationFactory,
    VerifiedNameFactory,
)
from tests.journeys.browser_app import ORIGIN, BrowserApp, require

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("apps_origin")]

API = "/enterprise/api/v1"
RUN = "course-v1:OakU+BIO1+2031"


@pytest.fixture
def agent() -> User:
    account: User = UserFactory(username="agent", staff=True)
    account.user_permissions.add(Permission.objects.get(codename="can_retire_users"))
    return account


@pytest.fixture
def tools(agent: User) -> BrowserApp:
    """The support tools with the agent signed in; the learner page reads the bodies of errors."""
    app = BrowserApp(reads_errors=True)
    assert app.sign_in("agent", "/learner_information") == f"{ORIGIN}/learner_information"
    assert app.claims()["administrator"] is True
    return app


@pytest.fixture
def run() -> CourseOverview:
    found: CourseOverview = CourseRunFactory(id=RUN, modes=["audit", "verified"])
    return found


@pytest.fixture
def mira() -> User:
    account: User = UserFactory(username="mira", email="mira+work@oak.example")
    VerifiedNameFactory(user=account, verified_name="Mira Oak")
    return account


@pytest.fixture
def fern(mira: User) -> EnterpriseCustomer:
    customer = EnterpriseCustomerFactory(name="Fern Ltd", slug="fern")
    LearnerFactory(enterprise_customer=customer, user=mira)
    RoleAssignmentFactory(user=mira, role="enterprise_learner", enterprise_customer=customer)
    PendingAdminFactory(enterprise_customer=customer)
    SsoConfigurationFactory(enterprise_customer=customer, active=True)
    return customer


@pytest.fixture
def enrollment(mira: User, run: CourseOverview, fern: EnterpriseCustomer) -> CourseEnrollment:
    """Mira's enrollment, licensed by her employer, ordered in a shop."""
    enrolled: CourseEnrollment = CourseEnrollmentFactory(user=mira, course_id=RUN, mode="audit")
    for name, value in (("order_number", "OAK-1"), ("source_system", "shop")):
        CourseEnrollmentAttribute.objects.create(enrollment=enrolled, namespace="order", name=name, value=value)
    theirs = EnterpriseCourseEnrollmentFactory(
        enterprise_customer_user=fern.enterprise_customer_users.get(), course_id=RUN
    )
    LicenseFactory(enterprise_course_enrollment=theirs)
    ConsentFactory(enterprise_customer=fern, username="mira", course_id=RUN, granted=True)
    return enrolled


# --- Start ---


def test_whoever_is_no_administrator_is_told_so_by_the_token() -> None:
    UserFactory(username="nora")
    app = BrowserApp(reads_errors=True)
    app.sign_in("nora", "/")
    assert app.claims()["administrator"] is False


def test_the_app_asks_for_organisations_at_every_start(tools: BrowserApp) -> None:
    organization = OrganizationFactory(short_name="OakU")
    save_version(SAMLProviderConfig(slug="oak", name="Oak", enabled=True, organization=organization))
    assert tools.get("/support/get_saml_providers/") == ["OakU"]


def test_signing_out_is_a_plain_link(tools: BrowserApp) -> None:
    answer = tools.browser.get("/logout")
    assert answer.status_code == 200
    assert answer.context["target"] == "/"
    assert tools.refresh().status_code == 401


# --- The learner page ---


def test_a_learner_is_found_by_name_address_and_id(tools: BrowserApp, mira: User) -> None:
    by_name = tools.get("/api/user/v1/accounts/mira")
    names = ("id", "username", "email", "name", "verified_name", "is_active", "country", "date_joined", "last_login")
    require(by_name, *names)
    assert "activation_key" not in by_name
    assert by_name["verified_name"] == "Mira Oak"
    for query in ({"email": mira.email}, {"lms_user_id": mira.pk}):
        assert tools.get("/api/user/v1/accounts", query) == [by_name]


@pytest.mark.parametrize(
    "path",
    [
        "/api/user/v1/accounts/nobody",
        "/api/user/v1/accounts?email=nobody@oak.example",
        "/api/user/v1/accounts?lms_user_id=99999",
    ],
)
def test_an_unknown_learner_is_told_in_an_object(tools: BrowserApp, path: str) -> None:
    assert isinstance(tools.call("GET", path, status=404)["error_msg"], str)


def test_other_errors_of_the_search_are_json_too(tools: BrowserApp) -> None:
    assert isinstance(tools.call("GET", "/api/user/v1/accounts?lms_user_id=abc", status=400), dict)
    assert isinstance(tools.call("GET", "/api/user/v1/accounts", status=400), dict)


def test_the_enrollments_of_a_learner(tools: BrowserApp, enrollment: CourseEnrollment) -> None:
    (row,) = tools.get("/support/enrollment/mira")
    require(
        row,
        "course_id", "course_name", "course_start", "course_end", "verified_upgrade_deadline", "created", "pacing_type",
        "mode", "is_active", "order_number", "source_system", "manual_enrollment",
    )  # fmt: skip
    assert isinstance(row["course_name"], str)
    assert [mode["slug"] for mode in row["course_modes"]] == ["audit", "verified"]
    assert (row["order_number"], row["source_system"]) == ("OAK-1", "shop")
    (theirs,) = row["enterprise_course_enrollments"]
    require(
        theirs,
        "enterprise_customer_name", "data_sharing_consent.consent_provided", "data_sharing_consent.consent_required",
        "license.uuid", "license.is_revoked",
    )  # fmt: skip
    assert tools.get("/support/enrollment/nobody") == []


def test_an_agent_changes_a_mode_and_enrolls(
    tools: BrowserApp, mira: User, enrollment: CourseEnrollment, django_capture_on_commit_callbacks: Any
) -> None:
    address = "/support/enrollment/mira"
    change = {"course_id": RUN, "new_mode": "verified", "old_mode": "audit", "reason": "Upset Learner"}
    with django_capture_on_commit_callbacks(execute=True):
        tools.call("PATCH", address, change)
    (row,) = tools.get(address)
    assert row["mode"] == "verified"
    require(row["manual_enrollment"], "time_stamp", "enrolled_by", "reason")
    assert isinstance(tools.call("PATCH", address, change, status=400), str)
    other = "course-v1:OakU+BIO2+2031"
    CourseRunFactory(id=other, modes=["audit"])
    body = {"course_id": other, "mode": "audit", "reason": "Teaching Assistant"}
    tools.call("POST", address, body)
    assert len(tools.get(address)) == 2
    assert tools.call("POST", address, body, status=400) == f"The user mira is already enrolled in {other}."


def test_an_account_is_disabled_and_enabled(tools: BrowserApp, mira: User) -> None:
    address = "/support/manage_user/mira"
    assert (tools.get(address)["status"], tools.get(address)["password_toggle_history"]) == ("Usable", [])
    tools.call("POST", address, {"comment": "chargeback"})
    found = tools.get(address)
    assert found["status"] == "Unusable"
    require(found["password_toggle_history"][0], "created", "comment", "disabled", "created_by")
    refused = tools.call("POST", "/account/password", urlencoded={"email_from_support_tools": mira.email}, status=400)
    assert isinstance(refused, str)
    tools.call("POST", address, {"comment": ""})
    assert tools.get(address)["status"] == "Usable"


def test_a_new_password_is_sent_and_chosen(
    tools: BrowserApp, mira: User, settings: Any, django_capture_on_commit_callbacks: Any
) -> None:
    settings.PASSWORD_RESET_RATE = "1/hour"
    body = {"email_from_support_tools": mira.email}
    with django_capture_on_commit_callbacks(execute=True):
        tools.call("POST", "/account/password", urlencoded=body)
    (message,) = mail.outbox
    assert message.to == [mira.email]
    assert isinstance(tools.call("POST", "/account/password", urlencoded=body, status=403), str)
    path = message.body.split("http://127.0.0.1:8000")[1].split()[0]
    browser = Client(enforce_csrf_checks=True)
    form = browser.get(path, follow=True)
    fields = {"new_password1": "correct horse 7", "new_password2": "correct horse 7"}
    token = {"csrfmiddlewaretoken": str(form.context["csrf_token"])}
    assert browser.post(form.redirect_chain[-1][0], {**fields, **token}).status_code == 302
    mira.refresh_from_db()
    assert mira.check_password("correct horse 7")


def test_a_learner_retires_and_comes_back(tools: BrowserApp, mira: User) -> None:
    answer = tools.call("POST", "/v1/accounts/bulk_retire_users", {"usernames": "mira"})
    assert answer == {"successful_user_retirements": ["mira"], "failed_user_retirements": []}
    gone = tools.call("GET", f"/api/user/v1/accounts?{urlencode({'email': mira.email})}", status=404)
    require(gone, "error_msg", "can_cancel_retirement", "retirement_id")
    assert gone["can_cancel_retirement"] is True
    cancelled = {"retirement_id": str(gone["retirement_id"])}
    tools.call("POST", "/api/user/v1/accounts/cancel_retirement/", urlencoded=cancelled)
    assert tools.get("/api/user/v1/accounts", {"email": mira.email})[0]["username"] == "mira"
    again = tools.call("POST", "/api/user/v1/accounts/cancel_retirement/", urlencoded=cancelled, status=400)
    assert again == {"message": "Retirement does not exist!"}
    failed = tools.call("POST", "/v1/accounts/bulk_retire_users", {"usernames": "nobody"})
    assert failed["failed_user_retirements"] == ["nobody"]


def test_an_agent_who_may_not_retire_users_is_told_by_the_status(mira: User) -> None:
    UserFactory(username="junior", staff=True)
    app = BrowserApp(reads_errors=True)
    app.sign_in("junior", "/")
    app.call("POST", "/v1/accounts/bulk_retire_users", {"usernames": "mira"}, status=403)
    assert not hasattr(User.objects.get(pk=mira.pk), "retirement_status")


def test_the_customers_of_a_learner(tools: BrowserApp, mira: User, fern: EnterpriseCustomer) -> None:
    for _ in range(11):
        LearnerFactory(user=mira, active=False)
    page, found = tools.get(f"{API}/enterprise-learner/", {"username": "mira"}), []
    found += page["results"]
    while page["next"]:
        page = tools.get(f"{API}/enterprise-learner/", {"username": "mira", "page": page["current_page"] + 1})
        found += page["results"]
    assert len(found) == 12
    for link in found:
        require(link, "id", "enterprise_customer.name", "enterprise_customer.uuid", "created", "active", "invite_key")
        assert isinstance(link["role_assignments"], list)


def test_the_identities_of_a_learner(tools: BrowserApp, mira: User) -> None:
    identity = UserSocialAuth.objects.create(
        user=mira, provider="tpa-saml", uid="oak:K-77", extra_data={"auth_time": 1704067200, "expires": None}
    )
    identity.uid = "oak:K-78"
    identity.save()
    (record,) = tools.get("/support/sso_records/mira")
    require(record, "provider", "uid", "modified")
    assert json.loads(record["extraData"])["auth_time"] == 1704067200
    assert len(record["history"]) == 2
    for version in record["history"]:
        require(version, "uid", "provider", "created", "modified", "history_date")
        assert isinstance(json.loads(version["extraData"]), dict)
    assert tools.get("/support/sso_records/nobody") == []


def test_onboarding_and_verified_names(tools: BrowserApp, mira: User, run: CourseOverview) -> None:
    CourseEnrollmentFactory(user=mira, course_id=RUN, mode="verified")
    OnboardingStatus.objects.create(
        user=mira, course_id=RUN, onboarding_status="submitted", onboarding_release_date=timezone.now()
    )
    found = tools.get("/support/onboarding_status/mira")
    assert found["verified_in"] is None
    require(found["current_status"], "course_id", "onboarding_status", "expiration_date", "instructor_dashboard_link")
    (name,) = tools.get("/api/edx_name_affirmation/v1/verified_name/history", {"username": "mira"})["results"]
    require(name, "verified_name", "status", "verification_attempt_id", "proctored_exam_attempt_id")
    # This one object stays one: the page asks only for learners that it has found.
    nothing = tools.call("GET", "/support/onboarding_status/nobody", status=404)
    assert nothing == {"verified_in": None, "current_status": None}


def test_the_verifications_of_a_learner(tools: BrowserApp, mira: User) -> None:
    VerificationFactory(user=mira)
    status = tools.get("/api/user/v1/accounts/mira/verification_status/")
    require(status, "is_verified", "status", "expiration_datetime")
    (row,) = tools.get("/api/user/v1/accounts/mira/verifications/")
    require(row, "type", "status", "expiration_datetime", "message", "updated_at", "receipt_id")


def test_entitlements_are_made_expired_and_issued_again(tools: BrowserApp, mira: User, run: CourseOverview) -> None:
    address = "/api/entitlements/v1/entitlements/"
    details = [{"action": "create", "comments": "goodwill"}]
    course = "9b3c0000-0000-4000-8000-000000000001"
    body = {
        "course_uuid": course,
        "user": "mira",
        "mode": "verified",
        "refund_locked": True,
        "support_details": details,
    }
    made = tools.call("POST", address, body)
    page = tools.get(address, {"user": "mira", "page": 1})
    assert (page["next"], page["current_page"]) == (None, 1)
    (found,) = page["results"]
    require(
        found,
        "uuid", "course_uuid", "created", "modified", "expired_at", "mode", "order_number", "support_details",
    )  # fmt: skip
    one = f"{address}{made['uuid']}/"
    for action, moment in (("expire", timezone.now().isoformat()), ("reissue", None)):
        change = {"expired_at": moment, "support_details": [{"unenrolled_run": None, "action": action, "comments": ""}]}
        assert (tools.call("PATCH", one, change)["expired_at"] is None) is (moment is None)
    unknown = f"{address}9b3c0000-0000-4000-8000-000000000002/"
    assert isinstance(tools.call("PATCH", unknown, {"expired_at": None, "support_details": []}, status=400), str)


def test_certificates_are_found_and_made(
    tools: BrowserApp, mira: User, run: CourseOverview, django_capture_on_commit_callbacks: Any
) -> None:
    CourseEnrollmentFactory(user=mira, course_id=RUN, mode="verified")
    CourseGradeFactory(user=mira, course_id=RUN, percent=0.9, passed=True)
    search = ("/certificates/search", {"user": mira.email, "course_id": RUN})
    assert tools.get(*search) == [{"username": "mira", "course_key": RUN, "regenerate": False}]
    form = {"username": "mira", "course_key": RUN}
    for action in ("generate", "regenerate"):
        with django_capture_on_commit_callbacks(execute=True):
            tools.call("POST", f"/certificates/{action}", form=form, status=200)
    (found,) = tools.get(*search)
    require(
        found, "course_key", "type", "status", "grade", "modified", "download_url", "is_pdf_certificate", "regenerate"
    )
    assert (found["status"], found["regenerate"]) == ("downloadable", True)
    refused = tools.call("POST", "/certificates/generate", form={**form, "username": "nobody"}, status=400)
    assert refused == "User nobody does not exist"
    assert tools.call("GET", "/certificates/search?user=nobody", status=400) == "user 'nobody' does not exist"


def test_a_learner_starts_a_run_afresh(
    tools: BrowserApp, mira: User, run: CourseOverview, django_capture_on_commit_callbacks: Any
) -> None:
    CourseEnrollmentFactory(user=mira, course_id=RUN, mode="verified")
    CourseResetCourseOptIn.objects.create(course_id=RUN, active=True)
    address = "/support/course_reset/mira"
    (row,) = tools.get(address)
    require(row, "course_id", "display_name", "status", "can_reset", "comment")
    assert (row["status"], row["can_reset"]) == ("Available", True)
    with django_capture_on_commit_callbacks(execute=True):
        asked = tools.call("POST", address, {"course_id": RUN, "comment": "Asked on the phone"})
    require(asked, "course_id", "display_name", "status", "can_reset", "comment")
    assert "enqueued" in asked["status"].lower()
    (row,) = tools.get(address)
    assert row["status"].startswith("Completed on ")
    assert list(tools.call("POST", address, {"course_id": RUN}, status=400)) == ["error"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "user: "),
        ([], "dictionary"),
        ({"user": "mira", "course_uuid": "no-uuid", "mode": "verified"}, "course_uuid: "),
        ({"user": "nobody", "course_uuid": "9b3c0000-0000-4000-8000-000000000001", "mode": "verified"}, "nobody"),
    ],
)
def test_what_is_wrong_with_an_entitlement_is_one_text(tools: BrowserApp, mira: User, body: Any, words: str) -> None:
    refused = tools.call("POST", "/api/entitlements/v1/entitlements/", body, status=400)
    assert isinstance(refused, str)
    assert words in refused


def test_the_names_of_nobody_are_told_in_one_text(tools: BrowserApp) -> None:
    history = "/api/edx_name_affirmation/v1/verified_name/history"
    assert isinstance(tools.call("GET", f"{history}?username=nobody", status=404), str)


# --- Other tabs ---


def test_feature_based_enrollment_of_a_run(tools: BrowserApp, run: CourseOverview) -> None:
    found = tools.get(f"/support/feature_based_enrollment_details/{RUN}")
    require(found, "course_name")
    for name in ("gating_config", "duration_config"):
        require(found[name], "enabled", "enabled_as_of", "reason")
    assert tools.get("/support/feature_based_enrollment_details/course-v1:OakU+NO+2031") == {}


def test_students_of_programs_are_linked_and_inspected(tools: BrowserApp, mira: User, run: CourseOverview) -> None:
    student = ProgramEnrollmentFactory(external_user_key="K-77")
    ProgramCourseEnrollmentFactory(program_enrollment=student, course_key=RUN)
    UserSocialAuth.objects.create(user=mira, provider="tpa-saml", uid="oak:K-77")
    form = {"program_uuid": str(student.program_uuid), "username_pair_text": "K-77,mira\nK-78,nobody"}
    linked = tools.call("POST", "/support/link_program_enrollments_details/", form=form, status=200)
    assert linked["successes"] == ["('K-77', 'mira')"]
    assert [type(each) for each in linked["errors"]] == [str]
    inspector = "/support/program_enrollments_inspector_details"
    for unset in ("", "null", "undefined"):
        found = tools.get(inspector, {"edx_user": "mira", "org_key": unset, "external_user_key": unset})
        assert found["error"] == ""
        assert isinstance(found["org_keys"], str)
        require(found["learner_program_enrollments"], "user.username", "user.email", "user.sso_list")
    (row,) = found["learner_program_enrollments"]["enrollments"]
    require(row, "created", "modified", "external_user_key", "status", "program_uuid", "program_name")
    (course,) = row["program_course_enrollments"]
    require(course, "course_key", "created", "modified", "status", "course_enrollment.course_id")
    require(course["course_enrollment"], "is_active", "mode")
    assert course["course_url"].startswith("/")
    nobody = tools.get(inspector, {"edx_user": "", "org_key": "null", "external_user_key": "undefined"})
    assert nobody["learner_program_enrollments"] == {}
    assert nobody["error"]


def test_customers_are_searched_and_opened(tools: BrowserApp, fern: EnterpriseCustomer) -> None:
    address = f"{API}/enterprise-customer/support_tool/"
    page = tools.get(address, {"page": 1, "user_query": "fern"})
    require(page, "count", "num_pages")
    for (found,) in (page["results"], tools.get(address, {"uuid": str(fern.uuid)})["results"]):
        require(
            found,
            "uuid", "name", "slug", "active", "enable_generation_of_api_credentials", "created", "modified",
            "auth_org_id", "country", "enable_data_sharing_consent", "enforce_data_sharing_consent", "contact_email",
            "reply_to", "sender_alias", "default_language", "hide_labor_market_data",
            "enable_portal_reporting_config_screen", "enable_portal_saml_configuration_screen", "enable_slug_login",
            "replace_sensitive_sso_username", "hide_course_original_price",
        )  # fmt: skip
        assert found["active_integrations"] == []
        require(found["active_sso_configurations"][0], "display_name", "created", "modified")
    assert {"id": str(fern.uuid), "name": "Fern Ltd"} in tools.get(f"{API}/enterprise-customer/basic_list/")
    (only,) = tools.get(f"{API}/enterprise-customer/basic_list/", {"name_or_uuid": "fern"})
    assert only["id"] == str(fern.uuid)


def test_the_people_of_a_customer(tools: BrowserApp, fern: EnterpriseCustomer) -> None:
    for _ in range(9):
        learner = LearnerFactory(enterprise_customer=fern)
        RoleAssignmentFactory(user=learner.user_fk, role="enterprise_learner", enterprise_customer=fern)
    address = f"{API}/enterprise-customer-support/{fern.uuid}"
    page = tools.get(address, {"page": 1})
    require(page, "count", "num_pages")
    assert len(page["results"]) == 8
    rows = [row for each in tools.pages(address) for row in each["results"]]
    assert len(rows) == page["count"]
    for row in rows:
        require(row, "enterprise_customer_user", "pending_enterprise_customer_user", "role_assignments")
        if row["enterprise_customer_user"] is not None:
            require(row["enterprise_customer_user"], "username", "email")
        else:
            require(row["pending_enterprise_customer_user"], "user_email", "is_pending_admin", "is_pending_learner")
    for ordering in ("administrator", "-administrator", "learner", "-learner", "details", "-details"):
        assert tools.get(address, {"page": 1, "ordering": ordering})["count"] == page["count"]
    assert tools.get(address, {"user_query": "mira"})["count"] == 1


def test_a_catalog_is_made_once(tools: BrowserApp, agent: User, fern: EnterpriseCustomer) -> None:
    agent.is_superuser = True
    agent.save()
    query = CatalogQueryFactory(title="Everything")
    CatalogFactory()
    body = {"enterprise_customer": str(fern.uuid), "enterprise_catalog_query": query.pk, "title": "Ferns"}
    first = tools.call("POST", f"{API}/enterprise_customer_catalog/", body)
    assert tools.call("POST", f"{API}/enterprise_customer_catalog/", body)["uuid"] == first["uuid"]
    assert EnterpriseCustomerCatalog.objects.filter(enterprise_customer=fern).count() == 1
    for asked in ({"enterprise_customer": str(fern.uuid)}, {"uuid": first["uuid"]}):
        (found,) = tools.get(f"{API}/enterprise_catalogs/", asked)["results"]
        require(found, "uuid", "title", "modified")
        assert found["enterprise_catalog_query"] == query.pk


# --- What may go wrong ---


def test_an_expired_token_is_renewed_between_two_calls(tools: BrowserApp, mira: User) -> None:
    tools.let_token_expire()
    assert tools.get("/support/manage_user/mira")["status"] == "Usable"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/support/enrollment/mi%20ra", 404),
        ("GET", "/support/onboarding_status/mi%20ra", 404),
        ("GET", "/support/sso_records/a!b", 404),
        ("POST", "/support/enrollment/mira/", 404),
        ("GET", "/certificates/nothing", 404),
        ("GET", "/v1/nothing", 404),
        ("POST", "/support/nothing", 404),
    ],
)
def test_an_address_that_leads_nowhere_answers_with_text(
    tools: BrowserApp, method: str, path: str, status: int
) -> None:
    """The page puts what it is told on the screen: a text, no object."""
    assert isinstance(tools.call(method, path, status=status), str)


def test_a_body_that_is_no_json_is_refused_readably(tools: BrowserApp, mira: User) -> None:
    headers = {"Origin": ORIGIN, "USE-JWT-COOKIE": "true", "X-CSRFToken": tools.token()}
    for path in ("/support/enrollment/mira", "/support/manage_user/mira", "/v1/accounts/bulk_retire_users"):
        answer = tools.browser.post(path, "{", content_type="application/json", headers=headers)
        assert answer.status_code == 400
        tools.check_origin(answer)
        tools.check_error(answer)


def test_errors_of_ours_are_text_on_the_learner_page(tools: BrowserApp, mira: User, monkeypatch: Any) -> None:
    from support.views import sso_records

    def broken(*args: Any) -> Any:
        raise RuntimeError("a bug")

    monkeypatch.setattr(sso_records, "find_person", broken)
    answer = tools.answer("GET", "/support/sso_records/mira")
    assert (answer.status_code, answer["Content-Type"]) == (500, "text/plain; charset=utf-8")


def test_a_retirement_that_is_too_old_is_not_offered(tools: BrowserApp, mira: User) -> None:
    status = retirement.begin(mira)
    type(status).objects.update(created=timezone.now() - timedelta(days=15))
    gone = tools.call("GET", f"/api/user/v1/accounts?{urlencode({'email': status.original_email})}", status=404)
    assert (gone["can_cancel_retirement"], gone["retirement_id"]) == (False, None)
