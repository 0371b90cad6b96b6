"""Django's configuration of the app: its receivers and seed data."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class EnrollmentsConfig(AppConfig):
    name = "enrollments"
    verbose_name = "Accounts, courses and enrollments"

    def ready(self) -> None:
        from config.db import sqlite  # noqa: F401
        from enrollments import receivers  # noqa: F401
        from enrollments.emails import activated, password_reset, registry, verification_expiry
        from enrollments.seeds import seed

        post_migrate.connect(seed, sender=self)
        registry.register(activated.MESSAGE_TYPE, activated.render)
        registry.register(password_reset.MESSAGE_TYPE, password_reset.render)
        registry.register(verification_expiry.MESSAGE_TYPE, verification_expiry.render)
