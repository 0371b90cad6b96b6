"""Django's configuration of the app: its receivers."""

from django.apps import AppConfig


class ProgramEnrollmentsConfig(AppConfig):
    name = "program_enrollments"
    verbose_name = "Programs"

    def ready(self) -> None:
        from program_enrollments import receivers  # noqa: F401
