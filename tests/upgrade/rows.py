"""Rows as earlier releases wrote them, and a look at them with the eyes of today."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

OURS = ("enrollments", "enterprise", "program_enrollments", "saml_admin", "support")
BRIGHTWATER = UUID("00000b41-0000-4000-8000-000000000001")
CASTELLAN = UUID("00000ca5-0000-4000-8000-000000000001")
JOB = UUID("00000b0b-0000-4000-8000-000000000001")
PROGRAM = UUID("00000d1a-0000-4000-8000-000000000001")
CURRICULUM = UUID("00000d1c-0000-4000-8000-000000000001")
RUN = "course-v1:HarborX+CS101+current"
YESTERDAY = datetime.now(UTC) - timedelta(days=1)
LONG_AGO = YESTERDAY - timedelta(days=400)

# What a migration changes on purpose, as (table, column): everything else must stay as it was.
MEANT = {("enrollments.oauthapplication", "readable_client_secret")}


def of_the_first_release(apps: Any) -> None:
    """Fills the tables that the first release had.

    Args:
        apps: the models as they were then.
    """
    people(apps)
    catalogue(apps)
    enrollments(apps)
    customers(apps)


def people(apps: Any) -> None:
    model = lambda name: apps.get_model("enrollments", name)  # noqa: E731
    accounts = [
        ("ana", "Ana Ruiz", YESTERDAY, True),
        ("ben", "", LONG_AGO, False),
        ("cleo", "Cleo Nkemelu", None, False),
    ]
    for username, name, last_login, is_staff in accounts:
        account = model("User")._base_manager.create(
            username=username,
            email=f"{username}@learners.example",
            password="pbkdf2_sha256$1$a$b",
            last_login=last_login,
            is_staff=is_staff,
        )
        model("UserProfile")._base_manager.create(user=account, name=name)
    ana = model("User")._base_manager.get(username="ana")
    for number in (1, 2):
        model("OAuthApplication")._base_manager.create(
            user=ana,
            name=f"client {number}",
            client_id=f"client-{number}",
            client_secret=f"secret-{number}",
            client_type="confidential",
            authorization_grant_type="client-credentials",
        )
    model("IDVerificationAttempt")._base_manager.create(
        user=ana, name="Ana Ruiz", status="approved", expiration_datetime=YESTERDAY + timedelta(days=600)
    )
    model("VerifiedName")._base_manager.create(user=ana, verified_name="Ana María Ruiz", status="approved")
    model("UserSocialAuth")._base_manager.create(
        user=ana, provider="tpa-saml", uid="brightwater:E-1", extra_data={"a": 1}
    )
    model("OutboxMessage")._base_manager.create(
        key="bulk:1", message_type="enrollment", recipient="ana@learners.example"
    )


def catalogue(apps: Any) -> None:
    model = lambda name: apps.get_model("enrollments", name)  # noqa: E731
    school = model("Organization")._base_manager.create(short_name="HarborX", name="Harborview University")
    course = model("Course")._base_manager.create(
        key="HarborX+CS101", uuid="00000c01-0000-4000-8000-000000000001", title="Programming", organization=school
    )
    model("Program")._base_manager.create(uuid=PROGRAM, title="Master of Computing", type="masters")
    for key, told in ((RUN, True), ("course-v1:HarborX+CS101+past", False)):
        model("CourseOverview")._base_manager.create(
            id=key,
            uuid=UUID(int=len(key)),
            org="HarborX",
            display_name="Programming",
            course=course,
            start=LONG_AGO,
            bulk_email_enabled=told,
        )
        for slug, price in (("audit", 0), ("verified", 99)):
            model("CourseMode")._base_manager.create(
                course_id=key, mode_slug=slug, mode_display_name=slug.title(), min_price=price
            )


def enrollments(apps: Any) -> None:
    model = lambda name: apps.get_model("enrollments", name)  # noqa: E731
    ana, ben, cleo = (model("User")._base_manager.get(username=name) for name in ("ana", "ben", "cleo"))
    for account, mode, is_active in ((ana, "verified", True), (ben, "audit", True), (cleo, "audit", False)):
        made = model("CourseEnrollment")._base_manager.create(
            user=account, course_id=RUN, mode=mode, is_active=is_active, created=LONG_AGO
        )
        model("HistoricalCourseEnrollment")._base_manager.create(
            id=made.pk,
            user=account,
            course_id=RUN,
            mode=mode,
            created=LONG_AGO,
            history_date=LONG_AGO,
            history_type="+",
        )
    model("ManualEnrollmentAudit")._base_manager.create(
        enrollment=model("CourseEnrollment")._base_manager.get(user=ana),
        enrolled_by=ben,
        enrolled_email=ana.email,
        state_transition="from unenrolled to enrolled",
        reason="Paid elsewhere",
    )
    model("ManualEnrollmentAudit")._base_manager.create(
        enrollment=None,
        enrolled_email="nobody@learners.example",
        state_transition="from unenrolled to allowed to enroll",
    )


def customers(apps: Any) -> None:
    model = lambda name: apps.get_model("enterprise", name)  # noqa: E731
    accounts = apps.get_model("enrollments", "User")._base_manager
    site = apps.get_model("sites", "Site")._base_manager.create(domain="schools.example", name="Schools")
    kind = model("EnterpriseCustomerType")._base_manager.create(name="Enterprise")
    source = model("EnterpriseEnrollmentSource")._base_manager.create(name="Manual", slug="manual")
    for uuid, name in ((BRIGHTWATER, "Brightwater"), (CASTELLAN, "Castellan")):
        model("EnterpriseCustomer")._base_manager.create(
            uuid=uuid, name=name, slug=name.lower(), site=site, customer_type=kind
        )
    model("SystemWideEnterpriseUserRoleAssignment")._base_manager.create(
        user=accounts.get(username="ana"),
        role=model("SystemWideEnterpriseRole")._base_manager.create(name="enterprise_admin"),
        enterprise_customer_id=BRIGHTWATER,
    )
    linked = [
        (BRIGHTWATER, "ana", True),
        (BRIGHTWATER, "ben", True),
        (CASTELLAN, "ana", True),
        (CASTELLAN, "cleo", False),
    ]
    for customer, username, is_linked in linked:
        account = accounts.get(username=username)
        link = model("EnterpriseCustomerUser")._base_manager.create(
            enterprise_customer_id=customer, user_id=account.pk, user_fk_id=account.pk, linked=is_linked
        )
        enrollment = model("EnterpriseCourseEnrollment")._base_manager.create(
            enterprise_customer_user=link, course_id=RUN, source=source
        )
        model("HistoricalEnterpriseCourseEnrollment")._base_manager.create(
            id=enrollment.pk, enterprise_customer_user=link, course_id=RUN, history_date=LONG_AGO, history_type="+"
        )
    model("LicensedEnterpriseCourseEnrollment")._base_manager.create(
        enterprise_course_enrollment=model("EnterpriseCourseEnrollment")._base_manager.earliest("pk"),
        license_uuid=UUID(int=7),
    )
    waiting = model("PendingEnterpriseCustomerUser")._base_manager.create(
        enterprise_customer_id=BRIGHTWATER, user_email="new@learners.example"
    )
    model("PendingEnrollment")._base_manager.create(user=waiting, course_id=RUN, course_mode="audit", source=source)
    query = model("EnterpriseCatalogQuery")._base_manager.create(title="All", content_filter={"content_type": "course"})
    model("EnterpriseCustomerCatalog")._base_manager.create(
        enterprise_customer_id=BRIGHTWATER, title="Everything", enterprise_catalog_query=query
    )
    group = model("EnterpriseGroup")._base_manager.create(enterprise_customer_id=BRIGHTWATER, name="Leads")
    model("EnterpriseGroupMembership")._base_manager.create(
        group=group,
        enterprise_customer_user=model("EnterpriseCustomerUser")._base_manager.earliest("pk"),
        status="accepted",
    )
    model("DataSharingConsent")._base_manager.create(
        enterprise_customer_id=BRIGHTWATER, username="ana", course_id=RUN, granted=True
    )
    job = model("BulkJob")._base_manager.create(
        uuid=JOB,
        enterprise_customer_id=BRIGHTWATER,
        actor=accounts.get(username="ana"),
        state="finished",
        total=1,
        done=1,
    )
    model("BulkJobRow")._base_manager.create(
        job=job, position=0, given_email="ana@learners.example", course_run_key=RUN
    )


def of_the_other_apps(apps: Any) -> None:
    """Fills the tables of programs, single sign-on and the support desk, as they first were."""
    ana = apps.get_model("enrollments", "User")._base_manager.get(username="ana")
    student = apps.get_model("program_enrollments", "ProgramEnrollment")._base_manager.create(
        user=ana, external_user_key="A-1", program_uuid=PROGRAM, curriculum_uuid=CURRICULUM, status="enrolled"
    )
    apps.get_model("program_enrollments", "ProgramCourseEnrollment")._base_manager.create(
        program_enrollment=student,
        course_key=RUN,
        status="active",
        course_enrollment_id=apps.get_model("enrollments", "CourseEnrollment")._base_manager.get(user=ana).pk,
    )
    apps.get_model("saml_admin", "SAMLProviderData")._base_manager.create(
        entity_id="https://idp.example", sso_url="https://idp.example/sso", public_key="MII", fetched_at=LONG_AGO
    )
    apps.get_model("support", "CourseEntitlement")._base_manager.create(
        user=ana, course_uuid="00000c01-0000-4000-8000-000000000001", mode="verified", order_number="ORDER-1"
    )


def contents(apps: Any) -> dict[str, dict[str, dict[str, str]]]:
    """All rows of our apps: table, primary key, column, value as text."""
    found = {}
    present = {config.label for config in apps.get_app_configs()}
    for label in present.intersection(OURS):
        for model in apps.get_app_config(label).get_models():
            values = {str(row[model._meta.pk.attname]): row for row in model._base_manager.values()}
            if values:
                found[model._meta.label_lower] = {
                    key: {column: str(value) for column, value in row.items()} for key, row in values.items()
                }
    return found


def differences(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """What became of rows that were there before: lost ones, and other values than a migration means to give."""
    found = []
    for table, rows in before.items():
        for key, row in rows.items():
            now = after.get(table, {}).get(key)
            if now is None:
                found.append(f"{table} {key} is gone")
                continue
            found += [
                f"{table} {key}: {column} was {value}, is {now.get(column)}"
                for column, value in row.items()
                if now.get(column) != value and (table, column) not in MEANT
            ]
    return found


def seen_today() -> dict[str, Any]:
    """What the service of today answers about these rows."""
    from rest_framework.test import APIClient

    from enrollments.models import OAuthApplication, SignIn, User
    from enrollments.services import tokens

    client = APIClient(raise_request_exception=False, headers={"host": "127.0.0.1"})
    ana = User.objects.get(username="ana")
    token = tokens.access_token_for(ana, scopes=["user_id", "email", "profile"], grant_type="password")
    client.credentials(HTTP_AUTHORIZATION=f"JWT {token}")

    def get(path: str) -> Any:
        answer = client.get(path)
        return answer.json() if answer.status_code == 200 else f"{answer.status_code} {answer.content[:300]!r}"

    return {
        "enterprise_enrollments": get(
            f"/enterprise/api/v1/enterprise-course-enrollment/?enterprise_customer={BRIGHTWATER}"
        ),
        "learners": get(f"/enterprise/api/v1/enterprise-learner/?enterprise_customer={BRIGHTWATER}"),
        "enrollment": get(f"/api/enrollment/v1/enrollment/ana,{RUN}"),
        "students": get(f"/api/program_enrollments/v1/programs/{PROGRAM}/enrollments/"),
        "job": get(f"/enterprise/api/v1/enterprise-customer/{BRIGHTWATER}/bulk-jobs/{JOB}/"),
        "member_names": list(_links("member_name")),
        "customers_of_enrollments": list(
            _enrollments("enterprise_customer_id", "enterprise_customer_user_id__enterprise_customer_id")
        ),
        "secrets": list(OAuthApplication.objects.filter(user=ana).values_list("readable_client_secret", flat=True)),
        "sign_ins": list(SignIn.objects.values_list("user__username", "day")),
        "groups": sorted(_groups()),
    }


def _links(*columns: str) -> Any:
    from enterprise.models import EnterpriseCustomerUser

    return EnterpriseCustomerUser._base_manager.order_by("pk").values_list("user_fk__username", *columns)


def _enrollments(*columns: str) -> Any:
    from enterprise.models import EnterpriseCourseEnrollment

    return EnterpriseCourseEnrollment._base_manager.order_by("pk").values_list(*columns)


def _groups() -> list[str]:
    from django.contrib.auth.models import Group

    return list(Group.objects.values_list("name", flat=True))
