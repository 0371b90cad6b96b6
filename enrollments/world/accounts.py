"""Organizations and accounts, and what is known of the people behind them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.contrib.auth.hashers import check_password, is_password_usable, make_password
from django.contrib.auth.models import Group
from django.db import models

from config.world import (
    ROW_ID,
    Column,
    Entry,
    Load,
    Objects,
    Reference,
    References,
    Relative,
    Section,
    Shape,
    Table,
    Texts,
    columns,
    replace_links,
    unattached,
)
from enrollments.models import (
    Course,
    IDVerificationAttempt,
    Organization,
    ProgramOrganization,
    User,
    UserProfile,
    UserRetirementStatus,
    UserSocialAuth,
    VerifiedName,
)
from enrollments.services import sign_ins
from enrollments.services.retirement import retired_email, retired_username
from enrollments.signals import catalogue_changed, names_changed
from enrollments.world.lookups import ACCOUNT, PERMISSION, RETIREMENT_STATE

# --- organizations ------------------------------------------------------------------------------------------------

_ORGANIZATION_TABLE = Table(model=Organization, key=("short_name",), in_bulk=True)


def _load_organizations(load: Load, entries: list[Entry]) -> None:
    _ORGANIZATION_TABLE.store(load, entries)
    changed = [entry.row.pk for entry in entries if entry.changed]
    if changed:
        load.at_end(lambda: _tell_of_owners(changed))


def _tell_of_owners(ids: list[int]) -> None:
    """The catalogue shows the names of these organizations with their courses and programs."""
    courses = Course.objects.filter(organization__id__in_set=ids).values_list("key", flat=True)
    owned = ProgramOrganization.objects.filter(organization__id__in_set=ids).values_list("program_id", flat=True)
    catalogue_changed.send(sender=Organization, course_keys=list(courses), run_keys=[], program_uuids=list(owned))


ORGANIZATIONS = Section(
    name="organizations",
    key=("short_name",),
    fields={"id": ROW_ID, **columns(Organization, "short_name", "uuid", "name", "active", "created", "modified")},
    load=_load_organizations,
)

# --- users --------------------------------------------------------------------------------------------------------

_PROFILE = Shape(
    fields=columns(
        UserProfile,
        "name",
        "country",
        "year_of_birth",
        "level_of_education",
        "gender",
        "bio",
        "goals",
        "mailing_address",
        "phone_number",
        "language_preference",
    )
)
_USER_TABLE = Table(model=User, key=("username",), in_bulk=True, optional=frozenset({"email"}))
_PROFILE_TABLE = Table(model=UserProfile, key=("user_id",), in_bulk=True)


def _load_users(load: Load, entries: list[Entry]) -> None:
    _hash_passwords(entries)
    _USER_TABLE.store(load, entries)
    profiles = []
    for entry in entries:
        values = {name: entry.given[name] for name in _PROFILE.fields if name in entry.given}
        if values:
            profile = Entry(entry.place, _PROFILE, values={"user_id": entry.row.pk, **values})
            profiles.append((entry, profile))
    _PROFILE_TABLE.store(load, [profile for _, profile in profiles])
    for entry, profile in profiles:
        entry.changed |= profile.created or profile.changed
    names_changed.send(User, account_ids=[entry.row.pk for entry in entries if entry.changed])
    seen = [(entry.row.pk, entry.row.last_login) for entry in entries if "last_login" in entry.given]
    sign_ins.note((pk, at) for pk, at in seen if at)
    _give_groups(entries)
    permissions = {entry.row.pk: entry.given["permissions"] for entry in entries if "permissions" in entry.given}
    _mark(entries, replace_links(permissions, User.user_permissions.through, "user_id", "permission_id"))


def _hash_passwords(entries: Sequence[Entry]) -> None:
    """Puts a new hash where the password is not the stored one; hashing is what takes time, so all processors work."""
    names = [entry.given["username"] for entry in entries]
    stored = dict(User.objects.filter(username__in_set=names).values_list("username", "password"))
    asked = []
    for entry in entries:
        entry.defaults["password"] = make_password(None)
        password, hashed = entry.given.get("password"), stored.get(entry.given["username"])
        if password is not None:
            asked.append((entry, password, hashed))
        elif "password" in entry.given and hashed is not None and is_password_usable(hashed):
            entry.values["password"] = make_password(None)
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        hashes = pool.map(lambda each: _new_hash(each[1], each[2]), asked)
        for (entry, _, _), hashed in zip(asked, hashes, strict=True):
            if hashed is not None:
                entry.values["password"] = hashed


def _new_hash(password: str, stored: str | None) -> str | None:
    """The hash to store; None if the stored one is of this password."""
    return None if stored and check_password(password, stored) else make_password(password)


def _give_groups(entries: Sequence[Entry]) -> None:
    asked = [entry for entry in entries if "groups" in entry.given]
    names = {name for entry in asked for name in entry.given["groups"]}
    ids = dict(Group.objects.filter(name__in=names).values_list("name", "pk"))
    for name in sorted(names - ids.keys()):
        ids[name] = Group.objects.create(name=name).pk
    links = {entry.row.pk: [ids[name] for name in entry.given["groups"]] for entry in asked}
    _mark(entries, replace_links(links, User.groups.through, "user_id", "group_id"))


def _mark(entries: Sequence[Entry], changed: set[Any]) -> None:
    for entry in entries:
        entry.changed |= entry.row.pk in changed


USERS = Section(
    name="users",
    key=("username",),
    fields={
        "id": ROW_ID,
        **columns(
            User,
            "username",
            "first_name",
            "last_name",
            "is_active",
            "is_staff",
            "is_superuser",
            "date_joined",
            "last_login",
            "anonymous_id",
        ),
        "email": Column(models.EmailField(max_length=254, blank=True), "email"),
        "password": Column(models.CharField(max_length=4096, null=True)),
        "groups": Texts(unique=True),
        "permissions": References(PERMISSION),
        **unattached(_PROFILE.fields),
    },
    load=_load_users,
)

# --- identities ---------------------------------------------------------------------------------------------------

_OLDER_STATE = Shape(
    key=("history_date",), fields=columns(UserSocialAuth.history.model, "history_date", "uid", "extra_data")
)
_IDENTITY_TABLE = Table(model=UserSocialAuth, key=("provider", "uid"), find_by="uid", in_bulk=True)


def _load_identities(load: Load, entries: list[Entry]) -> None:
    _IDENTITY_TABLE.store(load, entries)
    asked = [entry for entry in entries if entry.given.get("history")]
    history = UserSocialAuth.history.model
    ids = [entry.row.pk for entry in asked]
    stored = {(state.id, state.history_date): state for state in history.objects.filter(id__in_set=ids)}
    for entry in asked:
        for index, older in enumerate(sorted(entry.given["history"], key=lambda state: state.given["history_date"])):
            date = older.given["history_date"]
            values = {"uid": entry.row.uid, "extra_data": entry.row.extra_data, **older.values}
            state = stored.get((entry.row.pk, date))
            if state is not None and all(getattr(state, name) == value for name, value in values.items()):
                continue
            if state is None:
                state = history(
                    id=entry.row.pk,
                    user_id=entry.row.user_id,
                    provider=entry.row.provider,
                    created=entry.row.created,
                    modified=date,
                    history_type="~" if index else "+",
                )
            for name, value in values.items():
                setattr(state, name, value)
            state.save()
            entry.changed = True
    # A row with older states was not born as it is now.
    born = history.objects.filter(id__in_set=[entry.row.pk for entry in asked if entry.created], history_type="+")
    born.filter(history_date__gte=load.now).update(history_type="~")


IDENTITIES = Section(
    name="identities",
    key=("provider", "uid"),
    fields={
        "id": ROW_ID,
        **columns(UserSocialAuth, "provider", "uid", "extra_data", "created", "modified"),
        "user": Reference(ACCOUNT, "user_id"),
        "history": Objects(_OLDER_STATE),
    },
    load=_load_identities,
)

# --- verified_names, retirements, verifications -------------------------------------------------------------------

_VERIFIED_NAME_TABLE = Table(model=VerifiedName, key=("user_id", "verified_name"))

VERIFIED_NAMES = Section(
    name="verified_names",
    key=("user", "verified_name"),
    fields={
        "id": ROW_ID,
        "user": Reference(ACCOUNT, "user_id"),
        **columns(
            VerifiedName,
            "verified_name",
            "profile_name",
            "status",
            "verification_attempt_id",
            "proctored_exam_attempt_id",
            "platform_verification_attempt_id",
            "created",
            "modified",
        ),
    },
    load=_VERIFIED_NAME_TABLE.store,
)

_RETIREMENT_TABLE = Table(
    model=UserRetirementStatus, key=("user_id",), optional=frozenset({"original_email", "retired_email"})
)


def _load_retirements(load: Load, entries: list[Entry]) -> None:
    accounts = User.objects.select_related("profile").in_bulk([entry.values["user_id"] for entry in entries])
    for entry in entries:
        account = accounts[entry.values["user_id"]]
        username = entry.values.get("original_username", account.username)
        email = entry.values.get("original_email", account.email)
        entry.defaults = {
            "original_username": username,
            "original_email": email,
            "original_name": account.full_name() or "",
            "retired_username": retired_username(username),
            "retired_email": retired_email(email),
            "last_state_id": entry.values.get("current_state_id"),
        }
    _RETIREMENT_TABLE.store(load, entries)


RETIREMENTS = Section(
    name="retirements",
    key=("user",),
    fields={
        "id": ROW_ID,
        "user": Reference(ACCOUNT, "user_id"),
        "state": Reference(RETIREMENT_STATE, "current_state_id"),
        "last_state": Reference(RETIREMENT_STATE, "last_state_id", null=True),
        **columns(
            UserRetirementStatus,
            "original_username",
            "original_email",
            "original_name",
            "retired_username",
            "retired_email",
            "responses",
            "created",
            "modified",
        ),
    },
    load=_load_retirements,
)

_VERIFICATION_TABLE = Table(model=IDVerificationAttempt, key=("user_id", "kind"))


def _load_verifications(load: Load, entries: list[Entry]) -> None:
    attempts = IDVerificationAttempt.objects.filter(user_id__in_set=[entry.values["user_id"] for entry in entries])
    stored = {(attempt.user_id, attempt.kind): attempt for attempt in attempts.order_by("-pk")}
    for entry in entries:
        attempt = stored.get((entry.values["user_id"], entry.values["kind"]))
        created, status = entry.values.get("created_at"), entry.values.get("status")
        if attempt is None:
            entry.defaults = {"created_at": load.now, "status_changed": created or load.now}
        elif created and not isinstance(created, Relative) and created != attempt.created_at:
            entry.values["status_changed"] = created
        elif status and status != attempt.status:
            entry.values["status_changed"] = load.now
    _VERIFICATION_TABLE.store(load, entries)


VERIFICATIONS = Section(
    name="verifications",
    key=("user", "type"),
    key_defaults={"type": IDVerificationAttempt.Kind.PHOTO},
    fields={
        "id": ROW_ID,
        "user": Reference(ACCOUNT, "user_id"),
        **columns(
            IDVerificationAttempt,
            "name",
            "status",
            "error",
            "receipt_id",
            type="kind",
            created="created_at",
            expiration="expiration_datetime",
        ),
    },
    load=_load_verifications,
)
