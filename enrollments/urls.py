"""The routes of the app, as a table one can read from top to bottom."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path, re_path

from enrollments.views import (
    accounts,
    course_details,
    course_modes,
    embargo,
    enrollment,
    enrollment_allowed,
    enrollments_list,
    oauth,
    passwords,
    retirement,
    roles,
    sessions,
    unenroll,
    verification,
)

# Contract: enrollment-api, Conventions.
RUN = r"(?P<course_id>[^/+]+(?:/|\+)[^/+]+(?:/|\+)[^/?]+)"
LEARNER = r"(?P<username>[\w .@_+-]+)"
API = "^api/enrollment/v1"
MODES = "^api/course_modes/v1/courses"

urlpatterns: list[URLPattern | URLResolver] = [
    # --- Enrollments: the first four have no slash at the end, the next three have one, the last takes both ---
    re_path(rf"{API}/enrollment\Z", enrollment.EnrollmentListView.as_view(), name="courseenrollments"),
    re_path(rf"{API}/enrollment/{LEARNER},{RUN}\Z", enrollment.EnrollmentView.as_view(), name="courseenrollment"),
    re_path(rf"{API}/enrollment/{RUN}\Z", enrollment.OwnEnrollmentView.as_view(), name="courseenrollment"),
    re_path(rf"{API}/course/{RUN}\Z", course_details.CourseDetailsView.as_view(), name="courseenrollmentdetails"),
    re_path(rf"{API}/unenroll/\Z", unenroll.UnenrollView.as_view(), name="unenrollment"),
    re_path(rf"{API}/roles/\Z", roles.CourseRolesView.as_view(), name="roles"),
    re_path(
        rf"{API}/enrollment_allowed/\Z",
        enrollment_allowed.EnrollmentAllowedView.as_view(),
        name="courseenrollmentallowed",
    ),
    re_path(rf"{API}/enrollments/?\Z", enrollments_list.EnrollmentsListView.as_view(), name="courseenrollmentsapilist"),
    # --- Course modes ---
    re_path(rf"{MODES}/{RUN}/\Z", course_modes.CourseModeListView.as_view(), name="course_modes_list"),
    re_path(
        rf"{MODES}/{RUN}/(?P<mode_slug>[^/]+)\Z", course_modes.CourseModeView.as_view(), name="course_modes_detail"
    ),
    # --- Embargo ---
    path(
        "embargo/blocked-message/enrollment/<str:message_key>/", embargo.blocked_message, name="embargo-blocked-message"
    ),
    # --- Tokens ---
    re_path(r"^oauth2/access_token/?$", oauth.AccessTokenView.as_view(), name="access_token"),
    re_path(r"^oauth2/revoke_token/?$", oauth.RevokeTokenView.as_view(), name="revoke_token"),
    re_path(r"^oauth2/authorize/?$", oauth.AuthorizeView.as_view(), name="oauth2_authorize"),
    re_path(r"^oauth2/user_info/?$", oauth.UserInfoView.as_view(), name="user_info"),
    path(".well-known/jwks.json", oauth.JwksView.as_view(), name="jwks"),
    # --- Signing in and out ---
    path("login", sessions.LoginPage.as_view(), name="login"),
    path("login_ajax", sessions.LoginAjaxView.as_view(), name="login_ajax"),
    path("login_refresh", sessions.LoginRefreshView.as_view(), name="login_refresh"),
    path("logout", sessions.LogoutPage.as_view(), name="logout"),
    path("api/user/v1/account/login_session/", sessions.EmailLoginSessionView.as_view(), name="login_session_v1"),
    path("api/user/v2/account/login_session/", sessions.NameLoginSessionView.as_view(), name="login_session_v2"),
    path("account/password", passwords.PasswordResetRequestView.as_view(), name="password_change_request"),
    path(
        "password_reset_confirm/<uidb64>/<token>/", passwords.NewPasswordPage.as_view(), name="password_reset_confirm"
    ),
    path("password_reset_complete/", passwords.password_chosen, name="password_reset_complete"),
    # --- Accounts ---
    path("api/user/v1/me", accounts.MeView.as_view(), name="me"),
    path("api/user/v1/accounts", accounts.AccountsView.as_view(), name="accounts"),
    path(
        "api/user/v1/accounts/cancel_retirement/", retirement.CancelRetirementView.as_view(), name="cancel_retirement"
    ),
    path("v1/accounts/bulk_retire_users", retirement.BulkRetireUsersView.as_view(), name="bulk_retire_users"),
    re_path(r"^api/user/v1/accounts/(?P<username>[\w .@+-]+)$", accounts.AccountView.as_view(), name="account"),
    # --- ID verifications and verified names ---
    re_path(
        r"^api/user/v1/accounts/(?P<username>[\w .@+-]+)/verification_status/\Z",
        verification.VerificationStatusView.as_view(),
        name="verification_status",
    ),
    re_path(
        r"^api/user/v1/accounts/(?P<username>[\w .@+-]+)/verifications/\Z",
        verification.VerificationsView.as_view(),
        name="verification_details",
    ),
    path(
        "api/edx_name_affirmation/v1/verified_name/history",
        verification.VerifiedNameHistoryView.as_view(),
        name="verified_name_history",
    ),
]
