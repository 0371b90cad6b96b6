"""OAuth clients and the tokens they were given."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import check_password, identify_hasher
from django.db import models
from oauth2_provider.models import AccessToken, RefreshToken

from config.world import (
    ROW_ID,
    Column,
    Entry,
    Load,
    Place,
    Reader,
    Reference,
    References,
    Refused,
    Relative,
    Section,
    Table,
    Texts,
    columns,
    replace_links,
)
from enrollments.models import OAuthApplication
from enrollments.world.lookups import ACCOUNT, APPLICATION, ORGANIZATION

# --- oauth_clients ------------------------------------------------------------------------------------------------

_GRANT_TYPES = {
    name: name
    for name in (
        OAuthApplication.GRANT_CLIENT_CREDENTIALS,
        OAuthApplication.GRANT_PASSWORD,
        OAuthApplication.GRANT_AUTHORIZATION_CODE,
    )
}
_APPLICATION_TABLE = Table(model=OAuthApplication, key=("client_id",), complete=lambda application: application.clean())


def _load_clients(load: Load, entries: list[Entry]) -> None:
    names = [entry.given["client_id"] for entry in entries]
    stored = dict(OAuthApplication.objects.filter(client_id__in_set=names).values_list("client_id", "client_secret"))
    for entry in entries:
        entry.defaults["client_type"] = OAuthApplication.CLIENT_CONFIDENTIAL
        secret = entry.given.get("client_secret")
        if secret is not None and not _is_secret(secret, stored.get(entry.given["client_id"])):
            entry.values["client_secret"] = secret
        for name, attribute in (("redirect_uris", "redirect_uris"), ("scopes", "allowed_scopes")):
            if name in entry.given:
                entry.values[attribute] = " ".join(entry.given[name])
        if len(entry.values.get("allowed_scopes", "")) > 255:
            load.note(Refused(entry.place.field("scopes"), "All scopes together may have 255 characters."))
    _APPLICATION_TABLE.store(load, entries)
    organizations = {entry.row.pk: entry.given["organizations"] for entry in entries if "organizations" in entry.given}
    through = OAuthApplication.organizations.through
    changed = replace_links(organizations, through, "oauthapplication_id", "organization_id")
    for entry in entries:
        entry.changed |= entry.row.pk in changed


def _is_secret(secret: str, stored: str | None) -> bool:
    """Whether a stored secret, hashed or not, is this one."""
    if stored is None:
        return False
    try:
        identify_hasher(stored)
    except ValueError:
        return stored == secret
    return check_password(secret, stored)


OAUTH_CLIENTS = Section(
    name="oauth_clients",
    key=("client_id",),
    fields={
        "id": ROW_ID,
        **columns(OAuthApplication, "client_id", "client_type", "name", "is_restricted", "created", "updated"),
        "client_secret": Column(models.CharField(max_length=255, blank=True)),
        "user": Reference(ACCOUNT, "user_id", null=True),
        "grant_type": Column(models.CharField(), "authorization_grant_type", renamed=_GRANT_TYPES),
        "redirect_uris": Texts(split=True),
        "scopes": Texts(split=True),
        "organizations": References(ORGANIZATION),
    },
    load=_load_clients,
)

# --- oauth_tokens -------------------------------------------------------------------------------------------------

_ACCESS, _REFRESH = "access", "refresh"
_ACCESS_TABLE = Table(model=AccessToken, key=("token_checksum",))
_REFRESH_TABLE = Table(model=RefreshToken, key=("token_checksum",))


class _Scope(Reader):
    """Scopes, as the toolkit stores them: in one text, with blanks between."""

    def read(self, load: Load, place: Place, value: Any) -> str:
        return " ".join(Texts(split=True).read(load, place, value))


def _load_tokens(load: Load, entries: list[Entry]) -> None:
    for entry in entries:
        entry.values["token_checksum"] = hashlib.sha256(entry.given["token"].encode()).hexdigest()
    access = [entry for entry in entries if entry.given.get("kind", _ACCESS) == _ACCESS]
    refresh = [entry for entry in entries if entry.given.get("kind", _ACCESS) == _REFRESH]
    for entry in access:
        entry.values |= {name: entry.given[name] for name in ("expires", "scope") if name in entry.given}
    _ACCESS_TABLE.store(load, access)
    for entry in refresh:
        if "expires" in entry.given:
            entry.values["created"] = _granted(entry.given["expires"])
    _REFRESH_TABLE.store(load, refresh)
    for entry in refresh:
        _give_scope(load, entry)


def _granted(expires: datetime | Relative) -> datetime | Relative:
    """When a refresh token that expires then was granted: its lifetime is a setting, the same for all."""
    lifetime = timedelta(seconds=settings.OAUTH_REFRESH_TOKEN_EXPIRE_SECONDS)
    return Relative(expires.moment - lifetime) if isinstance(expires, Relative) else expires - lifetime


def _give_scope(load: Load, entry: Entry) -> None:
    """The scope of a refresh token is that of the access token beside it; this one nobody knows, and it has expired."""
    token = entry.row
    if token.access_token is None:
        token.access_token = AccessToken.objects.create(
            user_id=token.user_id,
            application_id=token.application_id,
            token=secrets.token_urlsafe(48),
            expires=load.now,
            scope=entry.given.get("scope", ""),
        )
        token.save(update_fields=["access_token"])
        entry.changed = True
    elif entry.given.get("scope", token.access_token.scope) != token.access_token.scope:
        token.access_token.scope = entry.given["scope"]
        token.access_token.save(update_fields=["scope"])
        entry.changed = True


OAUTH_TOKENS = Section(
    name="oauth_tokens",
    key=("token",),
    fields={
        "id": ROW_ID,
        "token": Column(models.CharField(max_length=255), "token"),
        "user": Reference(ACCOUNT, "user_id", null=True),
        "client_id": Reference(APPLICATION, "application_id", null=True),
        "kind": Column(models.CharField(), renamed={_ACCESS: _ACCESS, _REFRESH: _REFRESH}),
        "expires": Column(models.DateTimeField()),
        "scope": _Scope(),
    },
    load=_load_tokens,
)
