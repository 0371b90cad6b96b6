"""Which scopes an application may ask for (contract: settings, OAuth scopes known)."""

from __future__ import annotations

from typing import Any

from oauth2_provider.scopes import SettingsScopes

from enrollments.models import OAuthApplication


class Descriptions(dict[str, str]):
    """What scopes mean; one that only an application knows is described by its name."""

    def __missing__(self, scope: str) -> str:
        return scope


class ApplicationScopes(SettingsScopes):
    """The default scopes for every application, and those of its own `allowed_scopes`."""

    def get_all_scopes(self) -> Descriptions:
        return Descriptions(super().get_all_scopes())

    def get_available_scopes(
        self, application: OAuthApplication | None = None, request: Any = None, *args: Any, **kwargs: Any
    ) -> list[str]:
        own = application.allowed_scopes.split() if application else []
        return [*super().get_default_scopes(), *own]
