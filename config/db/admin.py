"""Building blocks of the operators' admin, made for tables of a hundred thousand rows and more."""

from __future__ import annotations

from functools import cached_property
from typing import Any, ClassVar

from django.contrib.admin.decorators import display
from django.contrib.admin.sites import AdminSite
from django.contrib.admin.utils import flatten, quote, unquote
from django.contrib.admin.views.main import ERROR_FLAG, SEARCH_VAR
from django.contrib.admin.widgets import ManyToManyRawIdWidget
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import CharField, ForeignKey, ManyToManyField, Model, Q, QuerySet, URLField
from django.db.models.functions import Lower
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from simple_history.admin import SimpleHistoryAdmin
from unfold.admin import ModelAdmin, TabularInline
from unfold.widgets import INPUT_CLASSES

COUNTED_ROWS = 20_000
LONGEST_ID = 18  # digits of a whole number that every database holds

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
    (no number, no UUID) leaves that column out. `{lower}` columns are compared in lower case. `secret_fields` are shown
    only to those who may change the row.
    """

    paginator: type[Paginator[Any]] = CappedPaginator
    show_full_result_count = False
    list_per_page = 50
    warn_unsaved_form = True
    search_lookups: ClassVar[tuple[str, ...]] = ()
    select_fields: ClassVar[tuple[str, ...]] = ()
    secret_fields: ClassVar[tuple[str, ...]] = ()

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

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        values = (value for name, values in request.GET.lists() if name != SEARCH_VAR for value in values)
        if any(
            len(part) > LONGEST_ID and part.strip(" -+").isdecimal() for value in values for part in value.split(",")
        ):
            # No database holds such a number, and filters hand it over; the list says that the address is wrong.
            return HttpResponseRedirect(f"{request.path}?{ERROR_FLAG}=1")
        return super().changelist_view(request, extra_context)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = super().get_fields(request, obj)
        may_write = self.has_change_permission(request, obj) if obj else self.has_add_permission(request)
        return shown if may_write else [name for name in shown if name not in self.secret_fields]

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

    def get_list_display(self, request: HttpRequest) -> Any:
        return (*super().get_list_display(request), "history_link")

    @display(description="history")
    def history_link(self, row: Model) -> str:
        address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_history", args=[quote(row.pk)])
        return format_html('<a href="{}">show</a>', address)

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> Any:
        self._require_key(object_id)
        return super().history_view(request, object_id, extra_context)

    def history_form_view(
        self, request: HttpRequest, object_id: str, version_id: str, extra_context: Any = None
    ) -> Any:
        self._require_key(object_id)
        if not version_id.isdecimal() or len(version_id) > LONGEST_ID:
            raise Http404
        return super().history_form_view(request, object_id, version_id, extra_context)

    def set_history_delta_changes(
        self, request: HttpRequest, historical_records: Any, *args: Any, **kwargs: Any
    ) -> None:
        super().set_history_delta_changes(request, historical_records, *args, **kwargs)
        for record in historical_records:
            changes = getattr(record, "history_delta_changes", ())
            record.history_delta_changes = [each for each in changes if each["field"] not in self.secret_names]

    @cached_property
    def secret_names(self) -> set[str]:
        """What a history calls the secret fields."""
        return {name for field in self.secret_fields for name in (field, self.opts.get_field(field).verbose_name)}

    def _require_key(self, text: str) -> None:
        """The library asks the database for whatever stands in the address."""
        try:
            self.opts.pk.to_python(unquote(text))
        except ValidationError as problem:
            raise Http404 from problem


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
