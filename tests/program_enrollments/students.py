"""Students of programs and how they sign in, for tests of linking."""

from __future__ import annotations

from typing import Any

from enrollments.models import User, UserSocialAuth
from program_enrollments.models import ProgramEnrollment
from saml_admin.models import SAMLProviderConfig
from tests.factories import OrganizationFactory, ProgramCourseEnrollmentFactory, ProgramEnrollmentFactory

SAML = "tpa-saml"


def provider(slug: str, organization: str | None = "Acme", **fields: Any) -> SAMLProviderConfig:
    """A version of an identity provider, enabled unless told otherwise."""
    school = OrganizationFactory(short_name=organization) if organization else None
    made: SAMLProviderConfig = SAMLProviderConfig.objects.create(
        slug=slug, organization=school, **{"enabled": True, **fields}
    )
    return made


def identity(account: User, uid: str, kind: str = SAML) -> UserSocialAuth:
    """The account is connected with an identity provider, as by its first sign-in there."""
    return UserSocialAuth.objects.create(user=account, provider=kind, uid=uid)


def student(program: Any, key: str | None, *runs: Any, run_status: str = "active", **fields: Any) -> ProgramEnrollment:
    """A student of a program, waiting unless `user` is given, who is in these runs without plain enrollments."""
    made: ProgramEnrollment = ProgramEnrollmentFactory(program_uuid=program.pk, external_user_key=key, **fields)
    for run in runs:
        ProgramCourseEnrollmentFactory(program_enrollment=made, course_key=run.pk, status=run_status)
    return made


def plain(account: User) -> dict[str, tuple[str, bool]]:
    """Mode and activity of an account's plain enrollments, by run."""
    rows = account.enrollments.values_list("course_id", "mode", "is_active")
    return {run: (mode, is_active) for run, mode, is_active in rows}
