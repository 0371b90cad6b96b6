"""How other rows refer to the rows of this app."""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import F, Value
from django.db.models.functions import Concat

from config.world import Lookup, Place, Refused
from enrollments.models import Course, CourseOverview, OAuthApplication, Organization, Program, RetirementState, User


class PermissionLookup(Lookup):
    """Permissions by `app_label.codename`."""

    def read(self, place: Place, value: Any) -> Hashable:
        if not isinstance(value, str) or value.count(".") != 1:
            raise Refused(place, f"{value!r} is not of the form app_label.codename.")
        return value

    def fetch(self, keys: Collection[Any]) -> dict[Any, Any]:
        named = Permission.objects.annotate(named=Concat(F("content_type__app_label"), Value("."), F("codename")))
        return dict(named.filter(named__in=list(keys)).order_by().values_list("named", "pk"))


class ContentLookup(Lookup):
    """Course runs and courses, by either key; the key itself is what gets stored."""

    def fetch(self, keys: Collection[Any]) -> dict[Any, Any]:
        found: dict[Any, Any] = {}
        for model, column in ((CourseOverview, "id"), (Course, "key")):
            rows = model._base_manager.filter(**{f"{column}__in_set": list(keys)}).order_by()
            found.update((key, key) for key in rows.values_list(column, flat=True))
        return found


ACCOUNT = Lookup("account", User, "username")
ORGANIZATION = Lookup("organization", Organization, "short_name")
ORGANIZATION_NAME = Lookup("organization", Organization, "short_name", gives="short_name")
COURSE = Lookup("course", Course, "key")
RUN = Lookup("course run", CourseOverview)
CONTENT = ContentLookup("course or course run", CourseOverview)
PROGRAM = Lookup("program", Program)
APPLICATION = Lookup("OAuth client", OAuthApplication, "client_id")
PERMISSION = PermissionLookup("permission", Permission)
RETIREMENT_STATE = Lookup("retirement state", RetirementState, "state_name")
