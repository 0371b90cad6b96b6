"""API credentials of admins: one application per account, whichever customer it was made for.

Contract: enterprise-customers 4.13.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from config.api.exceptions import Refusal
from enrollments.models import OAuthApplication, User
from enrollments.services import oauth_clients
from enterprise.services import roles

GRANTED_ROLES = ("dashboard_admin", "reporting_config_admin", "catalog_admin")
EXISTS = "Application exists."
NOT_FOUND = "Could not find the Application."
NOTHING_TO_DELETE = "Application does not exist for requesting user."


def of(user: User) -> OAuthApplication:
    """The user's application.

    Raises:
        Refusal: 404, there is none.
    """
    return _found(oauth_clients.credentials_of(user))


@transaction.atomic
def create(user: User) -> OAuthApplication:
    """Makes the user's application, and gives the user the feature roles that its calls need.

    Raises:
        Refusal: 409, there is one.
    """
    try:
        application = oauth_clients.create_for(user, f"{user.username}'s Enterprise Credentials")
    except oauth_clients.CredentialsExist as error:
        raise Refusal(EXISTS, status=409) from error
    roles.assign_features(user, *GRANTED_ROLES)
    return application


@transaction.atomic
def change(user: User, fields: Mapping[str, str]) -> OAuthApplication:
    """Stores other values of the user's application.

    Args:
        fields: any of `name`, `client_type`, `redirect_uris`, `authorization_grant_type`.
    Raises:
        Refusal: 404, there is none.
    """
    application = _found(oauth_clients.credentials_of(user, lock=True))
    oauth_clients.change(application, fields)
    return application


@transaction.atomic
def regenerate(user: User, redirect_uris: str) -> OAuthApplication:
    """Gives the user's application another id and secret; the old ones are void.

    Raises:
        Refusal: 404, there is none.
    """
    application = _found(oauth_clients.credentials_of(user, lock=True))
    oauth_clients.regenerate(application, redirect_uris)
    return application


@transaction.atomic
def delete(user: User) -> None:
    """Deletes the user's application with its tokens; the feature roles stay.

    Raises:
        Refusal: 400, there is none.
    """
    application = oauth_clients.credentials_of(user, lock=True)
    if application is None:
        raise Refusal(NOTHING_TO_DELETE)
    application.delete()


def _found(application: OAuthApplication | None) -> OAuthApplication:
    if application is None:
        raise Refusal(NOT_FOUND, status=404)
    return application
