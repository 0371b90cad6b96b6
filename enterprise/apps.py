"""Django's configuration of the app: its receivers and seed data."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class EnterpriseConfig(AppConfig):
    name = "enterprise"
    verbose_name = "Enterprise customers"

    def ready(self) -> None:
        from django.contrib.sites.management import create_default_site

        from enrollments.emails import registry
        from enterprise import receivers  # noqa: F401
        from enterprise.emails import admin_invites, coupon_codes, enrollment, groups, missing_consents
        from enterprise.seeds import seed
        from enterprise.services import group_mails
        from enterprise.services.groups import note_group_mail

        # The service's own site is the only one that is made: Django's `example.com` would pass for a real domain.
        post_migrate.disconnect(create_default_site, sender=apps.get_app_config("sites"))
        post_migrate.connect(seed, sender=self)
        registry.register(enrollment.MESSAGE_TYPE, enrollment.render)
        registry.register(admin_invites.MESSAGE_TYPE, admin_invites.render)
        registry.register(coupon_codes.MESSAGE_TYPE, coupon_codes.render)
        for kind in (groups.INVITATION, groups.REMOVAL):
            registry.register(kind, group_mails.render, note_group_mail)
        registry.register(missing_consents.MESSAGE_TYPE, missing_consents.render)
