"""Wiring of the service; importing it makes the Celery application known to every `shared_task`."""

from config.celery import app as celery_app

__all__ = ["celery_app"]
