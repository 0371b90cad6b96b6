"""Changes to what accounts say of their owners, in sets."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import QuerySet

from enrollments.models import User, UserProfile


def clear_language_preference(users: Collection[int] | QuerySet[User]) -> None:
    """Blanks the language preference of accounts, so that their customer's language is used next time. One statement.

    Args:
        users: ids, or a queryset of accounts or ids.
    Contract: enterprise-customers 2, default_language.
    """
    UserProfile.objects.filter(user__in=users).exclude(language_preference="").update(language_preference="")
