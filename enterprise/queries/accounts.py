"""How answers of this area call an account (contract: enterprise-admins-groups-sso)."""

from __future__ import annotations

from typing import Any

from django.db.models import F, Value
from django.db.models.functions import Coalesce, NullIf


def shown_name(account: str = "", *, or_first_name: bool = False) -> Any:
    """The name in the profile, else the user name; empty names are passed over.

    Args:
        account: the path to the account, such as `enterprise_customer_user__user_fk`.
        or_first_name: whether the first name comes before the user name.
    """
    path = f"{account}__" if account else ""
    first_name = [NullIf(f"{path}first_name", Value(""))] if or_first_name else []
    return Coalesce(NullIf(f"{path}profile__name", Value("")), *first_name, F(f"{path}username"))
