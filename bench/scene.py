"""The world that endpoints are measured on: 200 customers, one of them as large as in large deployments.

Customer Fleet: 10,000 learners, each with role and two enterprise enrollments; half of them are in groups of a
thousand, a third answered about sharing data (half of them refused), ten are admins, and ten more are invited to be. A
program has 5,000 students. `Scene(scale)` multiplies customers, learners, groups and students, and makes it three
enrollments a learner; groups, and pages of lists, stay as long as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

CUSTOMERS = 200
LEARNERS = 10_000
RUNS = 40  # that learners of Fleet are in
ACCOUNTS = 20_000  # beside Fleet's
ENROLLMENTS = 200  # of the learner whose list is read
HELD_RUNS = 50_000  # of the catalog that is asked what it holds
NAMES = ("Ann", "Ben", "Cid", "Dee", "Eve", "Fay", "Gil")
PROCTORED = 20  # of them with an onboarding exam
IDENTITIES, STATES = 3, 5  # of the same learner, and how often each changed
GROUP_SIZE = 1_000
STUDENTS = 5_000
ADMINS = 10
BATCH = 2_000


class Scene:
    """What is in the database, and who asks. Make it when the tables are there and Django is set up.

    Args:
        scale: how many times the usual data.
        with_content: whether the large catalog is made.
    """

    def __init__(self, scale: int = 1, *, with_content: bool = True) -> None:
        from django.db import connection

        self.scale = scale
        self._make_catalogue()
        self._make_accounts()
        self._make_fleet()
        self._make_program()
        self._make_records()
        self._make_acme()
        if with_content:
            self._make_content()
        self.customers = _many_customers(CUSTOMERS * scale, self.many)
        with connection.cursor() as cursor:
            cursor.execute("VACUUM ANALYZE")  # what the server does by itself within a minute
        self._give_tokens()

    def _make_catalogue(self) -> None:
        from enrollments.models import Course, CourseMode, CourseOverview, Organization
        from enrollments.models.courses import course_uuid

        self.organization = Organization.objects.create(short_name="Acme", name="Acme")
        self.runs = []
        for number in range(ENROLLMENTS):
            course = Course.objects.create(
                key=f"Acme+C{number}", title=f"Course {number}", organization=self.organization
            )
            key = f"course-v1:Acme+C{number}+T1"
            about = {"uuid": course_uuid(key), "course": course, "org": "Acme", "display_name": key}
            self.runs.append(CourseOverview.objects.create(id=key, **about).pk)
            CourseMode.objects.create(course_id=key, mode_slug="audit", mode_display_name="Audit")
            CourseMode.objects.create(course_id=key, mode_slug="verified", mode_display_name="Verified", min_price=49)

    def _make_accounts(self) -> None:
        from enrollments.models import CourseEnrollment, User

        def account(name: str, **fields: Any) -> User:
            return User.objects.create_user(name, f"{name}@acme.example", "!", **fields)

        self.learner, self.boss, self.skipper = account("learner"), account("boss"), account("skipper")
        self.staff, self.operator = account("staff", is_staff=True), account("operator", is_staff=True)
        self.root = account("root", is_staff=True, is_superuser=True)
        CourseEnrollment.objects.bulk_create(CourseEnrollment(user=self.learner, course_id=key) for key in self.runs)
        self.many = _accounts("learner", ACCOUNTS)
        CourseEnrollment.objects.bulk_create(
            (CourseEnrollment(user_id=pk, course_id=self.runs[n % 20]) for n, pk in enumerate(self.many[:10_000])),
            batch_size=BATCH,
        )

    def _make_fleet(self) -> None:
        from django.db.models import Value

        from config.db.sets import insert_from
        from enrollments import models as accounts
        from enterprise import models
        from enterprise.services import member_names

        learners = LEARNERS * self.scale
        self.fleet = models.EnterpriseCustomer.objects.create(
            name="Fleet", slug="fleet", enable_audit_data_reporting=True
        )
        models.EnterpriseCustomerCatalog.objects.create(
            enterprise_customer=self.fleet, content_filter={"content_type": "course"}
        )
        self.crew = _accounts("crew", learners)
        first = self.crew[0]
        crew = accounts.User.objects.filter(username__startswith="crew").order_by("pk")
        insert_from(
            accounts.UserProfile,
            crew,
            {**_plain(accounts.UserProfile), "user_id": _pk(), "name": _nth(NAMES, _pk() - first)},
        )
        insert_from(
            models.EnterpriseCustomerUser,
            crew,
            {
                **_plain(models.EnterpriseCustomerUser),
                "enterprise_customer_id": self.fleet.pk,
                "user_id": _pk(),
                "user_fk_id": _pk(),
            },
        )
        member_names.refresh(self.crew)
        role = models.SystemWideEnterpriseRole.objects.get(name="enterprise_learner")
        holders: Any = models.SystemWideEnterpriseUserRoleAssignment
        insert_from(
            holders,
            crew,
            {**_plain(holders), "user_id": _pk(), "role_id": role.pk, "enterprise_customer_id": self.fleet.pk},
        )
        links = models.EnterpriseCustomerUser.objects.filter(enterprise_customer=self.fleet).order_by("pk")
        self.group = self._make_groups(links[: learners // 2])
        self._appoint_admins(links[:ADMINS])
        self.budget = models.EnterpriseGroup.objects.create(
            enterprise_customer=self.fleet, name="Budget", group_type="budget"
        )
        consents: Any = models.DataSharingConsent
        consents.objects.bulk_create(
            (
                consents(
                    enterprise_customer=self.fleet,
                    username=f"crew{n}",
                    course_id=self.runs[n // 3 % RUNS],
                    granted=n % 2 == 0,
                )
                for n in range(0, learners, 3)
            ),
            batch_size=BATCH,
        )
        for number in range(2 if self.scale == 1 else 3):
            run = _nth(self.runs[:RUNS], _pk() - first + number)
            plain: Any = accounts.CourseEnrollment
            insert_from(plain, crew, {**_plain(plain), "user_id": _pk(), "course_id": run})
            ours: Any = models.EnterpriseCourseEnrollment
            insert_from(
                ours,
                links,
                {
                    **_plain(ours),
                    "enterprise_customer_id": Value(self.fleet.pk),
                    "enterprise_customer_user_id": _pk(),
                    "course_id": _nth(self.runs[:RUNS], _pk("user_id") - first + number),
                },
            )

    def _make_groups(self, links: Any) -> Any:
        """Groups of a thousand; the last one is handed back, which is the latest changed."""
        from enterprise import models

        members: Any = models.EnterpriseGroupMembership
        group: Any = None
        ids = list(links.values_list("pk", flat=True))
        for number in range(len(ids) // GROUP_SIZE):
            group = models.EnterpriseGroup.objects.create(enterprise_customer=self.fleet, name=f"Crew {number}")
            members.objects.bulk_create(
                members(group=group, enterprise_customer_user_id=link, status="accepted", activated_at=group.created)
                for link in ids[number :: len(ids) // GROUP_SIZE]
            )
        return group

    def _appoint_admins(self, links: Any) -> None:
        from enterprise import models

        for number, link in enumerate(links):
            models.EnterpriseCustomerAdmin.objects.create(enterprise_customer_user=link)
            self._give_role(link.user_fk, "enterprise_admin", enterprise_customer=self.fleet)
            models.PendingEnterpriseCustomerAdminUser.objects.create(
                enterprise_customer=self.fleet, user_email=f"mate{number}@fleet.example"
            )

    def _make_program(self) -> None:
        """A program whose students are all in one of its runs; the learner is one of them."""
        from django.db.models import F, Value
        from django.db.models.functions import Concat

        from config.db.sets import insert_from
        from enrollments import models
        from program_enrollments.models import ProgramCourseEnrollment, ProgramEnrollment
        from support.models import CourseEntitlement, CourseResetCourseOptIn

        self.program = models.Program.objects.create(title="Analytics", type="Masters")
        models.ProgramOrganization.objects.create(program=self.program, organization=self.organization)
        curriculum = models.Curriculum.objects.create(program=self.program)
        self.studied = self.runs[100]
        curriculum.course_runs.add(*models.CourseOverview.objects.filter(pk__in=self.runs[100:104]))
        students = models.User.objects.filter(pk__in_set=[self.learner.pk, *self.crew[: STUDENTS * self.scale]])
        insert_from(
            models.CourseEnrollment,
            students.exclude(pk=self.learner.pk).order_by("pk"),
            {**_plain(models.CourseEnrollment), "user_id": _pk(), "course_id": self.studied, "mode": "masters"},
        )
        insert_from(
            ProgramEnrollment,
            students.order_by("pk"),
            {
                **_plain(ProgramEnrollment),
                "user_id": _pk(),
                "external_user_key": Concat(Value("S-"), F("username")),
                "program_uuid": Value(self.program.pk),
                "curriculum_uuid": Value(curriculum.pk),
                "status": "enrolled",
            },
        )
        enrolled = models.CourseEnrollment.objects.filter(
            course_id=self.studied, user__program_enrollments__program_uuid=self.program.pk
        )
        insert_from(
            ProgramCourseEnrollment,
            enrolled.order_by("pk"),
            {
                **_plain(ProgramCourseEnrollment),
                "program_enrollment_id": F("user__program_enrollments"),
                "course_enrollment_id": F("pk"),
                "course_key": self.studied,
                "status": "active",
            },
        )
        CourseResetCourseOptIn.objects.create(course_id=self.studied, active=True)
        courses = list(models.Course.objects.filter(organization=self.organization).values_list("uuid", flat=True)[:50])
        owners = [self.learner.pk, *self.many[: 200 * self.scale]]
        CourseEntitlement.objects.bulk_create(
            (CourseEntitlement(user_id=pk, course_uuid=uuid, mode="verified") for pk in owners for uuid in courses),
            batch_size=BATCH,
        )

    def _make_records(self) -> None:
        """What is shown of the learner: runs of the program, resets, onboarding, identities."""
        from datetime import timedelta

        from django.utils import timezone

        from config.hooks import quiet
        from enrollments import models
        from support.models import CourseResetAudit, CourseResetCourseOptIn, OnboardingStatus

        now, of_program, proctored = timezone.now(), self.runs[100:104], self.runs[:PROCTORED]
        own = models.CourseEnrollment.objects.filter(user=self.learner)
        own.filter(course_id__in=of_program).update(mode="masters")
        own.filter(course_id__in=proctored).update(mode="verified")
        models.CourseOverview.objects.filter(pk__in=of_program).update(start=now - timedelta(days=30))
        for run in of_program:
            models.BlockDueDate.objects.bulk_create(
                models.BlockDueDate(course_id=run, name=f"Week {week}", block=f"w{week}", date=now + timedelta(week))
                for week in range(5)
            )
            models.BlockCompletion.objects.create(user=self.learner, course_id=run, block_key="w1")
            models.GeneratedCertificate.objects.create(user=self.learner, course_id=run, status="downloadable")
            opt_in, _ = CourseResetCourseOptIn.objects.get_or_create(course_id=run, defaults={"active": True})
            CourseResetAudit.objects.create(
                course=opt_in, course_enrollment=own.get(course_id=run), reset_by=self.staff, status="failed"
            )
        OnboardingStatus.objects.bulk_create(
            OnboardingStatus(user=self.learner, course_id=run, onboarding_status="verified") for run in proctored
        )
        for number in range(IDENTITIES):
            uid = f"idp-{number}:learner"
            identity = models.UserSocialAuth(user=self.learner, provider="tpa-saml", uid=uid, extra_data={"n": number})
            with quiet():  # there is no such provider
                for _ in range(STATES):
                    identity.save()

    def _make_acme(self) -> None:
        """The customer whose catalogs are read and whose learners are enrolled in bulk; the roles of who asks."""
        from enterprise import models
        from enterprise.content import index
        from enterprise.services.catalogs import save_catalog

        self.customer = models.EnterpriseCustomer.objects.create(name="Acme", slug="acme")
        for number in range(30):
            self.catalog = models.EnterpriseCustomerCatalog(
                enterprise_customer=self.customer, title=f"Catalog {number}", content_filter={"content_type": "course"}
            )
            save_catalog(self.catalog)
        for account, customer in ((self.boss, self.customer), (self.skipper, self.fleet)):
            models.EnterpriseCustomerUser.objects.create(enterprise_customer=customer, user_id=account.pk)
            self._give_role(account, "enterprise_admin", enterprise_customer=customer)
        self._give_role(self.operator, "enterprise_openedx_operator", applies_to_all_contexts=True)
        index.refresh_all()  # as the periodic task does

    def _give_role(self, account: Any, name: str, **context: Any) -> None:
        from enterprise import models

        role = models.SystemWideEnterpriseRole.objects.get(name=name)
        models.SystemWideEnterpriseUserRoleAssignment.objects.create(user=account, role=role, **context)

    def _make_content(self) -> None:
        """A catalog of many runs and their courses, put into the index itself; the other catalogs do not see them."""
        from config.db.sets import analyze
        from enterprise.content import index
        from enterprise.models import ContentItem, EnterpriseCustomer, EnterpriseCustomerCatalog

        self.holder = EnterpriseCustomer.objects.create(name="Holder", slug="holder")
        content_filter = {"org": "Bulk"}
        self.large = EnterpriseCustomerCatalog.objects.create(
            enterprise_customer=self.holder, content_filter=content_filter
        )
        items = []
        for number in range(HELD_RUNS):
            course, run = f"Bulk+C{number}", f"course-v1:Bulk+C{number}+T1"
            for content_type, key in (("course", course), ("courserun", run)):
                about = {"content_type": content_type, "key": key, "aggregation_key": f"{content_type}:{course}"}
                document = {**about, "title": key, "org": "Bulk", "partner": "edx", "has_enrollable_seats": True}
                if content_type == "course":
                    document["course_runs"] = []
                items.append(ContentItem(**about, title=key, course_key=course, document=document))
        ContentItem.objects.bulk_create(items, batch_size=BATCH)
        index.insert_values(items)
        index.ensure([content_filter])
        index.refresh_all()
        analyze(ContentItem)

    def _give_tokens(self) -> None:
        from django.conf import settings
        from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
        from django.contrib.sessions.backends.db import SessionStore

        from enrollments.models import User
        from enrollments.services.tokens import access_token_for

        crew = User.objects.get(pk=self.crew[0])
        self.tokens = {
            account.username: access_token_for(account, scopes=["user_id", "email", "profile"], grant_type="password")
            for account in (self.learner, self.staff, self.boss, self.operator, self.skipper, crew)
        }
        session = SessionStore()
        session[SESSION_KEY] = str(self.root.pk)
        session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
        session[HASH_SESSION_KEY] = self.root.get_session_auth_hash()
        session.create()
        self.session = str(session.session_key)


def _accounts(prefix: str, number: int) -> list[int]:
    """The ids of new accounts, without gaps."""
    from enrollments.models import User

    made = User.objects.bulk_create(
        (User(username=f"{prefix}{n}", email=f"{prefix}{n}@fleet.example", password="!") for n in range(number)),
        batch_size=BATCH,
    )
    return [account.pk for account in made]


def _plain(model: Any) -> dict[str, Any]:
    """The columns of a model that have a default in Python, with it."""
    from django.db.models import NOT_PROVIDED
    from django.utils import timezone

    values: dict[str, Any] = {}
    for field in model._meta.concrete_fields:
        if field.primary_key:
            continue
        if (
            getattr(field, "auto_now", False)
            or getattr(field, "auto_now_add", False)
            or field.name in ("created", "modified")
        ):
            values[field.attname] = timezone.now()
        elif field.default is not NOT_PROVIDED or field.null:
            values[field.attname] = field.get_default()
    return values


def _pk(name: str = "pk") -> Any:
    from django.db.models import F

    return F(name)


def _nth(texts: Sequence[str], number: Any) -> Any:
    """One of these texts, which have no blank, by an expression that counts round and round."""
    from django.db.models import Func, IntegerField, TextField, Value
    from django.db.models.functions import Cast

    place = Cast(number % len(texts) + 1, IntegerField())
    return Func(Value(" ".join(texts)), Value(" "), place, function="split_part", output_field=TextField())


def _many_customers(number: int, accounts: list[int]) -> list[Any]:
    """Customers with branding, two identity providers, three catalogs and four linked admins each; their uuids."""
    from enterprise import models

    customers = models.EnterpriseCustomer.objects.bulk_create(
        models.EnterpriseCustomer(name=f"Customer {n}", slug=f"customer-{n}") for n in range(number)
    )
    models.EnterpriseCustomerBrandingConfiguration.objects.bulk_create(
        models.EnterpriseCustomerBrandingConfiguration(
            enterprise_customer=each, logo=f"enterprise/branding/{each.pk}/logo_1.png", primary_color="#123456"
        )
        for each in customers
    )
    models.EnterpriseCustomerIdentityProvider.objects.bulk_create(
        models.EnterpriseCustomerIdentityProvider(enterprise_customer=each, provider_id=f"saml-{each.slug}-{n}")
        for each in customers
        for n in range(2)
    )
    models.EnterpriseCustomerCatalog.objects.bulk_create(
        models.EnterpriseCustomerCatalog(enterprise_customer=each, title=f"Catalog {n}")
        for each in customers
        for n in range(3)
    )
    admins = [(each, accounts[4 * n + m]) for n, each in enumerate(customers) for m in range(4)]
    role = models.SystemWideEnterpriseRole.objects.get(name="enterprise_admin")
    models.SystemWideEnterpriseUserRoleAssignment.objects.bulk_create(
        models.SystemWideEnterpriseUserRoleAssignment(user_id=account, role=role, enterprise_customer=each)
        for each, account in admins
    )
    models.EnterpriseCustomerUser.objects.bulk_create(
        models.EnterpriseCustomerUser(enterprise_customer=each, user_id=account, user_fk_id=account)
        for each, account in admins
    )
    return [each.pk for each in customers]
