"""Customers are changed and deleted (contract: enterprise-customers 4.1 write rules, 4.2.3, 4.2.4)."""

from __future__ import annotations

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
from enterprise.serializers.customers import CustomerSerializer
from tests.enterprise.customers_write.words import BASE, NO_ADMIN
from tests.factories import (
    BrandingFactory,
    CatalogFactory,
    CourseEnrollmentFactory,
    EnterpriseCourseEnrollmentFactory,
    EnterpriseCustomerFactory,
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
    SsoConfigurationFactory,
    UserFactory,
    customer_admin,
)

pytestmark = pytest.mark.django_db
NO_PERMISSION = {"detail": "You do not have permission to perform this action."}
NO_CUSTOMER = {"detail": "No EnterpriseCustomer matches the given query."}


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
