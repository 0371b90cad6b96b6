"""Django's configuration of the app: the staff groups that it ships."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class SupportConfig(AppConfig):
    name = "support"

    def ready(self) -> None:
        from enrollments.emails import registry
        from support import receivers  # noqa: F401
        from support.emails import course_reset, proctoring_requirements, ticket
        from support.staff_groups import give_after_migration

        registry.register(course_reset.MESSAGE_TYPE, course_reset.render)
        registry.register(proctoring_requirements.MESSAGE_TYPE, proctoring_requirements.render)
        registry.register(ticket.MESSAGE_TYPE, ticket.render)
        post_migrate.connect(give_after_migration, sender=self)
