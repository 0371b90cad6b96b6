"""Filters of lists that know their choices without reading the list."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from enrollments.models import CourseMode


class ModeFilter(admin.SimpleListFilter):
    """The modes that runs have, and the one asked for; looking for those that rows have would read them all."""

    title = "mode"
    parameter_name = "mode"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        slugs = set(CourseMode.objects.order_by().values_list("mode_slug", flat=True).distinct())
        return [(slug, slug) for slug in sorted(slugs | {self.value() or "audit"})]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(mode=self.value()) if self.value() else queryset
