"""Django's configuration of the app."""

from django.apps import AppConfig


class SupportConfig(AppConfig):
    name = "support"

    def ready(self) -> None:
        from enrollments.emails import registry
        from support.emails import course_reset

        registry.register(course_reset.MESSAGE_TYPE, course_reset.render)
