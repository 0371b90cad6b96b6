"""A student signs in for the first time: what waits for their key in the school's programs becomes theirs.

Contract: program-enrollments, When an identity is saved.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from uuid import UUID

from django.db import transaction

from config.api.exceptions import Refusal
from enrollments.models import User, UserSocialAuth
from enrollments.services.enroll import lock_accounts
from enterprise.queries.emails import lowered
from program_enrollments.models import ProgramEnrollment
from program_enrollments.queries.programs import owners_of
from program_enrollments.queries.students import with_keys
from program_enrollments.services.linking import Link, described, link_students
from saml_admin.queries.providers import organizations_of_slugs
from saml_admin.services.identities import SAML

logger = logging.getLogger(__name__)


class LinkingFailed(Refusal):
    """Students could not be linked, so the identity that they are to be linked by is not saved either."""


class _Claim(NamedTuple):
    """A key by which an organisation knows an account."""

    organization_id: int
    key: str


def matriculate(identities: Sequence[UserSocialAuth]) -> None:
    """Links the students who wait under the keys of identities, in programs that the providers' organisations own.

    An identity counts when its uid is `slug:key`, and the provider with that slug has an organisation; whether the
    provider is enabled does not matter. A fixed number of statements.

    Raises:
        LinkingFailed: nothing was linked; whatever saved the identities fails with it.
    """
    claimed = _waiting_for(_claims(identities))
    if not claimed:
        return
    try:
        with transaction.atomic():
            _link(claimed)
    except Exception as problem:
        logger.exception("students were not linked with accounts %s", sorted(set(claimed.values())))
        raise LinkingFailed(described(problem), status=409) from problem


def _claims(identities: Iterable[UserSocialAuth]) -> dict[_Claim, int]:
    """The accounts that claim what waits, by claim."""
    named: list[tuple[str, str, int]] = []
    for identity in identities:
        slug, colon, key = identity.uid.partition(":")
        if identity.provider == SAML and colon and slug and key and ":" not in key:
            named.append((slug, lowered(key), identity.user_id))
    if not named:
        return {}
    organizations = organizations_of_slugs({slug for slug, _, _ in named})
    claims: dict[_Claim, int] = {}
    for slug, key, user_id in named:
        if slug not in organizations:
            logger.warning("An identity of account %s names a provider that is not there: %s", user_id, slug)
        elif (organization := organizations[slug]) is not None:
            claims.setdefault(_Claim(organization, key), user_id)
    return claims


def _waiting_for(claims: Mapping[_Claim, int]) -> dict[int, int]:
    """The accounts that waiting students belong to, by the id of the `ProgramEnrollment`."""
    if not claims:
        return {}
    waiting = with_keys(ProgramEnrollment.objects.filter(user=None), {claim.key for claim in claims})
    rows = waiting.order_by("pk").values_list("pk", "program_uuid", "external_user_key")
    found = [(pk, program, lowered(key or "")) for pk, program, key in rows]
    owners = owners_of({program for _, program, _ in found}) if found else {}
    return dict(_claimed(found, owners, claims))


def _link(claimed: Mapping[int, int]) -> None:
    lock_accounts(set(claimed.values()))
    accounts = User.objects.in_bulk(set(claimed.values()))
    students = ProgramEnrollment.objects.filter(pk__in_set=claimed, user=None).order_by("pk")
    locked = students.select_for_update(no_key=True)
    link_students([Link(student, accounts[claimed[student.pk]]) for student in locked])


def _claimed(
    found: Iterable[tuple[int, UUID, str]], owners: Mapping[UUID, int | None], claims: Mapping[_Claim, int]
) -> Iterable[tuple[int, int]]:
    for pk, program, key in found:
        if program not in owners:
            logger.warning("Program enrollment %s is in a program that is not known: %s", pk, program)
        elif (owner := owners[program]) is not None and (user_id := claims.get(_Claim(owner, key))) is not None:
            yield pk, user_id
