"""Django's configuration of the app."""

from django.apps import AppConfig


class SamlAdminConfig(AppConfig):
    name = "saml_admin"
