"""Building blocks of the operators' admin, made for tables of a hundred thousand rows and more."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from django.contrib.admin.sites import AdminSite
from django.contrib.admin.utils import flatten
from django.contrib.admin.widgets import ManyToManyRawIdWidget
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import CharField, ForeignKey, ManyToManyField, Model, Q, QuerySet, URLField
from django.db.models.functions import Lower
from django.http import HttpRequest
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin, TabularInline
from unfold.widgets import INPUT_CLASSES

COUNTED_ROWS = 20_000

# `email__lower="x"` compares lower(email), which the unique indexes on addresses answer.
CharField.register_lookup(Lower, "lower")


class CappedPaginator(Paginator):
    """Counts up to COUNTED_ROWS: nobody turns four hundred pages, and a full count of a large table is slow."""

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[:COUNTED_ROWS].count()
        return len(rows)


class ConsoleAdmin(ModelAdmin):
    """An admin of one model: capped counts, look-up fields instead of select boxes, search on indexed columns.

    `search_lookups` holds filter keywords that the whole search text is tried on; a text that a column cannot hold
    (no number, no UUID) leaves that column out. `{lower}` columns are compared in lower case.
    """

    paginator: type[Paginator[Any]] = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    warn_unsaved_form = True
    search_lookups: ClassVar[tuple[str, ...]] = ()
    select_fields: ClassVar[tuple[str, ...]] = ()

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if isinstance(db_field, URLField):
            kwargs["assume_scheme"] = "https"
        return super().formfield_for_dbfield(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.raw_id_fields:
            # The theme's own box for keys hands back one text where the form wants a list.
            box = {"class": " ".join(INPUT_CLASSES)}
            kwargs.setdefault("widget", ManyToManyRawIdWidget(db_field.remote_field, self.admin_site, attrs=box))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def get_search_fields(self, request: HttpRequest) -> Any:
        return self.search_lookups

    def get_search_results(self, request: HttpRequest, queryset: QuerySet, search_term: str) -> tuple[QuerySet, bool]:
        text = search_term.strip().replace("\x00", "")
        if not text:
            return queryset, False
        matches = Q()
        for lookup in self.search_lookups:
            value = text.lower() if lookup.endswith("__lower") else text
            try:
                queryset.model._default_manager.filter(**{lookup: value})
            except (ValueError, ValidationError):
                continue
            matches |= Q(**{lookup: value})
        return (queryset.filter(matches) if matches else queryset.none()), False

    def __init__(self, model: type[Model], admin_site: AdminSite) -> None:
        super().__init__(model, admin_site)
        # Every relation that is not named in `select_fields`, which are small tables.
        self.raw_id_fields: Any = [
            field.name
            for field in self.opts.get_fields()
            if isinstance(field, ForeignKey | ManyToManyField) and field.name not in self.select_fields
        ]

    def get_list_select_related(self, request: HttpRequest) -> Any:
        """The relations among the shown columns, so that a page costs a fixed number of queries."""
        shown = [name for name in flatten(self.get_list_display(request)) if isinstance(name, str)]
        relations = {field.name for field in self.opts.fields if isinstance(field, ForeignKey)}
        return [name for name in shown if name in relations] or None


class HistoryAdmin(SimpleHistoryAdmin, ConsoleAdmin):
    """An admin of a model with a history table: its history button shows who changed what and when."""


class ReadOnlyAdmin(ConsoleAdmin):
    """Rows that the service writes and operators only look at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class ConsoleInline(TabularInline):
    """Rows of a lower table shown inside their owner's page."""

    extra = 0
    show_change_link = True

    def __init__(self, parent_model: type[Model], admin_site: AdminSite) -> None:
        super().__init__(parent_model, admin_site)
        self.raw_id_fields = [field.name for field in self.opts.get_fields() if isinstance(field, ForeignKey)]
