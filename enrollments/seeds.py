"""Rows that the service counts on; made after each migration, kept where they exist (contract: settings, Seed data)."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group

from config.hooks import quiet
from enrollments.models import OAuthApplication, RetirementState, User

DJANGO_GROUPS = ("enterprise_data_api_access", "enterprise_enrollment_api_access")
REQUIRED_STATES = ("PENDING", "ERRORED", "ABORTED", "COMPLETE")
DEAD_END_STATES = ("ERRORED", "ABORTED", "COMPLETE")
RETIREMENT_STATES = (
    "PENDING",
    "LOCKING_ACCOUNT",
    "LOCKING_COMPLETE",
    "RETIRING_ENROLLMENTS",
    "ENROLLMENTS_COMPLETE",
    "RETIRING_LMS",
    "LMS_COMPLETE",
    "ERRORED",
    "ABORTED",
    "COMPLETE",
)
LOGIN_SERVICE_USER = "login_service_user"


def seed(sender: Any = None, using: str = "default", **kwargs: Any) -> None:
    """Makes the missing seed rows of this app; receiver of `post_migrate`."""
    if using != "default":
        return
    for name in DJANGO_GROUPS:
        Group.objects.get_or_create(name=name)
    for order, name in enumerate(RETIREMENT_STATES, 1):
        RetirementState.objects.get_or_create(
            state_name=name,
            defaults={
                "state_execution_order": order,
                "required": name in REQUIRED_STATES,
                "is_dead_end_state": name in DEAD_END_STATES,
            },
        )
    if not OAuthApplication.objects.filter(client_id=settings.JWT_LOGIN_CLIENT_ID).exists():
        owner = User.objects.filter(username=LOGIN_SERVICE_USER).first()
        if owner is None:
            owner = User(username=LOGIN_SERVICE_USER)
            owner.set_unusable_password()
            with quiet():  # the tables of higher apps may not be there yet
                owner.save()
        OAuthApplication.objects.create(
            client_id=settings.JWT_LOGIN_CLIENT_ID,
            client_secret="",
            name="Login service",
            user=owner,
            client_type=OAuthApplication.CLIENT_PUBLIC,
            authorization_grant_type=OAuthApplication.GRANT_PASSWORD,
            allowed_scopes="user_id email profile",
        )
