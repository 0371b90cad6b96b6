"""Background work of this app: each task calls one service and may run twice without harm."""

from __future__ import annotations

from celery import shared_task

from saml_admin.services import metadata, sign_on


@shared_task(ignore_result=True)
def refresh_saml_metadata() -> None:
    """Fetches the metadata of identity providers that are to be kept fresh."""
    metadata.refresh()


@shared_task(ignore_result=True)
def set_up_sign_ons() -> None:
    """Sets up the sign-on of submitted configurations."""
    sign_on.set_up_submitted()
