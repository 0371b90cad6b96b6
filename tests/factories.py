"""Factories of every model that tests set a scene with. Nothing here sends mail or runs a task by itself."""

from __future__ import annotations

import uuid
from datetime import timedelta

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from enrollments import models as enrollments
from enterprise import models as enterprise
from enterprise.models import roles
from program_enrollments import models as program_enrollments
from support import models as support

PASSWORD = "Correct-Horse-7"


class UserFactory(DjangoModelFactory):
    """An active account with a profile; its password is PASSWORD."""

    class Meta:
        model = enrollments.User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"learner{n}")
    email = factory.LazyAttribute(lambda user: f"{user.username}@learners.example")
    password = factory.django.Password(PASSWORD)
    is_active = True
    profile = factory.RelatedFactory("tests.factories.UserProfileFactory", factory_related_name="user")

    class Params:
        staff = factory.Trait(is_staff=True)
        superuser = factory.Trait(is_superuser=True)


class UserProfileFactory(DjangoModelFactory):
    class Meta:
        model = enrollments.UserProfile

    user = factory.SubFactory(UserFactory, profile=None)
    name = factory.LazyAttribute(lambda profile: profile.user.username.title())


class SignInFactory(DjangoModelFactory):
    class Meta:
        model = enrollments.SignIn

    user = factory.SubFactory(UserFactory)
    day = factory.LazyFunction(lambda: timezone.now().date())


class OrganizationFactory(DjangoModelFactory):
    class Meta:
        model = enrollments.Organization
        django_get_or_create = ("short_name",)

    short_name = "Acme"
    name = factory.LazyAttribute(lambda organization: f"{organization.short_name} Academy")


class CourseFactory(DjangoModelFactory):
    class Meta:
        model = enrollments.Course
        django_get_or_create = ("key",)

    key = factory.Sequence(lambda n: f"Acme+C{n}")
    title = factory.LazyAttribute(lambda course: f"Course {course.key}")
    organization = factory.SubFactory(
        OrganizationFactory, short_name=factory.LazyAttribute(lambda o: o.factory_parent.key.split("+")[0])
    )


class CourseRunFactory(DjangoModelFactory):
    """A run open for enrollment, without mode rows: so it offers the built-in audit mode."""

    class Meta:
        model = enrollments.CourseOverview
        skip_postgeneration_save = True

    course = factory.SubFactory(CourseFactory)
    id = factory.Sequence(lambda n: f"course-v1:Acme+C{n}+T1")
    org = factory.LazyAttribute(lambda run: run.id.removeprefix("course-v1:").split("+")[0])
    display_name = factory.LazyAttribute(lambda run: f"Run {run.id}")
    start = factory.LazyFunction(lambda: timezone.now() - timedelta(days=30))

    class Params:
        closed = factory.Trait(enrollment_end=factory.LazyFunction(lambda: timezone.now() - timedelta(days=1)))

    @factory.post_generation
    def modes(self, create: bool, slugs: list[str] | None, **kwargs: object) -> None:
        """`CourseRunFactory(modes=["audit", "verified"])` makes the mode rows too."""
        for slug in slugs or []:
            CourseModeFactory(course_id=self.id, mode_slug=slug)


class CourseModeFactory(DjangoModelFactory):
    class Meta:
        model = enrollments.CourseMode

    course_id = "course-v1:Acme+C1+T1"
    mode_slug = "verified"
    mode_display_name = factory.LazyAttribute(lambda mode: mode.mode_slug.title())
    min_price = factory.LazyAttribute(lambda mode: 0 if mode.mode_slug in ("audit", "honor", "credit") else 50)

    class Params:
        expired = factory.Trait(expiration_datetime=factory.LazyFunction(lambda: timezone.now() - timedelta(days=1)))


class ProgramFactory(DjangoModelFactory):
    class Meta:
        model = enrollments.Program

    title = factory.Sequence(lambda n: f"Program {n}")
    type = "Professional Certificate"


class CurriculumFactory(DjangoModelFactory):
    """A curriculum; `CurriculumFactory(course_runs=[...], courses=[...], programs=[...])` fills it."""

    class Meta:
        model = enrollments.Curriculum
        skip_postgeneration_save = True

    program = factory.SubFactory(ProgramFactory)
    name = factory.Sequence(lambda n: f"Curriculum {n}")

    @factory.post_generation
    def course_runs(self, create: bool, rows: list[object] | None, **kwargs: object) -> None:
        self.course_runs.set(rows or [])

    @factory.post_generation
    def courses(self, create: bool, rows: list[object] | None, **kwargs: object) -> None:
        self.courses.set(rows or [])

    @factory.post_generation
    def programs(self, create: bool, rows: list[object] | None, **kwargs: object) -> None:
        self.programs.set(rows or [])


class CourseEnrollmentFactory(DjangoModelFactory):
    class Meta:
        model = enrollments.CourseEnrollment

    user = factory.SubFactory(UserFactory)
    course_id = "course-v1:Acme+C1+T1"
    mode = "audit"


class CourseEnrollmentAllowedFactory(DjangoModelFactory):
    class Meta:
        model = enrollments.CourseEnrollmentAllowed

    email = factory.Sequence(lambda n: f"allowed{n}@learners.example")
    course_id = "course-v1:Acme+C1+T1"


class CourseAccessRoleFactory(DjangoModelFactory):
    class Meta:
        model = enrollments.CourseAccessRole

    user = factory.SubFactory(UserFactory)
    org = "Acme"
    course_id = "course-v1:Acme+C1+T1"
    role = "staff"


class OAuthApplicationFactory(DjangoModelFactory):
    """A confidential client of the password grant; its secret is `secret`."""

    class Meta:
        model = enrollments.OAuthApplication

    name = factory.Sequence(lambda n: f"Application {n}")
    client_id = factory.Sequence(lambda n: f"client-{n}")
    client_secret = "secret"
    user = factory.SubFactory(UserFactory)
    client_type = enrollments.OAuthApplication.CLIENT_CONFIDENTIAL
    authorization_grant_type = enrollments.OAuthApplication.GRANT_PASSWORD


class EnterpriseCustomerFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.EnterpriseCustomer

    uuid = factory.LazyFunction(uuid.uuid4)
    name = factory.Sequence(lambda n: f"Customer {n}")
    slug = factory.Sequence(lambda n: f"customer-{n}")


class BrandingFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.EnterpriseCustomerBrandingConfiguration

    enterprise_customer = factory.SubFactory(EnterpriseCustomerFactory)


class InviteKeyFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.EnterpriseCustomerInviteKey

    enterprise_customer = factory.SubFactory(EnterpriseCustomerFactory)

    class Params:
        expired = factory.Trait(expiration_date=factory.LazyFunction(lambda: timezone.now() - timedelta(days=1)))


class IdentityProviderFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.EnterpriseCustomerIdentityProvider

    enterprise_customer = factory.SubFactory(EnterpriseCustomerFactory)
    provider_id = factory.Sequence(lambda n: f"saml-provider-{n}")


class SsoConfigurationFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.EnterpriseCustomerSsoConfiguration

    enterprise_customer = factory.SubFactory(EnterpriseCustomerFactory)
    identity_provider = "okta"


class NotificationFactory(DjangoModelFactory):
    """A notification that is live; `NotificationFactory(filters=["enable_programs"])`."""

    class Meta:
        model = enterprise.AdminNotification
        skip_postgeneration_save = True

    title = factory.Sequence(lambda n: f"Notification {n}")
    text = factory.Sequence(lambda n: f"Text of notification {n}")
    start_date = factory.LazyFunction(lambda: timezone.now().date() - timedelta(days=2))
    expiration_date = factory.LazyFunction(lambda: timezone.now().date() + timedelta(days=2))

    @factory.post_generation
    def filters(self, create: bool, names: list[str] | None, **kwargs: object) -> None:
        for name in names or []:
            named, _ = enterprise.AdminNotificationFilter.objects.get_or_create(filter=name)
            self.filters.add(named)


class CatalogQueryFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.EnterpriseCatalogQuery

    title = factory.Sequence(lambda n: f"Query {n}")
    content_filter = factory.LazyFunction(lambda: {"content_type": "course"})


class CatalogFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.EnterpriseCustomerCatalog

    enterprise_customer = factory.SubFactory(EnterpriseCustomerFactory)
    title = factory.Sequence(lambda n: f"Catalog {n}")
    content_filter = factory.LazyFunction(lambda: {"content_type": "course"})


class ReportingConfigurationFactory(DjangoModelFactory):
    """A monthly report by e-mail; `ReportingConfigurationFactory(catalogs=[...])` links catalogs."""

    class Meta:
        model = enterprise.EnterpriseCustomerReportingConfiguration
        skip_postgeneration_save = True

    enterprise_customer = factory.SubFactory(EnterpriseCustomerFactory)
    active = True
    email = factory.LazyFunction(lambda: ["ops@acme.test"])
    day_of_month = 1
    hour_of_day = 7

    @factory.post_generation
    def catalogs(self, create: bool, rows: list[object] | None, **kwargs: object) -> None:
        self.enterprise_customer_catalogs.set(rows or [])


class LearnerFactory(DjangoModelFactory):
    """A learner link as it is stored; `LearnerFactory(user=account)`."""

    class Meta:
        model = enterprise.EnterpriseCustomerUser
        exclude = ("user",)

    enterprise_customer = factory.SubFactory(EnterpriseCustomerFactory)
    user = factory.SubFactory(UserFactory)
    user_id = factory.LazyAttribute(lambda link: link.user.pk)

    @classmethod
    def _create(cls, model_class: type, *args: object, **kwargs: object) -> enterprise.EnterpriseCustomerUser:
        link = model_class(*args, **kwargs)
        link.save()
        return link


class TourFlowFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.OnboardingFlow

    title = factory.Sequence(lambda n: f"Tour {n}")


class AdminRecordFactory(DjangoModelFactory):
    """The admin record of a learner link; the role is another thing."""

    class Meta:
        model = enterprise.EnterpriseCustomerAdmin

    enterprise_customer_user = factory.SubFactory(LearnerFactory)


class PendingLearnerFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.PendingEnterpriseCustomerUser

    enterprise_customer = factory.SubFactory(EnterpriseCustomerFactory)
    user_email = factory.Sequence(lambda n: f"waiting{n}@learners.example")


class PendingEnrollmentFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.PendingEnrollment

    user = factory.SubFactory(PendingLearnerFactory)
    course_id = "course-v1:Acme+C1+T1"
    course_mode = "audit"


class PendingAdminFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.PendingEnterpriseCustomerAdminUser

    enterprise_customer = factory.SubFactory(EnterpriseCustomerFactory)
    user_email = factory.Sequence(lambda n: f"invited{n}@learners.example")


class EnterpriseCourseEnrollmentFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.EnterpriseCourseEnrollment

    enterprise_customer_user = factory.SubFactory(LearnerFactory)
    course_id = "course-v1:Acme+C1+T1"


class LicenseFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.LicensedEnterpriseCourseEnrollment

    enterprise_course_enrollment = factory.SubFactory(EnterpriseCourseEnrollmentFactory)
    license_uuid = factory.LazyFunction(uuid.uuid4)


class LearnerCreditFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.LearnerCreditEnterpriseCourseEnrollment

    enterprise_course_enrollment = factory.SubFactory(EnterpriseCourseEnrollmentFactory)
    transaction_id = factory.LazyFunction(uuid.uuid4)


class EntitlementFactory(DjangoModelFactory):
    """A learner's right to a course without a run; a fulfillment may stand for it in place of an enrollment."""

    class Meta:
        model = enterprise.EnterpriseCourseEntitlement

    enterprise_customer_user = factory.SubFactory(LearnerFactory)
    course_uuid = factory.LazyFunction(lambda: str(uuid.uuid4()))


class IntentionFactory(DjangoModelFactory):
    """A default enrollment intention as it is stored, whatever its content key leads to."""

    class Meta:
        model = enterprise.DefaultEnterpriseEnrollmentIntention

    enterprise_customer = factory.SubFactory(EnterpriseCustomerFactory)
    content_key = factory.Sequence(lambda n: f"course-v1:Acme+C{n}+T1")


class ConsentFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.DataSharingConsent

    enterprise_customer = factory.SubFactory(EnterpriseCustomerFactory)
    username = factory.Sequence(lambda n: f"learner{n}")
    course_id = "course-v1:Acme+C1+T1"
    granted = True


class GeneratedCertificateFactory(DjangoModelFactory):
    """A passing certificate."""

    class Meta:
        model = enrollments.GeneratedCertificate

    user = factory.SubFactory(UserFactory)
    course_id = "course-v1:Acme+C1+T1"
    status = "downloadable"


class CourseGradeFactory(DjangoModelFactory):
    """A passing grade."""

    class Meta:
        model = enrollments.CourseGrade

    user = factory.SubFactory(UserFactory)
    course_id = "course-v1:Acme+C1+T1"
    percent = 0.75
    letter_grade = "C"
    passed = True


class VerificationFactory(DjangoModelFactory):
    """An approved ID verification that never expires."""

    class Meta:
        model = enrollments.IDVerificationAttempt

    user = factory.SubFactory(UserFactory)
    kind = "photo"
    status = "approved"
    status_changed = factory.SelfAttribute("created_at")
    created_at = factory.LazyFunction(timezone.now)

    class Params:
        expired = factory.Trait(expiration_datetime=factory.LazyFunction(lambda: timezone.now() - timedelta(days=1)))


class VerifiedNameFactory(DjangoModelFactory):
    class Meta:
        model = enrollments.VerifiedName

    user = factory.SubFactory(UserFactory)
    verified_name = factory.Sequence(lambda n: f"Verified Name {n}")
    status = "approved"


class DueDateFactory(DjangoModelFactory):
    """A due date of everybody; `DueDateFactory(user=account)` is the account's own."""

    class Meta:
        model = enrollments.BlockDueDate

    course_id = "course-v1:Acme+C1+T1"
    name = factory.Sequence(lambda n: f"Homework {n}")
    block = factory.Sequence(lambda n: f"block-v1:Acme+C1+T1+type@sequential+block@hw{n}")
    date = factory.LazyFunction(lambda: timezone.now() + timedelta(days=3))


class GroupFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.EnterpriseGroup

    enterprise_customer = factory.SubFactory(EnterpriseCustomerFactory)
    name = factory.Sequence(lambda n: f"Group {n}")


class GroupMembershipFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.EnterpriseGroupMembership

    group = factory.SubFactory(GroupFactory)


class RoleAssignmentFactory(DjangoModelFactory):
    """`RoleAssignmentFactory(user=u, role="enterprise_admin", enterprise_customer=c)`; no customer means all."""

    class Meta:
        model = enterprise.SystemWideEnterpriseUserRoleAssignment

    user = factory.SubFactory(UserFactory)
    role = "enterprise_admin"
    enterprise_customer = None
    applies_to_all_contexts = factory.LazyAttribute(lambda assignment: assignment.enterprise_customer is None)

    @classmethod
    def _create(cls, model_class: type, *args: object, **kwargs: object) -> object:
        kwargs["role"] = enterprise.SystemWideEnterpriseRole.objects.get(name=kwargs["role"])
        return super()._create(model_class, *args, **kwargs)


class FeatureRoleAssignmentFactory(DjangoModelFactory):
    class Meta:
        model = enterprise.EnterpriseFeatureUserRoleAssignment

    user = factory.SubFactory(UserFactory)
    role = "dashboard_admin"

    @classmethod
    def _create(cls, model_class: type, *args: object, **kwargs: object) -> object:
        kwargs["role"], _ = enterprise.EnterpriseFeatureRole.objects.get_or_create(name=kwargs["role"])
        return super()._create(model_class, *args, **kwargs)


class ProgramEnrollmentFactory(DjangoModelFactory):
    """A student of a program; waits unless `user` is given."""

    class Meta:
        model = program_enrollments.ProgramEnrollment

    external_user_key = factory.Sequence(lambda n: f"S-{n}")
    program_uuid = factory.LazyFunction(uuid.uuid4)
    curriculum_uuid = factory.LazyFunction(uuid.uuid4)
    status = "enrolled"


class ProgramCourseEnrollmentFactory(DjangoModelFactory):
    """A student of a program in one of its runs."""

    class Meta:
        model = program_enrollments.ProgramCourseEnrollment

    program_enrollment = factory.SubFactory(ProgramEnrollmentFactory)
    course_key = "course-v1:Acme+C1+T1"
    status = "active"


class ContentGatingFactory(DjangoModelFactory):
    """A setting for everything unless it names a site, organisation, course or run."""

    class Meta:
        model = support.ContentTypeGatingConfig


class DurationLimitFactory(DjangoModelFactory):
    """The same of how long access lasts."""

    class Meta:
        model = support.CourseDurationLimitConfig


class OnboardingFactory(DjangoModelFactory):
    class Meta:
        model = support.OnboardingStatus

    user = factory.SubFactory(UserFactory)
    course_id = "course-v1:Acme+C1+T1"
    onboarding_status = "submitted"


class IdentityFactory(DjangoModelFactory):
    class Meta:
        model = enrollments.UserSocialAuth

    user = factory.SubFactory(UserFactory)
    provider = "tpa-saml"
    uid = factory.Sequence(lambda n: f"acme:{n}")


class PasswordToggleFactory(DjangoModelFactory):
    """An agent disabled an account; its password is as it is."""

    class Meta:
        model = support.PasswordToggleHistory

    user = factory.SubFactory(UserFactory)
    created_by = factory.SubFactory(UserFactory)


def customer_admin(customer: enterprise.EnterpriseCustomer, **fields: object) -> enrollments.User:
    """An account that is linked to the customer and holds `enterprise_admin` for it."""
    user = UserFactory(**fields)
    LearnerFactory(enterprise_customer=customer, user=user)
    RoleAssignmentFactory(user=user, role=roles.ENTERPRISE_ADMIN_ROLE, enterprise_customer=customer)
    return user


def recorded_admin(customer: enterprise.EnterpriseCustomer, **fields: object) -> enterprise.EnterpriseCustomerAdmin:
    """The admin record of a new `customer_admin`."""
    link = customer_admin(customer, **fields).enterprise_links.get()
    return AdminRecordFactory(enterprise_customer_user=link)


def provisioning_admin(**fields: object) -> enrollments.User:
    """An account that holds `enterprise_provisioning_admin` for all customers."""
    user = UserFactory(**fields)
    RoleAssignmentFactory(user=user, role=roles.ENTERPRISE_PROVISIONING_ADMIN_ROLE)
    return user


def operator(**fields: object) -> enrollments.User:
    """An account that holds `enterprise_openedx_operator` for all customers."""
    user = UserFactory(**fields)
    RoleAssignmentFactory(user=user, role=roles.ENTERPRISE_OPERATOR_ROLE)
    return user


class CourseEntitlementFactory(DjangoModelFactory):
    """A learner's right to some run of a course, unused."""

    class Meta:
        model = support.CourseEntitlement

    user = factory.SubFactory(UserFactory)
    course_uuid = factory.LazyFunction(uuid.uuid4)
    mode = "verified"


class EntitlementPolicyFactory(DjangoModelFactory):
    class Meta:
        model = support.CourseEntitlementPolicy


class EntitlementDetailFactory(DjangoModelFactory):
    class Meta:
        model = support.CourseEntitlementSupportDetail

    entitlement = factory.SubFactory(CourseEntitlementFactory)
    support_user = factory.SubFactory(UserFactory)
    action = "create"


class CourseResetOptInFactory(DjangoModelFactory):
    """A run whose learners may be reset."""

    class Meta:
        model = support.CourseResetCourseOptIn

    course_id = factory.Sequence(lambda n: f"course-v1:Acme+C{n}+T1")
    active = True


class CourseResetAuditFactory(DjangoModelFactory):
    """A reset that waits; `CourseResetAuditFactory(course=opt_in, course_enrollment=enrollment)`."""

    class Meta:
        model = support.CourseResetAudit

    course = factory.SubFactory(CourseResetOptInFactory)
    reset_by = factory.SubFactory(UserFactory)


class ContactTicketFactory(DjangoModelFactory):
    """A ticket of the contact form; its mail is not asked for."""

    class Meta:
        model = support.ContactTicket

    requester = factory.SubFactory(UserFactory)
    requester_name = factory.LazyAttribute(lambda ticket: ticket.requester.full_name() or "")
    requester_email = factory.LazyAttribute(lambda ticket: ticket.requester.email)
    subject = "Certificates"
    body = "Mine is late."
