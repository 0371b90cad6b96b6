"""Django's configuration of the app."""

from django.apps import AppConfig


class ProgramEnrollmentsConfig(AppConfig):
    name = "program_enrollments"
