"""A student of programs as the support desk looks at one (contract: support, program_enrollments_inspector)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from django.db.models import Prefetch, QuerySet

from enrollments.models import Organization, User, UserSocialAuth
from enrollments.queries.verification import VerificationStatus, statuses
from enterprise.queries.emails import lowered, with_emails
from program_enrollments.models import ProgramCourseEnrollment, ProgramEnrollment
from program_enrollments.queries.programs import titles_of
from program_enrollments.queries.students import students
from saml_admin.queries.providers import slugs_of_organization
from support.queries.people import find_person

SAML = "tpa-saml"
# What scripts in browsers send for a parameter that they have no value of.
UNSET = frozenset({"null", "undefined"})

NO_ACCOUNT = "Could not find edx account with {}"
NO_STUDENT = "No user found for external key {} for institution {}"
NOTHING_GIVEN = (
    "To perform a search, you must provide either the student's (a) edX username, (b) email address associated with "
    "their edX account, or (c) Identity-providing institution and external key!"
)


class Search(NamedTuple):
    """Whom to look for: a user name or e-mail address, or else the key that a school knows the student by."""

    edx_user: str
    org_key: str
    external_user_key: str


@dataclass(frozen=True)
class InspectedEnrollment:
    """An enrollment in a program, with the title of the program (blank: it is not known) and the rows of its runs."""

    student: ProgramEnrollment
    program_name: str
    in_runs: Sequence[ProgramCourseEnrollment]


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Args:
        error: why nothing was; empty when something was.
        account, uids, verification: the account, uids of its SSO identities and its ID verification; None and empty
            when there is none.
        external_user_key: the key that was asked for, when it belongs to no account but to students.
    """

    error: str = ""
    account: User | None = None
    uids: Sequence[str] = ()
    verification: VerificationStatus | None = None
    external_user_key: str | None = None
    enrollments: Sequence[InspectedEnrollment] = ()


def search_of(parameters: Mapping[str, str]) -> Search:
    """The search that the parameters of an address ask for."""
    given = (parameters.get(name, "").strip() for name in Search._fields)
    return Search(*("" if text in UNSET else text for text in given))


def inspect(search: Search) -> Inspection:
    """Runs a search. A fixed number of statements."""
    if search.edx_user:
        account = find_person(search.edx_user)
        if account is None:
            return Inspection(NO_ACCOUNT.format(search.edx_user))
        return _of_account(account, students(user_id=account.pk), _slugs(search.org_key))
    if search.org_key and search.external_user_key:
        return _of_key(search)
    return Inspection(NOTHING_GIVEN)


def _of_key(search: Search) -> Inspection:
    key = search.external_user_key
    slugs = _slugs(search.org_key)
    account = _known_by(slugs, key)
    theirs = students(key=key)
    if account is not None:
        return _of_account(account, theirs, slugs)
    enrollments = _inspected(theirs)
    if enrollments:
        return Inspection(external_user_key=key, enrollments=enrollments)
    return Inspection(NO_STUDENT.format(key, search.org_key))


def _of_account(account: User, theirs: QuerySet[ProgramEnrollment], slugs: Sequence[str]) -> Inspection:
    identities = UserSocialAuth.objects.filter(user=account)
    if slugs:
        identities = identities.filter(provider=SAML)
    return Inspection(
        account=account,
        uids=list(identities.order_by("pk").values_list("uid", flat=True)),
        verification=statuses([account.pk])[account.pk],
        enrollments=_inspected(theirs),
    )


def _slugs(org_key: str) -> list[str]:
    """The slugs of an organisation's enabled providers; none when there is no such organisation."""
    organization = Organization.objects.filter(short_name=org_key).first() if org_key else None
    return slugs_of_organization(organization.pk) if organization else []


def _known_by(slugs: Sequence[str], key: str) -> User | None:
    """The account that signs in through one of these providers under a key, compared ignoring case."""
    if not slugs:
        return None
    uids = [lowered(f"{slug}:{key}") for slug in slugs]
    identities = with_emails(UserSocialAuth.objects.filter(provider=SAML), "uid", uids)
    found = identities.select_related("user").order_by("pk").first()
    return found.user if found else None


def _inspected(theirs: QuerySet[ProgramEnrollment]) -> list[InspectedEnrollment]:
    in_runs = ProgramCourseEnrollment.objects.order_by("pk").select_related("course_enrollment")
    found = list(theirs.prefetch_related(Prefetch("course_enrollments", queryset=in_runs)))
    titles = titles_of({student.program_uuid for student in found}) if found else {}
    return [
        InspectedEnrollment(student, titles.get(student.program_uuid, ""), list(student.course_enrollments.all()))
        for student in found
    ]
