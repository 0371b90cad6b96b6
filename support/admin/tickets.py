"""Tickets of the contact form."""

from __future__ import annotations

from django.contrib import admin

from config.db.admin import ReadOnlyAdmin
from support.models import ContactTicket


@admin.register(ContactTicket)
class ContactTicketAdmin(ReadOnlyAdmin):
    list_display = ("id", "created", "subject", "requester_name", "requester_email")
    ordering = ("-id",)
    search_lookups = ("id", "requester__username", "requester_email")
