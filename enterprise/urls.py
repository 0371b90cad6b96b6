"""The routes of the app, as a table one can read from top to bottom."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, re_path
from rest_framework.urlpatterns import format_suffix_patterns

from enterprise.views import (
    admin_members,
    analytics_summary,
    api_credentials,
    branding,
    bulk_jobs,
    catalog_queries,
    catalogs,
    catalogs_content,
    catalogs_write,
    channel_integrations,
    coupon_codes,
    course_enrollments,
    course_enrollments_admin,
    customer_admins,
    customer_learners,
    customers,
    customers_content,
    default_intentions,
    fulfillments,
    group_learners,
    group_memberships,
    groups,
    invite_keys,
    learners,
    licensed_enrollments,
    members,
    notifications,
    pending_admins,
    pending_learners,
    proxy_login,
    report_types,
    reporting,
    select_active,
    support_users,
)

API = "enterprise/api/v1"
CUSTOMERS = f"{API}/enterprise-customer"
CUSTOMER = f"{CUSTOMERS}/<str:uuid>"
CATALOGS = f"{API}/enterprise_catalogs/"
BRANDING = f"{API}/enterprise-customer-branding/"
INVITE_KEYS = f"{API}/enterprise-customer-invite-key/"
COURSE_KEY = "[^/+]+[/+][^/+]+"
RUN_KEY = "[^/+]+[/+][^/+]+[/+][^/]+"

# Routes of the kind a router makes: a slash at the end, or in its place a format suffix.
router_routes: list[URLPattern | URLResolver] = [
    path(f"{CUSTOMERS}/", customers.CustomerListView.as_view(), name="enterprise-customer-list"),
    path(f"{CUSTOMERS}/basic_list/", customers.CustomerBasicListView.as_view(), name="enterprise-customer-basic-list"),
    path(
        f"{CUSTOMERS}/support_tool/",
        customers.CustomerSupportToolView.as_view(),
        name="enterprise-customer-support-tool",
    ),
    path(
        f"{CUSTOMERS}/with_access_to/",
        customers.CustomersWithAccessView.as_view(),
        name="enterprise-customer-with-access-to",
    ),
    path(
        f"{CUSTOMERS}/dashboard_list/",
        customers.CustomerDashboardListView.as_view(),
        name="enterprise-customer-dashboard-list",
    ),
    path(f"{CUSTOMER}/", customers.CustomerView.as_view(), name="enterprise-customer-detail"),
    path(
        f"{CUSTOMER}/toggle_universal_link/",
        customer_learners.ToggleUniversalLinkView.as_view(),
        name="enterprise-customer-toggle-universal-link",
    ),
    path(
        f"{CUSTOMER}/unlink_users/",
        customer_learners.UnlinkUsersView.as_view(),
        name="enterprise-customer-unlink-users",
    ),
    path(
        f"{CUSTOMER}/unlink_self/", customer_learners.UnlinkSelfView.as_view(), name="enterprise-customer-unlink-self"
    ),
    path(
        f"{CUSTOMER}/enroll_learners_in_courses/",
        customer_learners.EnrollLearnersInCoursesView.as_view(),
        name="enterprise-customer-enroll-learners-in-courses",
    ),
    path(
        f"{CUSTOMER}/contains_content_items/",
        customers_content.CustomerContainsContentItemsView.as_view(),
        name="enterprise-customer-contains-content-items",
    ),
    path(
        f"{API}/enterprise_customer_reporting/",
        reporting.ReportingConfigurationListView.as_view(),
        name="enterprise-customer-reporting-list",
    ),
    path(
        f"{API}/enterprise_customer_reporting/<str:uuid>/",
        reporting.ReportingConfigurationView.as_view(),
        name="enterprise-customer-reporting-detail",
    ),
    path(
        f"{API}/enterprise_catalog_query/",
        catalog_queries.CatalogQueryListView.as_view(),
        name="enterprise_catalog_query-list",
    ),
    path(
        f"{API}/enterprise_catalog_query/<str:id>/",
        catalog_queries.CatalogQueryView.as_view(),
        name="enterprise_catalog_query-detail",
    ),
    path(
        f"{API}/enterprise_customer_catalog/",
        catalogs_write.CatalogWriteView.as_view(),
        name="enterprise_customer_catalog-list",
    ),
]

# Enterprise enrollments.
enrollment_router_routes: list[URLPattern | URLResolver] = [
    path(
        f"{CUSTOMER}/course_enrollments/",
        customer_learners.CourseEnrollmentsView.as_view(),
        name="enterprise-customer-course-enrollments",
    ),
    path(
        f"{API}/enterprise-course-enrollment/",
        course_enrollments.EnterpriseCourseEnrollmentListView.as_view(),
        name="enterprise-course-enrollment-list",
    ),
    path(
        f"{API}/enterprise-course-enrollment/<str:pk>/",
        course_enrollments.EnterpriseCourseEnrollmentDetailView.as_view(),
        name="enterprise-course-enrollment-detail",
    ),
]

# Learners, linked and pending.
learner_router_routes: list[URLPattern | URLResolver] = [
    path(f"{API}/enterprise-learner/", learners.LearnerListView.as_view(), name="enterprise-learner-list"),
    path(f"{API}/enterprise-learner/<str:pk>/", learners.LearnerView.as_view(), name="enterprise-learner-detail"),
    path(
        f"{API}/pending-enterprise-learner/",
        pending_learners.PendingLearnerListView.as_view(),
        name="pending-enterprise-learner-list",
    ),
    path(
        f"{API}/pending-enterprise-learner/<str:pk>/",
        pending_learners.PendingLearnerView.as_view(),
        name="pending-enterprise-learner-detail",
    ),
]

# Admins, and who is invited to be one.
ADMINS = f"{API}/enterprise-customer-admin"
admin_router_routes: list[URLPattern | URLResolver] = [
    path(f"{ADMINS}/", customer_admins.CustomerAdminListView.as_view(), name="enterprise-customer-admin-list"),
    path(
        f"{ADMINS}/create_admin_by_email/",
        customer_admins.CreateAdminByEmailView.as_view(),
        name="enterprise-customer-admin-create-admin-by-email",
    ),
    path(f"{ADMINS}/<str:uuid>/", customer_admins.CustomerAdminView.as_view(), name="enterprise-customer-admin-detail"),
    path(
        f"{ADMINS}/<str:uuid>/complete_tour_flow/",
        customer_admins.CompleteTourFlowView.as_view(),
        name="enterprise-customer-admin-complete-tour-flow",
    ),
    path(
        f"{API}/pending-enterprise-admin/",
        pending_admins.PendingAdminListView.as_view(),
        name="pending-enterprise-admin-list",
    ),
    path(
        f"{API}/pending-enterprise-admin/<str:pk>/",
        pending_admins.PendingAdminView.as_view(),
        name="pending-enterprise-admin-detail",
    ),
]

# Groups: the portal spells them both ways.
group_router_routes: list[URLPattern | URLResolver] = [
    path(f"{API}/enterprise_group/", groups.GroupListView.as_view(), name="enterprise-group-list"),
    path(f"{API}/enterprise_group/<str:group_uuid>/", groups.GroupView.as_view(), name="enterprise-group-detail"),
    path(f"{API}/enterprise-group/", groups.GroupListView.as_view(schema=None)),
    path(f"{API}/enterprise-group/<str:group_uuid>/", groups.GroupView.as_view(schema=None)),
]

# What a customer's admin configures.
settings_router_routes: list[URLPattern | URLResolver] = [
    path(BRANDING, branding.BrandingListView.as_view(), name="enterprise-customer-branding-list"),
    path(
        f"{BRANDING}update_branding/",
        branding.UpdateBrandingOfNobodyView.as_view(),
        {"slug": "update_branding"},
        name="enterprise-customer-branding-update-branding",
    ),
    path(f"{BRANDING}<str:slug>/", branding.BrandingView.as_view(), name="enterprise-customer-branding-detail"),
    path(INVITE_KEYS, invite_keys.InviteKeyListView.as_view(), name="enterprise-customer-invite-key-list"),
    path(
        f"{INVITE_KEYS}basic-list/",
        invite_keys.InviteKeyBasicListView.as_view(),
        name="enterprise-customer-invite-key-basic-list",
    ),
    path(
        f"{INVITE_KEYS}<str:uuid>/", invite_keys.InviteKeyView.as_view(), name="enterprise-customer-invite-key-detail"
    ),
    path(
        f"{INVITE_KEYS}<str:uuid>/link-user/",
        invite_keys.InviteKeyLinkUserView.as_view(),
        name="enterprise-customer-invite-key-link-user",
    ),
]

# The same for views that answer in XML too.
xml_router_routes: list[URLPattern | URLResolver] = [
    path(CATALOGS, catalogs.CatalogListView.as_view(), name="enterprise-catalogs-list"),
    path(
        f"{CATALOGS}<str:uuid>/contains_content_items/",
        catalogs_content.CatalogContainsContentItemsView.as_view(),
        name="enterprise-catalogs-contains-content-items",
    ),
    path(f"{CATALOGS}<str:uuid>/", catalogs.CatalogView.as_view(), name="enterprise-catalogs-detail"),
    re_path(
        rf"^{CATALOGS}(?P<uuid>[^/]+)/courses/(?P<course_key>{COURSE_KEY})/$",
        catalogs.CatalogCourseView.as_view(),
        name="enterprise-catalogs-course-detail",
    ),
    re_path(
        rf"^{CATALOGS}(?P<uuid>[^/]+)/course_runs/(?P<course_id>{RUN_KEY})/$",
        catalogs.CatalogCourseRunView.as_view(),
        name="enterprise-catalogs-course-run-detail",
    ),
    path(
        f"{CATALOGS}<str:uuid>/programs/<str:program_uuid>/",
        catalogs.CatalogProgramView.as_view(),
        name="enterprise-catalogs-program-detail",
    ),
]

# Whatever follows the prefix is ignored, so this comes after all that means something.
catalog_write_routes: list[URLPattern | URLResolver] = [
    re_path(
        rf"^{API}/enterprise_customer_catalog/.+$",
        catalogs_write.CatalogWriteView.as_view(schema=None),
        name="create_or_update",
    ),
]

INTENTIONS = f"{API}/default-enterprise-enrollment-intentions"
LICENSED = f"{API}/licensed-enterprise-course-enrollment"
subsidy_router_routes: list[URLPattern | URLResolver] = [
    path(
        f"{INTENTIONS}/",
        default_intentions.IntentionsView.as_view(),
        name="default-enterprise-enrollment-intentions-list",
    ),
    path(
        f"{INTENTIONS}/learner-status/",
        default_intentions.LearnerStatusView.as_view(),
        name="default-enterprise-enrollment-intentions-learner-status",
    ),
    path(
        f"{INTENTIONS}/<str:uuid>/",
        default_intentions.IntentionView.as_view(),
        name="default-enterprise-enrollment-intentions-detail",
    ),
    path(
        f"{LICENSED}/license_revoke/",
        licensed_enrollments.LicenseRevokeView.as_view(),
        name="licensed-enterprise-course-enrollment-license-revoke",
    ),
    path(
        f"{LICENSED}/bulk_licensed_enrollments_expiration/",
        licensed_enrollments.LicenseExpirationView.as_view(),
        name="licensed-enterprise-course-enrollment-bulk-licensed-enrollments-expiration",
    ),
]

# Routes written by hand: each with the slash that the contract gives it, or without.
learner_routes: list[URLPattern | URLResolver] = [
    re_path(
        rf"^{API}/link_pending_enterprise_users/(?P<enterprise_uuid>[^/]+)/?$",
        pending_learners.LinkPendingLearnersView.as_view(),
        name="link-pending-enterprise-learner",
    ),
]

people_routes: list[URLPattern | URLResolver] = [
    re_path(
        rf"^{API}/(?P<enterprise_uuid>[A-Za-z0-9-]+)/admins$",
        admin_members.AdminMembersView.as_view(),
        name="enterprise-admin-members",
    ),
    re_path(
        rf"^{ADMINS}/(?P<enterprise_customer_uuid>[0-9a-fA-F-]+)/admin_invites/$",
        customer_admins.AdminInvitesView.as_view(),
        name="enterprise-customer-admin-admin-invites",
    ),
    re_path(
        rf"^{CUSTOMERS}/(?P<enterprise_customer_uuid>[^/]+)/admins/(?P<id>[^/.]+)/?$",
        customer_admins.DeleteAdminView.as_view(),
        name="enterprise-customer-delete-admin",
    ),
    path(
        f"{API}/enterprise-customer-members/<str:enterprise_uuid>",
        members.MembersView.as_view(),
        name="enterprise-customer-members",
    ),
    path(
        f"{API}/enterprise-customer-support/<str:enterprise_uuid>",
        support_users.SupportUsersView.as_view(),
        name="enterprise-customer-support",
    ),
]

group_routes: list[URLPattern | URLResolver] = [
    re_path(
        rf"^{API}/enterprise-group/(?P<group_uuid>[^/]+)/learners/?$",
        group_learners.GroupLearnersView.as_view(),
        name="enterprise-group-learners",
    ),
    re_path(
        rf"^{API}/enterprise_group/(?P<group_uuid>[^/]+)/assign_learners/?$",
        group_learners.AssignLearnersView.as_view(),
        name="enterprise-group-assign-learners",
    ),
    re_path(
        rf"^{API}/enterprise_group/(?P<group_uuid>[^/]+)/remove_learners/?$",
        group_learners.RemoveLearnersView.as_view(),
        name="enterprise-group-remove-learners",
    ),
    re_path(
        rf"^{API}/enterprise_group/(?P<group_uuid>[^/]+)/learners/?$",
        group_learners.GroupLearnersView.as_view(schema=None),
    ),
    re_path(
        rf"^{API}/enterprise-group/(?P<group_uuid>[^/]+)/assign_learners/?$",
        group_learners.AssignLearnersView.as_view(schema=None),
    ),
    re_path(
        rf"^{API}/enterprise-group/(?P<group_uuid>[^/]+)/remove_learners/?$",
        group_learners.RemoveLearnersView.as_view(schema=None),
    ),
    re_path(
        rf"^{API}/enterprise-group-membership/?$",
        group_memberships.GroupMembershipsView.as_view(),
        name="enterprise-group-membership",
    ),
]

course_enrollment_routes: list[URLPattern | URLResolver] = [
    re_path(
        rf"^{API}/enterprise-course-enrollment-admin/?$",
        course_enrollments_admin.CourseEnrollmentAdminView.as_view(),
        name="enterprise-course-enrollment-admin",
    ),
]

settings_routes: list[URLPattern | URLResolver] = [
    path(
        f"{BRANDING}update-branding/<str:enterprise_uuid>/",
        branding.UpdateBrandingView.as_view(),
        name="enterprise-customer-update-branding",
    ),
    path(
        f"{API}/enterprise-customer-api-credentials/<str:enterprise_uuid>/",
        api_credentials.ApiCredentialsView.as_view(),
        name="enterprise-customer-api-credentials",
    ),
    path(
        f"{API}/enterprise-customer-api-credentials/<str:enterprise_uuid>/regenerate_credentials",
        api_credentials.RegenerateApiCredentialsView.as_view(),
        name="regenerate-api-credentials",
    ),
    path(
        f"{API}/enterprise_report_types/<str:enterprise_uuid>",
        report_types.ReportTypesView.as_view(),
        name="enterprise-report-types",
    ),
    path(f"{API}/request_codes", coupon_codes.RequestCodesView.as_view(), name="request-codes"),
]

notification_routes: list[URLPattern | URLResolver] = [
    path(f"{API}/read_notification", notifications.ReadNotificationView.as_view(), name="read-notification"),
]

analytics_routes: list[URLPattern | URLResolver] = [
    path(
        f"{API}/analytics-summary/<str:enterprise_uuid>",
        analytics_summary.AnalyticsSummaryView.as_view(),
        name="analytics-summary",
    ),
]

FULFILLMENT = f"{API}/enterprise-subsidy-fulfillment/(?P<fulfillment_source_uuid>[^/]+)"
fulfillment_routes: list[URLPattern | URLResolver] = [
    re_path(
        rf"^{FULFILLMENT}/?$", fulfillments.SubsidyFulfillmentView.as_view(), name="enterprise-subsidy-fulfillment"
    ),
    re_path(
        rf"^{FULFILLMENT}/cancel-fulfillment/?$",
        fulfillments.CancelFulfillmentView.as_view(),
        name="enterprise-subsidy-fulfillment-cancel-enrollment",
    ),
    re_path(
        rf"^{API}/operator/enterprise-subsidy-fulfillment/unenrolled/?$",
        fulfillments.UnenrolledFulfillmentsView.as_view(),
        name="enterprise-subsidy-fulfillment-unenrolled",
    ),
]

bulk_job_routes: list[URLPattern | URLResolver] = [
    path(f"{CUSTOMER}/bulk-jobs/", bulk_jobs.BulkJobListView.as_view(), name="bulk-job-list"),
    path(f"{CUSTOMER}/bulk-jobs/<str:job_id>/", bulk_jobs.BulkJobView.as_view(), name="bulk-job-detail"),
    path(f"{CUSTOMER}/bulk-jobs/<str:job_id>/rows/", bulk_jobs.BulkJobRowsView.as_view(), name="bulk-job-rows"),
    path(
        f"{CUSTOMER}/bulk-jobs/<str:job_id>/rows.csv", bulk_jobs.BulkJobRowsCsvView.as_view(), name="bulk-job-rows-csv"
    ),
    path(f"{CUSTOMER}/bulk-jobs/<str:job_id>/cancel/", bulk_jobs.BulkJobCancelView.as_view(), name="bulk-job-cancel"),
    path(f"{CUSTOMER}/bulk-jobs/<str:job_id>/retry/", bulk_jobs.BulkJobRetryView.as_view(), name="bulk-job-retry"),
]

# Pages on the way into and out of the portals, and what portals ask beside the API.
page_routes: list[URLPattern | URLResolver] = [
    path("enterprise/proxy-login/", proxy_login.proxy_login, name="enterprise_proxy_login"),
    path("enterprise/select/active/", select_active.SelectActiveView.as_view(), name="enterprise_select_active"),
    path("enterprise/select/active", select_active.SelectActiveView.as_view(schema=None)),
]
CHANNELS = r"^(?:channel_integrations|integrated_channels)/api/v1"
channel_routes: list[URLPattern | URLResolver] = [
    path(
        "channel_integrations/api/v1/configs/",
        channel_integrations.ChannelConfigurationsView.as_view(),
        name="channel-configurations",
    ),
    path("integrated_channels/api/v1/configs/", channel_integrations.ChannelConfigurationsView.as_view(schema=None)),
    re_path(
        rf"{CHANNELS}/(?:[a-z0-9_]+/(?:global-)?configuration/(?:[^/]+/)?|logs/.+)$",
        channel_integrations.NoChannelView.as_view(schema=None),
        name="no-channel",
    ),
]

urlpatterns: list[URLPattern | URLResolver] = [
    *format_suffix_patterns(
        [
            *router_routes,
            *learner_router_routes,
            *admin_router_routes,
            *group_router_routes,
            *enrollment_router_routes,
            *subsidy_router_routes,
            *settings_router_routes,
        ],
        allowed=["json"],
    ),
    *format_suffix_patterns(xml_router_routes, allowed=["json", "xml"]),
    *catalog_write_routes,
    *learner_routes,
    *people_routes,
    *group_routes,
    *fulfillment_routes,
    *bulk_job_routes,
    *course_enrollment_routes,
    *notification_routes,
    *analytics_routes,
    *settings_routes,
    *page_routes,
    *channel_routes,
]
