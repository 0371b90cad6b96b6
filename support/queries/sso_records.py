"""SSO identities with their history, and who signs people in (contract: support, sso_records, get_saml_providers)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import BigIntegerField, Min, OuterRef, Subquery

from config.db.reads import Given, GivenSet, KeptInstances
from enrollments.models import User, UserSocialAuth
from saml_admin.models import SAMLProviderConfig


@dataclass(frozen=True, slots=True)
class SsoRecord:
    """An identity and all its states, the newest first; the present one is among them."""

    identity: UserSocialAuth
    history: Sequence[Any] = field(default_factory=list)


def sso_records_of(person: User) -> list[SsoRecord]:
    """The identities of a person in the order in which they came, in two statements."""
    records = {row.pk: SsoRecord(row, []) for row in _identities(user_id=person.pk)}
    for state in _states(ids=records) if records else ():
        records[state.id].history.append(state)  # type: ignore[attr-defined]  # a list, as made above
    return list(records.values())


_identities = KeptInstances(
    lambda: UserSocialAuth.objects.filter(user_id=Given("user_id", BigIntegerField())).order_by("pk")
)
_states = KeptInstances(
    lambda: UserSocialAuth.history.filter(id__in_set=GivenSet("ids")).order_by("-history_date", "-history_id")
)


def organizations_with_saml() -> list[str]:
    """The short names of organisations with an enabled provider: one for each provider, the first made first."""
    versions = SAMLProviderConfig.objects.filter(slug=OuterRef("slug")).order_by().values("slug")
    first = Subquery(versions.annotate(first=Min("pk")).values("first"))
    current = SAMLProviderConfig.objects.current().filter(enabled=True, archived=False, organization__isnull=False)
    return list(current.order_by(first).values_list("organization__short_name", flat=True))
