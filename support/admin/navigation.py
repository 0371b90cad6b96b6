"""The sidebar of the admin: all pages that the viewer may open, grouped by what they are about; and its search."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

RESULTS_PER_MODEL = 5


@dataclass(frozen=True)
class Group:
    """A heading of the sidebar.

    Args:
        pages: label of a model -> icon (Material Symbols), in the order of the sidebar.
        app: the app whose models come here when no group names them.
    """

    title: str
    pages: dict[str, str]
    app: str = ""


GROUPS = (
    Group(
        "Operations",
        {
            "enterprise.BulkJob": "pending_actions",
            "enterprise.BulkJobRow": "reorder",
            "enrollments.OutboxMessage": "outgoing_mail",
            "enrollments.SignIn": "login",
        },
    ),
    Group(
        "Customers",
        {
            "enterprise.EnterpriseCustomer": "apartment",
            "enterprise.EnterpriseCustomerType": "category",
            "enterprise.EnterpriseCustomerBrandingConfiguration": "palette",
            "enterprise.EnterpriseCustomerInviteKey": "key",
            "enterprise.EnterpriseCustomerReportingConfiguration": "summarize",
            "enterprise.EnrollmentNotificationEmailTemplate": "drafts",
            "enterprise.AdminNotification": "campaign",
            "enterprise.AdminNotificationFilter": "filter_alt",
            "enterprise.AdminNotificationRead": "mark_email_read",
            "enterprise.ChatGPTResponse": "auto_awesome",
        },
        app="enterprise",
    ),
    Group(
        "People of customers",
        {
            "enterprise.EnterpriseCustomerUser": "group",
            "enterprise.PendingEnterpriseCustomerUser": "hourglass_empty",
            "enterprise.EnterpriseCustomerAdmin": "supervisor_account",
            "enterprise.PendingEnterpriseCustomerAdminUser": "forward_to_inbox",
            "enterprise.EnterpriseGroup": "groups",
            "enterprise.EnterpriseGroupMembership": "group_add",
            "enterprise.SystemWideEnterpriseUserRoleAssignment": "badge",
            "enterprise.EnterpriseFeatureUserRoleAssignment": "assignment_ind",
            "enterprise.SystemWideEnterpriseRole": "shield_person",
            "enterprise.EnterpriseFeatureRole": "shield",
            "enterprise.RoleAssignmentUpdateOptions": "tune",
            "enterprise.OnboardingFlow": "tour",
        },
    ),
    Group(
        "Catalogs of customers",
        {
            "enterprise.EnterpriseCustomerCatalog": "menu_book",
            "enterprise.EnterpriseCatalogQuery": "manage_search",
            "enterprise.ContentFilter": "filter_list",
            "enterprise.ContentFilterItem": "checklist",
            "enterprise.ContentItem": "article",
            "enterprise.DefaultEnterpriseEnrollmentIntention": "playlist_add",
            "enterprise.DefaultEnterpriseEnrollmentRealization": "playlist_add_check",
        },
    ),
    Group(
        "Enrollments of customers",
        {
            "enterprise.EnterpriseCourseEnrollment": "assignment",
            "enterprise.LicensedEnterpriseCourseEnrollment": "card_membership",
            "enterprise.LearnerCreditEnterpriseCourseEnrollment": "payments",
            "enterprise.DataSharingConsent": "handshake",
            "enterprise.EnterpriseEnrollmentSource": "input",
        },
    ),
    Group(
        "Single sign-on",
        {
            "enterprise.EnterpriseCustomerSsoConfiguration": "lock_person",
            "saml_admin.SAMLProviderConfig": "passkey",
            "saml_admin.SAMLProviderData": "database",
            "saml_admin.SAMLConfiguration": "settings_account_box",
            "enrollments.UserSocialAuth": "fingerprint",
        },
        app="saml_admin",
    ),
    Group(
        "Accounts and enrollments",
        {
            "enrollments.User": "person",
            "auth.Group": "admin_panel_settings",
            "enrollments.CourseEnrollment": "how_to_reg",
            "enrollments.CourseEnrollmentAllowed": "event_available",
            "enrollments.ManualEnrollmentAudit": "history_edu",
            "enrollments.CourseAccessRole": "school",
            "enrollments.LoginFailure": "lock",
            "enrollments.IDVerificationAttempt": "verified_user",
            "enrollments.VerifiedName": "id_card",
            "enrollments.UserRetirementStatus": "person_off",
        },
        app="enrollments",
    ),
    Group(
        "Program enrollments",
        {
            "program_enrollments.ProgramEnrollment": "history_edu",
            "program_enrollments.ProgramCourseEnrollment": "class",
            "program_enrollments.CourseAccessRoleAssignment": "assignment_ind",
        },
        app="program_enrollments",
    ),
    Group(
        "Support desk",
        {
            "support.CourseEntitlement": "confirmation_number",
            "support.CourseEntitlementPolicy": "policy",
            "support.PasswordToggleHistory": "lock_reset",
            "support.CourseResetAudit": "restart_alt",
            "support.CourseResetCourseOptIn": "rule",
            "support.ContactTicket": "contact_support",
            "support.OnboardingStatus": "task_alt",
            "support.ContentTypeGatingConfig": "lock_clock",
            "support.CourseDurationLimitConfig": "timer",
        },
        app="support",
    ),
    Group(
        "Courses and programs",
        {
            "enrollments.Organization": "account_balance",
            "enrollments.Course": "auto_stories",
            "enrollments.CourseOverview": "event_note",
            "enrollments.CourseMode": "sell",
            "enrollments.Cohort": "diversity_3",
            "enrollments.CreditProvider": "workspace_premium",
            "enrollments.RestrictedCourse": "public_off",
            "enrollments.Program": "library_books",
            "enrollments.Curriculum": "account_tree",
        },
    ),
    Group(
        "Platform",
        {
            "enrollments.OAuthApplication": "apps",
            "oauth2_provider.AccessToken": "token",
            "enrollments.RateLimitConfiguration": "speed",
            "support.ShippedStaffGroup": "inventory_2",
            "waffle.Flag": "flag",
            "waffle.Switch": "toggle_on",
            "waffle.Sample": "percent",
            "sites.Site": "language",
        },
        app="*",
    ),
)
OTHER_ICON = "table_rows"
# Titles that say more than the model's own name does beside its group's.
TITLES = {
    "auth.Group": "Staff groups",
    "enterprise.EnterpriseCustomer": "Customers",
    "enterprise.EnterpriseGroup": "Groups of learners",
    "enterprise.BulkJobRow": "Rows of jobs",
    "enrollments.OutboxMessage": "Outbox (mail)",
    "enrollments.CourseAccessRole": "Course roles",
}
# What the search looks for beside pages, in this order.
SEARCHED = (
    "enterprise.EnterpriseCustomer",
    "enrollments.User",
    "enterprise.BulkJob",
    "enrollments.CourseOverview",
    "enrollments.Program",
)


def sections(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of the sidebar with the pages that the viewer may open."""
    start = {"title": "Start page", "icon": "home", "link": reverse("admin:index")}
    groups: list[dict[str, Any]] = [{"title": "", "items": [start]}]
    for group, models in arranged():
        items = [_item(model, group) for model in models if admin.site._registry[model].has_view_permission(request)]
        if items:
            groups.append({"title": group.title, "collapsible": True, "items": items})
    return groups


def arranged() -> list[tuple[Group, list[type[Model]]]]:
    """Every model of the admin in its group: those named there, in that order, and then the others of its app."""
    registered = {model._meta.label: model for model in admin.site._registry}
    named = {label for group in GROUPS for label in group.pages}
    apps = {group.app for group in GROUPS}
    found = []
    for group in GROUPS:
        models = [registered[label] for label in group.pages if label in registered]
        others = [
            model
            for label, model in registered.items()
            if label not in named and group.app == (model._meta.app_label if model._meta.app_label in apps else "*")
        ]
        found.append((group, models + sorted(others, key=title_of)))
    return found


def title_of(model: type[Model]) -> str:
    """What the sidebar calls a model's page."""
    name = str(model._meta.verbose_name_plural)
    return TITLES.get(model._meta.label) or name[:1].upper() + name[1:]


def list_address(model: type[Model]) -> str:
    """Where the rows of a model are listed."""
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")


def _item(model: type[Model], group: Group) -> dict[str, Any]:
    icon = group.pages.get(model._meta.label, OTHER_ICON)
    return {"title": title_of(model), "icon": icon, "link": list_address(model)}


def found_objects(request: HttpRequest, text: str) -> list[SearchResult]:
    """Customers, accounts, jobs, runs and programs that the viewer may see; one statement for each of these."""
    registered = {model._meta.label: model for model in admin.site._registry}
    results = []
    for label in SEARCHED:
        page = admin.site._registry[registered[label]]
        if not page.has_view_permission(request):
            continue
        rows, _ = page.get_search_results(request, page.get_queryset(request), text)
        name = f"admin:{page.opts.app_label}_{page.opts.model_name}_change"
        results += [
            SearchResult(str(row), title_of(page.model), reverse(name, args=[row.pk]), "data_object")
            for row in rows[:RESULTS_PER_MODEL]
        ]
    return results
