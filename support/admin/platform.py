"""Tables of the libraries that the service stands on: sites, flags, switches, samples."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.sites.models import Site
from django.http import HttpRequest
from waffle import admin as waffle_admin
from waffle.models import Flag, Sample, Switch

from config.db.admin import ConsoleAdmin, ReadOnlyAdmin
from support.models import ShippedStaffGroup

# Their own pages do not look like the others, and offer select boxes of all accounts.
for model in (Site, Flag, Switch, Sample):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(Site)
class SiteAdmin(ConsoleAdmin):
    list_display = ("domain", "name")
    ordering = ("domain",)
    search_lookups = ("domain__istartswith", "name__istartswith")


class ToggleAdmin(ConsoleAdmin):
    """Flags and their kin: deleted one by one, so that no process goes on with a remembered one."""

    actions: Any = (waffle_admin.delete_individually,)
    ordering = ("name",)
    search_lookups = ("name__istartswith",)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions


@admin.register(Flag)
class FlagAdmin(ToggleAdmin):
    actions = (waffle_admin.enable_for_all, waffle_admin.disable_for_all, waffle_admin.delete_individually)
    list_display = ("name", "note", "everyone", "percent", "superusers", "staff", "authenticated")
    list_filter = ("everyone", "superusers", "staff", "authenticated")
    select_fields = ("groups",)
    readonly_fields = ("modified",)


@admin.register(Switch)
class SwitchAdmin(ToggleAdmin):
    actions = (waffle_admin.enable_switches, waffle_admin.disable_switches, waffle_admin.delete_individually)
    list_display = ("name", "active", "note", "modified")
    list_filter = ("active",)
    readonly_fields = ("modified",)


@admin.register(Sample)
class SampleAdmin(ToggleAdmin):
    list_display = ("name", "percent", "note", "modified")
    readonly_fields = ("modified",)


@admin.register(ShippedStaffGroup)
class ShippedStaffGroupAdmin(ReadOnlyAdmin):
    """What the service has given its staff groups; it gives nothing twice."""

    list_display = ("name",)
    ordering = ("name",)
    search_lookups = ("name__istartswith",)
