"""Sandboxes start afresh: students and their enrollments deleted (contract: program-enrollments)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import reduce
from operator import or_
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from config.api.exceptions import Refusal
from config.db.cascade import delete_with_dependants
from config.db.history import acting_account_id
from enrollments.models import CourseEnrollment, Organization, User, UserSocialAuth
from program_enrollments.models import ProgramCourseEnrollment, ProgramEnrollment
from program_enrollments.queries.programs import programs_authored_by
from saml_admin.queries.providers import slugs_of_organization
from saml_admin.services.identities import SAML

NO_ORGANIZATION = "organization {} not found"


@transaction.atomic
def reset_organization(short_name: str) -> None:
    """Deletes the accounts that sign in through the organisation's identity providers, with all that hangs on them, and
    the enrollments in the programs that it is an author of.

    Raises:
        Refusal: 404, there is no such organisation.
    """
    rows = Organization.objects.select_for_update(no_key=True).order_by()
    organization = rows.filter(short_name=short_name).first()
    if organization is None:
        raise Refusal(NO_ORGANIZATION.format(short_name), status=404)
    accounts = _accounts_of(slugs_of_organization(organization.pk))
    actor = acting_account_id()
    if actor in accounts:
        actor = None  # no history may name an account that goes
    if accounts:
        delete_with_dependants(User, accounts, user_id=actor)
    reset_programs(programs_authored_by(organization.pk), actor)


@transaction.atomic
def reset_programs(program_ids: Collection[UUID], actor: int | None = None) -> None:
    """Deletes the enrollments in programs, and the plain enrollments in runs that were made for them.

    Args:
        actor: the account that deletes, for the history; None: nobody.
    """
    if not program_ids:
        return
    in_runs = ProgramCourseEnrollment.objects.filter(program_enrollment__program_uuid__in_set=program_ids)
    plain = set(in_runs.order_by().values_list("course_enrollment_id", flat=True)) - {None}
    if plain:
        delete_with_dependants(CourseEnrollment, plain, user_id=actor)
    enrollments = ProgramEnrollment.objects.filter(program_uuid__in_set=program_ids).order_by()
    ids = set(enrollments.values_list("pk", flat=True))
    if ids:
        delete_with_dependants(ProgramEnrollment, ids, user_id=actor)


def _accounts_of(slugs: Sequence[str]) -> set[int]:
    """The accounts with an identity of one of these providers; one statement, or none."""
    if not slugs:
        return set()
    prefixes = tuple(f"{slug}:" for slug in slugs)
    of_any = reduce(or_, (Q(uid__startswith=prefix) for prefix in prefixes))
    rows = UserSocialAuth.objects.filter(of_any, provider=SAML).order_by().values_list("user_id", "uid")
    # SQLite ignores case in `startswith`.
    return {user_id for user_id, uid in rows if uid.startswith(prefixes)}
