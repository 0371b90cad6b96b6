"""Reactions to what happens elsewhere; connected when the app is ready."""

from __future__ import annotations

from typing import Any

from django.dispatch import receiver

from enrollments.models import UserSocialAuth
from enrollments.signals import sso_login_succeeded
from saml_admin.services import sign_ins


@receiver(sso_login_succeeded, dispatch_uid="saml_admin.sso_login_succeeded")
def stamp_first_sign_in(sender: Any, identity: UserSocialAuth, **kwargs: Any) -> None:
    """The first sign-in that works shows that provider and configuration are right."""
    sign_ins.note(identity)
