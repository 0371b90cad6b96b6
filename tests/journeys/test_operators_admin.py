"""The operators' admin: every page opens, costs the same with more rows, and offers no box of all accounts."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import AccessToken

from enrollments.models import OutboxMessage, User, UserProfile
from enrollments.tasks import clear_expired_sign_ins
from enterprise.models import (
    AdminNotificationFilter,
    BulkJob,
    BulkJobRow,
    DefaultEnterpriseEnrollmentIntention,
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    PendingEnterpriseCustomerAdminUser,
    PendingEnterpriseCustomerUser,
)
from tests.factories import (
    CatalogFactory,
    CatalogQueryFactory,
    CourseEnrollmentFactory,
    CourseModeFactory,
    CourseRunFactory,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
    LearnerFactory,
    LicenseFactory,
    OAuthApplicationFactory,
    PendingLearnerFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
OWN_APPS = ("enrollments", "enterprise", "saml_admin", "program_enrollments", "support", "oauth2_provider", "auth")
MODELS = [model for model in admin.site._registry if model._meta.app_label in OWN_APPS]


@pytest.fixture
def operator_client() -> Client:
    client = Client()
    client.force_login(UserFactory(username="console", staff=True, superuser=True))
    return client


@pytest.fixture
def scene() -> Callable[[int], None]:
    def make(count: int) -> None:
        for _ in range(count):
            run = CourseRunFactory()
            CourseModeFactory(course_id=run.pk)
            link = LearnerFactory(enterprise_customer=EnterpriseCustomerFactory())
            CourseEnrollmentFactory(user_id=link.user_id, course_id=run.pk)
            LicenseFactory(
                enterprise_course_enrollment=EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link)
            )
            PendingLearnerFactory(enterprise_customer=link.enterprise_customer)
            job = BulkJob.objects.create(enterprise_customer=link.enterprise_customer, actor_id=link.user_id)
            BulkJobRow.objects.create(job=job, position=0, course_run_key=run.pk)
            OutboxMessage.objects.create(key=f"k{link.pk}", message_type="test", recipient="a@learners.example")

    return make


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_the_list_of_every_model_opens_and_costs_the_same_with_more_rows(
    model: type, operator_client: Client, scene: Callable[[int], None]
) -> None:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    scene(1)
    operator_client.get(url)
    with CaptureQueriesContext(connection) as few:
        assert operator_client.get(url).status_code == 200
    scene(6)
    with CaptureQueriesContext(connection) as many:
        assert operator_client.get(url).status_code == 200
    assert len(many) == len(few)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_the_search_of_every_model_takes_any_text(model: type, operator_client: Client) -> None:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    for text in ("learner1", "7", "11111111-1111-4111-8111-111111111111", "%_'\"\\", "9" * 40):
        assert operator_client.get(url, {"q": text}).status_code == 200


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label_lower)
def test_the_page_of_a_row_opens_without_a_box_of_all_accounts(
    model: type, operator_client: Client, scene: Callable[[int], None]
) -> None:
    scene(1)
    row = getattr(model, "all_objects", model._default_manager).order_by("pk").last()
    if row is None:
        return
    UserFactory(username="must-not-be-listed")
    page = operator_client.get(reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[row.pk]))
    assert page.status_code == 200
    assert b"must-not-be-listed" not in page.content


def test_a_customer_deleted_here_takes_along_what_is_its_own(operator_client: Client) -> None:
    link = LearnerFactory()
    CatalogFactory(enterprise_customer=link.enterprise_customer)
    page = reverse("admin:enterprise_enterprisecustomer_change", args=[link.enterprise_customer_id])
    assert b"Catalog" in operator_client.get(page).content
    operator_client.post(page.replace("/change/", "/delete/"), {"post": "yes"})
    assert not EnterpriseCustomer.all_objects.exists()
    assert not EnterpriseCustomerUser.all_objects.exists()
    assert EnterpriseCustomerUser.history.filter(history_type="-").count() == 1


@pytest.mark.parametrize(("name", "kept"), [("enable_programs", True), ("identity_provider", True), ("zzz", False)])
def test_a_filter_of_notifications_names_an_attribute_of_customers(
    operator_client: Client, name: str, kept: bool
) -> None:
    operator_client.post(reverse("admin:enterprise_adminnotificationfilter_add"), {"filter": name})
    assert AdminNotificationFilter.objects.filter(filter=name).exists() is kept


def test_a_learner_is_found_by_user_name_address_and_id(operator_client: Client) -> None:
    wanted = UserFactory(username="wanted", email="Wanted@Learners.example")
    UserFactory(username="other")
    url = reverse("admin:enrollments_user_changelist")
    for text in ("wanted", "wanted@learners.EXAMPLE", str(wanted.pk)):
        found = operator_client.get(url, {"q": text}).context["cl"].result_list
        assert list(found) == [wanted]


def test_staff_without_superuser_rights_cannot_make_themselves_superuser(operator_client: Client) -> None:
    from django.contrib.auth.models import Permission

    clerk = UserFactory(username="clerk", staff=True)
    clerk.user_permissions.set(Permission.objects.filter(codename__in=["change_user", "view_user"]))
    client = Client()
    client.force_login(User.objects.get(pk=clerk.pk))
    url = reverse("admin:enrollments_user_change", args=[clerk.pk])
    client.post(
        url, {"username": "clerk", "email": clerk.email, "is_superuser": "on", "is_staff": "on", "is_active": "on"}
    )
    assert not User.objects.get(pk=clerk.pk).is_superuser


def test_an_inactive_customer_and_an_unlinked_learner_are_shown(operator_client: Client) -> None:
    customer = EnterpriseCustomerFactory(active=False)
    link = LearnerFactory(enterprise_customer=customer, linked=False, active=False)
    customers = operator_client.get(reverse("admin:enterprise_enterprisecustomer_changelist")).context["cl"].result_list
    links = operator_client.get(reverse("admin:enterprise_enterprisecustomeruser_changelist")).context["cl"].result_list
    assert customers[0] == EnterpriseCustomer.all_objects.get(pk=customer.pk)
    assert links[0] == EnterpriseCustomerUser.all_objects.get(pk=link.pk)


def test_the_history_of_a_customer_says_who_changed_it(operator_client: Client) -> None:
    customer = EnterpriseCustomerFactory(name="Before")
    customer.name = "After"
    customer.save()
    page = operator_client.get(reverse("admin:enterprise_enterprisecustomer_history", args=[customer.pk]))
    assert page.status_code == 200
    assert b"After" in page.content
    assert b"Before" in page.content


def form_of(page: HttpResponse) -> dict[str, Any]:
    """What a browser would send back unchanged."""
    form = page.context["adminform"].form
    sent = {name: form[name].value() for name in form.fields if form[name].value() not in (None, False)}
    for formset in page.context["inline_admin_formsets"]:
        management = formset.formset.management_form
        sent |= {management.add_prefix(name): management[name].value() for name in management.fields}
    return {name: value if not isinstance(value, dict | list) else json.dumps(value) for name, value in sent.items()}


def test_an_admin_invited_here_comes_with_a_pending_learner_who_leaves_with_the_invitation(
    operator_client: Client,
) -> None:
    customer = EnterpriseCustomerFactory()
    add = reverse("admin:enterprise_pendingenterprisecustomeradminuser_add")
    operator_client.post(add, {"enterprise_customer": customer.pk, "user_email": "Ines@acme.example"})
    assert PendingEnterpriseCustomerUser.objects.get().user_email == "Ines@acme.example"
    again = operator_client.post(add, {"enterprise_customer": customer.pk, "user_email": "ines@ACME.example"})
    assert again.status_code == 200
    assert again.context["errors"]
    invited = PendingEnterpriseCustomerAdminUser.objects.get()
    operator_client.post(
        reverse("admin:enterprise_pendingenterprisecustomeradminuser_delete", args=[invited.pk]), {"post": "yes"}
    )
    assert not PendingEnterpriseCustomerAdminUser.objects.exists()
    assert not PendingEnterpriseCustomerUser.objects.exists()


def test_a_changed_query_changes_its_catalogs(operator_client: Client) -> None:
    query = CatalogQueryFactory()
    catalog = CatalogFactory(enterprise_catalog_query=query)
    url = reverse("admin:enterprise_enterprisecatalogquery_change", args=[query.pk])
    sent = form_of(operator_client.get(url)) | {"content_filter": '{"key": ["Acme+New"]}'}
    assert operator_client.post(url, sent).status_code == 302
    catalog.refresh_from_db()
    assert catalog.content_filter == {"key": ["Acme+New"]}


def test_an_intention_for_unknown_content_is_refused_at_its_field(operator_client: Client) -> None:
    customer = EnterpriseCustomerFactory()
    url = reverse("admin:enterprise_defaultenterpriseenrollmentintention_add")
    page = operator_client.post(url, {"enterprise_customer": customer.pk, "content_key": "Nobody+Knows"})
    assert "content_key" in page.context["adminform"].form.errors
    run = CourseRunFactory()
    assert operator_client.post(url, {"enterprise_customer": customer.pk, "content_key": run.pk}).status_code == 302
    assert DefaultEnterpriseEnrollmentIntention.objects.get().content_type == "course_run"


def test_a_new_default_language_blanks_that_of_the_learners(operator_client: Client) -> None:
    customer = EnterpriseCustomerFactory()
    link = LearnerFactory(enterprise_customer=customer)
    UserProfile.objects.filter(user_id=link.user_id).update(language_preference="fr")
    url = reverse("admin:enterprise_enterprisecustomer_change", args=[customer.pk])
    sent = form_of(operator_client.get(url)) | {"default_language": "de-de"}
    assert operator_client.post(url, sent).status_code == 302
    assert UserProfile.objects.get(user_id=link.user_id).language_preference == ""


def test_signing_in_to_the_admin_is_the_service_own_sign_in() -> None:
    answer = Client().get("/admin/", follow=True)
    assert answer.redirect_chain[-1] == ("/login?next=%2Fadmin%2F", 302)


def test_a_learner_is_refused_by_the_admin_rather_than_sent_in_circles() -> None:
    client = Client()
    client.force_login(UserFactory())
    assert client.get("/admin/", follow=True).status_code == 403


def test_expired_tokens_and_sessions_are_cleared_away() -> None:
    yesterday = timezone.now() - timedelta(days=200)
    application = OAuthApplicationFactory()
    common = {"user": application.user, "application": application}
    AccessToken.objects.create(token="old", expires=yesterday, **common)
    AccessToken.objects.create(token="new", expires=timezone.now() + timedelta(days=1), **common)
    Session.objects.create(session_key="old", session_data="", expire_date=yesterday)
    clear_expired_sign_ins.delay()
    assert [token.expires > timezone.now() for token in AccessToken.objects.all()] == [True]
    assert not Session.objects.exists()
