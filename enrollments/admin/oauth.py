"""OAuth applications and tokens."""

from __future__ import annotations

from django.contrib import admin
from oauth2_provider.models import AccessToken, Grant, IDToken, RefreshToken

from config.db.admin import ConsoleAdmin, ReadOnlyAdmin
from enrollments.models import OAuthApplication

# The toolkit's own pages show select boxes over all accounts; a token's text is nobody's business.
for model in (AccessToken, Grant, IDToken, RefreshToken, OAuthApplication):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(OAuthApplication)
class OAuthApplicationAdmin(ConsoleAdmin):
    list_display = ("name", "client_id", "user", "client_type", "authorization_grant_type", "is_restricted")
    list_filter = ("client_type", "authorization_grant_type", "is_restricted")
    ordering = ("-id",)
    secret_fields = ("client_secret",)
    search_lookups = ("client_id", "name__istartswith", "user__username")


@admin.register(AccessToken)
class AccessTokenAdmin(ReadOnlyAdmin):
    list_display = ("id", "user", "application", "expires", "scope")
    fields = ("user", "application", "expires", "scope", "created")
    ordering = ("-id",)
    search_lookups = ("user__username", "application__client_id")
