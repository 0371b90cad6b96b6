"""Django's configuration of the app."""

from django.apps import AppConfig


class SupportConfig(AppConfig):
    name = "support"
