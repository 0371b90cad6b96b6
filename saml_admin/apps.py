"""Django's configuration of the app: its receivers and mails."""

from django.apps import AppConfig


class SamlAdminConfig(AppConfig):
    name = "saml_admin"
    verbose_name = "Sign-on"

    def ready(self) -> None:
        from enrollments.emails import registry
        from saml_admin import receivers  # noqa: F401
        from saml_admin.emails import sso_configured

        registry.register(sso_configured.MESSAGE_TYPE, sso_configured.render)
