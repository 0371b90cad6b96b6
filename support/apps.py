"""Django's configuration of the app."""

from django.apps import AppConfig


class SupportConfig(AppConfig):
    name = "support"

    def ready(self) -> None:
        from enrollments.emails import registry
        from support import receivers  # noqa: F401
        from support.emails import course_reset, ticket

        registry.register(course_reset.MESSAGE_TYPE, course_reset.render)
        registry.register(ticket.MESSAGE_TYPE, ticket.render)
