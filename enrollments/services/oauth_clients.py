"""What OAuth clients hold of accounts, and the API credentials that accounts make for themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.db import transaction
from oauth2_provider.generators import generate_client_id, generate_client_secret
from oauth2_provider.models import (
    get_access_token_model,
    get_grant_model,
    get_id_token_model,
    get_refresh_token_model,
)

from config.db.secrets import Unreadable
from enrollments.models import OAuthApplication, User
from enrollments.services.bulk import lock_accounts


def revoke_tokens(user: User) -> None:
    """Delete all tokens and codes that speak for an account. JWTs end with their time."""
    revoke_tokens_of([user.pk])


def revoke_tokens_of(user_ids: Collection[int]) -> None:
    """The same for many accounts."""
    for model in (get_refresh_token_model(), get_access_token_model(), get_id_token_model(), get_grant_model()):
        model.objects.filter(user__in_set=user_ids).delete()


def delete_applications(user: User) -> None:
    """Delete the client applications that an account owns, and with them all that was granted to these."""
    OAuthApplication.objects.filter(user=user).delete()


# --- API credentials: an application of the account's own, whose secret can be read again ---------------------------


class CredentialsExist(Exception):
    """The account has API credentials; nothing was changed."""


def credentials_of(user: User, *, lock: bool = False) -> OAuthApplication | None:
    """The account's API credentials; applications that operators registered for it are none.

    Args:
        lock: for a change, in the caller's transaction.
    """
    applications = OAuthApplication.objects.filter(user=user, readable_client_secret__isnull=False)
    return (applications.select_for_update(no_key=True) if lock else applications).first()


@transaction.atomic
def create_for(user: User, name: str) -> OAuthApplication:
    """Makes API credentials, for the client credentials grant in the account's own name.

    The secret is stored as a hash, by which it is checked, and encrypted, so that it can be shown.

    Raises:
        CredentialsExist: there are some.
    """
    lock_accounts([user.pk])  # two at once: the second one finds what the first one made
    if credentials_of(user) is not None:
        raise CredentialsExist(user.username)
    application = OAuthApplication(
        user=user,
        name=name,
        client_type=OAuthApplication.CLIENT_CONFIDENTIAL,
        authorization_grant_type=OAuthApplication.GRANT_CLIENT_CREDENTIALS,
    )
    _draw_credentials(application)
    application.save()
    return application


def change(application: OAuthApplication, fields: Mapping[str, str]) -> None:
    """Stores other values of an application that the caller has locked.

    Args:
        fields: any of `name`, `client_type`, `redirect_uris`, `authorization_grant_type`.
    """
    for name, value in fields.items():
        setattr(application, name, value)
    if fields:
        application.save(update_fields=[*fields, "updated"])


@transaction.atomic
def regenerate(application: OAuthApplication, redirect_uris: str) -> None:
    """Gives an application that the caller has locked another id and secret; the tokens it was given are void.

    Signed tokens end with their time.
    """
    _draw_credentials(application)
    application.redirect_uris = redirect_uris
    application.save()
    for model in (get_refresh_token_model(), get_access_token_model(), get_grant_model(), get_id_token_model()):
        model.objects.filter(application=application).delete()


@transaction.atomic
def reencrypt_secrets() -> tuple[int, list[str]]:
    """Encrypts the secrets of API credentials anew with the first key of the setting CLIENT_SECRET_KEYS.

    Returns:
        How many there were, and the client ids of those that no key opens; they stay as they are.
    """
    rows = OAuthApplication.objects.filter(readable_client_secret__isnull=False).order_by("pk")
    applications = list(rows.select_for_update(no_key=True).only("client_id", "readable_client_secret"))
    lost = [each for each in applications if isinstance(each.readable_client_secret, Unreadable)]
    OAuthApplication.objects.bulk_update(applications, ["readable_client_secret"], batch_size=500)
    return len(applications) - len(lost), [each.client_id for each in lost]


def _draw_credentials(application: OAuthApplication) -> None:
    secret = generate_client_secret()
    application.client_id = generate_client_id()
    application.client_secret = application.readable_client_secret = secret  # the first one is hashed by the save
