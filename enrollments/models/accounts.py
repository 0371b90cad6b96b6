"""Learner accounts (contract: enrollment-api, User and profile)."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, UserManager
from django.db import models, transaction
from django.db.models.functions import Lower
from django_countries.fields import CountryField

from config.db.models import TimeStampedModel


def new_anonymous_id() -> str:
    """A stable opaque id for an account: the `sub` claim of its tokens."""
    return uuid.uuid4().hex


class AccountManager(UserManager["User"]):
    """Finds accounts the way the contract does: exactly, or ignoring case where an area says so."""

    def by_email(self, email: str) -> User | None:
        """The account with this e-mail: the exact spelling first, then ignoring case."""
        # Both sides lowered by the database: that is what the unique index holds.
        rows = self.alias(lowered=Lower("email")).filter(lowered=Lower(models.Value(email)))
        found = {account.email: account for account in rows}
        return found.get(email) or next(iter(found.values()), None)


class User(AbstractUser):  # type: ignore[django-manager-missing]  # the toolkit has no types
    """An account. Its `id` is what the contract calls the LMS user id."""

    email = models.EmailField("email address", max_length=254)
    anonymous_id = models.CharField(max_length=64, default=new_anonymous_id, unique=True, editable=False)

    objects: ClassVar[AccountManager] = AccountManager()

    # The columns whose change others are told of (enrollments.receivers), and their values in the database.
    WATCHED: ClassVar[frozenset[str]] = frozenset({"email", "is_active", "last_login", "username"})
    _stored: dict[str, Any]

    class Meta(AbstractUser.Meta):
        constraints = [
            # Service accounts may have no address at all; everybody else's is unique ignoring case.
            models.UniqueConstraint(Lower("email"), name="user_email_unique", condition=~models.Q(email="")),
        ]
        # The constraint's index leaves out empty addresses; this one serves every comparison of lower(email).
        indexes = [models.Index(Lower("email"), name="user_email_lower")]
        permissions = [("can_retire_users", "Can retire user accounts")]

    @classmethod
    def from_db(cls, db: str | None, field_names: Collection[str], values: Collection[Any], **options: Any) -> User:
        account = super().from_db(db, field_names, values, **options)
        account.remember()
        return account

    def save(self, *args: Any, **kwargs: Any) -> None:
        # Whoever reacts to the save belongs to its transaction: an error there undoes the save.
        with transaction.atomic(using=kwargs.get("using"), savepoint=False):
            super().save(*args, **kwargs)

    def remember(self, columns: Collection[str] | None = None) -> None:
        """Take the present values of the watched columns for those of the database.

        Args:
            columns: only these; all that are loaded when left out.
        """
        names = self.WATCHED if columns is None else self.WATCHED.intersection(columns)
        stored = self.__dict__.get("_stored", {})
        self._stored = {**stored, **{name: self.__dict__[name] for name in names if name in self.__dict__}}

    def unsaved_changes(self, columns: Collection[str] | None = None) -> set[str]:
        """The watched columns whose values differ from those last read from, or written to, the database.

        Args:
            columns: look at these only, as `save(update_fields=...)` writes these only.
        """
        names = self.WATCHED if columns is None else self.WATCHED.intersection(columns)
        stored = self.__dict__.get("_stored", {})
        loaded = {name: self.__dict__[name] for name in names if name in self.__dict__}
        return {name for name, value in loaded.items() if name not in stored or stored[name] != value}

    def full_name(self) -> str | None:
        """The name of the profile; None without a profile."""
        profile = getattr(self, "profile", None)
        return profile.name if profile else None


class UserProfile(models.Model):
    """What an account says of its owner; service accounts may have none."""

    user = models.OneToOneField(User, models.CASCADE, related_name="profile")
    name = models.CharField(max_length=255, blank=True, default="")
    country = CountryField(null=True, blank=True)
    year_of_birth = models.PositiveIntegerField(null=True, blank=True)
    level_of_education = models.CharField(max_length=6, null=True, blank=True)
    gender = models.CharField(max_length=6, null=True, blank=True)
    bio = models.CharField(max_length=3000, null=True, blank=True)
    goals = models.TextField(null=True, blank=True)
    mailing_address = models.TextField(null=True, blank=True)
    phone_number = models.CharField(max_length=50, null=True, blank=True)
    language_preference = models.CharField(
        max_length=16, blank=True, default="", help_text="Blank: none. The language of mails."
    )

    def __str__(self) -> str:
        return self.name or self.user.username


class UserOrgTag(TimeStampedModel):
    """A key and value that an organisation keeps about an account, such as its e-mail opt-in."""

    user = models.ForeignKey(User, models.CASCADE, related_name="org_tags")
    org = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    value = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "org", "key"], name="user_org_tag_unique")]

    def __str__(self) -> str:
        return f"{self.org}: {self.key}={self.value}"


class LoginFailure(models.Model):
    """Failed sign-ins of an account in a row, and until when it is locked."""

    user = models.OneToOneField(User, models.CASCADE, related_name="login_failure")
    failure_count = models.PositiveIntegerField(default=0)
    locked_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.failure_count} failed sign-ins"
