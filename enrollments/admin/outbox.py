"""The outbox: which mails wait, failed, are in doubt or were given up, and the buttons to send them again."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from config.db.admin import ReadOnlyAdmin
from enrollments.models import OutboxMessage
from enrollments.services import outbox


@admin.register(OutboxMessage)
class OutboxMessageAdmin(ReadOnlyAdmin):
    list_display = ("id", "message_type", "recipient", "state", "attempts", "created", "sent_at", "last_error")
    list_filter = ("state", "message_type")
    ordering = ("-id",)
    search_lookups = ("id", "key", "recipient")
    actions = ("send_again",)

    def has_resend_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("enrollments.change_outboxmessage")

    @admin.action(description="Send again (in doubt, failed or given up)", permissions=["resend"])
    def send_again(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        count = outbox.resend(queryset)
        messages.success(request, f"{count} messages are queued again.")
