"""What OAuth clients hold of accounts."""

from __future__ import annotations

from oauth2_provider.models import (
    get_access_token_model,
    get_grant_model,
    get_id_token_model,
    get_refresh_token_model,
)

from enrollments.models import User


def revoke_tokens(user: User) -> None:
    """Delete all tokens and codes that speak for an account. JWTs end with their time."""
    for model in (get_refresh_token_model(), get_access_token_model(), get_id_token_model(), get_grant_model()):
        model.objects.filter(user=user).delete()
