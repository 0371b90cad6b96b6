"""Background work of this app: each task calls one service and may run twice without harm."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from saml_admin.services import metadata, sign_on


@shared_task(ignore_result=True)
def refresh_saml_metadata() -> None:
    """Fetches the metadata of identity providers that are to be kept fresh."""
    metadata.refresh()


@shared_task(acks_late=True, reject_on_worker_lost=True, ignore_result=True)
def set_up_sign_on(uuid: str, updating: bool) -> None:
    """Sets up the sign-on of a submitted configuration."""
    sign_on.set_up(UUID(uuid), updating)
