"""Two customers with the same things in both, and everybody who may call the service."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from config.api import jwt
from enrollments.models import OAuthApplication, User
from enrollments.services import tokens
from enterprise.models import EnterpriseCustomer
from saml_admin.models import SAMLProviderConfig, SAMLProviderData
from saml_admin.services.providers import save_version
from tests import factories as make
from tests.conftest import API_KEY
from tests.enterprise import bulk
from tests.program_enrollments.scenes import program_of
from tests.security.authorization import CALLERS
from tests.support.agents import agent

# Whose rows a caller may see: those of one customer, or nobody's. Who is not named here works for the whole service.
TENANT_OF = {
    "anonymous": "", "expired token": "", "restricted token": "",
    "learner": "Zephyr", "admin": "Zephyr", "foreign learner": "Quasar", "foreign admin": "Quasar",
}  # fmt: skip
TENANTS = ("Zephyr", "Quasar")


@dataclass
class Tenant:
    """A customer with one of everything; its name is a word that stands nowhere else."""

    name: str
    customer: EnterpriseCustomer
    learner: User
    admin: User
    places: dict[str, str]


@dataclass
class Scene:
    """A path speaks of Zephyr; Quasar is the other customer. `places` fill the `<names>` in a path or body."""

    tenants: dict[str, Tenant]
    places: dict[str, str]

    def clients(self, *, by_session: bool = False) -> dict[str, APIClient]:
        """Who calls, by the names of CALLERS. By session, those who are people sign in; tokens stay away."""
        return {name: _client(name, self.tenants["Zephyr"], self.tenants["Quasar"], by_session) for name in CALLERS}


def build() -> Scene:
    """Makes everything that paths speak of."""
    run = make.CourseRunFactory(course__key="Acme+C1", id="course-v1:Acme+C1+T1")
    make.CourseModeFactory(course_id=str(run.pk), mode_slug="audit")
    program = program_of(run)
    make.ProgramEnrollmentFactory(program_uuid=program.uuid)
    tenants = {name: _tenant(name, run) for name in TENANTS}
    places = {
        **tenants["Zephyr"].places,
        "other_customer": str(tenants["Quasar"].customer.pk),
        "run": str(run.pk),
        "course": "Acme+C1",
        "program": str(program.uuid),
    }
    return Scene(tenants, places)


def _tenant(name: str, run: Any) -> Tenant:
    """A customer whose every row carries its name."""
    word = name.lower()
    host = f"{word}.example"
    entity_id = f"https://idp.{host}"
    customer = make.EnterpriseCustomerFactory(
        name=name,
        slug=word,
        contact_email=f"contact@{host}",
        auth_org_id=word,
        enable_generation_of_api_credentials=True,
    )
    link = make.LearnerFactory(
        enterprise_customer=customer, user__username=f"{word}-learner", user__email=f"learner@{host}"
    )
    make.RoleAssignmentFactory(user_id=link.user_id, user=None, role="enterprise_learner", enterprise_customer=customer)
    record = make.recorded_admin(customer, username=f"{word}-admin", email=f"admin@{host}")
    learner = User.objects.get(pk=link.user_id)
    query = make.CatalogQueryFactory(
        title=f"{name} query", content_filter={"content_type": "course", "key": ["Acme+C1"]}
    )
    catalog = make.CatalogFactory(enterprise_customer=customer, title=f"{name} catalog", enterprise_catalog_query=query)
    enrollment = make.EnterpriseCourseEnrollmentFactory(enterprise_customer_user=link, course_id=str(run.pk))
    make.CourseEnrollmentFactory(user=learner, course_id=str(run.pk))
    fulfillment = make.LicenseFactory(enterprise_course_enrollment=enrollment)
    group = make.GroupFactory(enterprise_customer=customer, name=f"{name} group")
    make.GroupMembershipFactory(group=group, enterprise_customer_user=link)
    provider = save_version(SAMLProviderConfig(slug=word, name=f"{name} sign-on", entity_id=entity_id, enabled=True))
    make.IdentityProviderFactory(enterprise_customer=customer, provider_id=f"saml-{word}")
    data = SAMLProviderData.objects.create(
        entity_id=entity_id, public_key="MIIC1", fetched_at=timezone.now(), sso_url=f"{entity_id}/sso"
    )
    job = bulk.stored(customer, bulk.row(run, email=f"bulk@{host}"))
    make.ConsentFactory(enterprise_customer=customer, username=learner.username, course_id=str(run.pk))
    places = {
        "customer": customer.pk,
        "customer_slug": customer.slug,
        "organization": word,
        "learner": learner.username,
        "learner_email": learner.email,
        "learner_id": learner.pk,
        "link": link.pk,
        "pending_learner": make.PendingLearnerFactory(enterprise_customer=customer, user_email=f"waiting@{host}").pk,
        "pending_admin": make.PendingAdminFactory(enterprise_customer=customer, user_email=f"invited@{host}").pk,
        "admin_record": record.pk,
        "admin_link": record.enterprise_customer_user_id,
        "query": query.pk,
        "catalog": catalog.pk,
        "enrollment": enrollment.pk,
        "fulfillment": fulfillment.uuid,
        "group": group.pk,
        "provider": provider.pk,
        "provider_data": data.pk,
        "job": job.pk,
        "report": make.ReportingConfigurationFactory(enterprise_customer=customer, email=[f"reports@{host}"]).uuid,
        "invite_key": make.InviteKeyFactory(enterprise_customer=customer).pk,
        "entitlement": make.CourseEntitlementFactory(user=learner).uuid,
        "intention": make.IntentionFactory(enterprise_customer=customer, content_key=str(run.pk)).pk,
        "sso_configuration": make.SsoConfigurationFactory(enterprise_customer=customer, display_name=f"{name} sso").pk,
    }
    make.BrandingFactory(enterprise_customer=customer)
    admin = User.objects.get(pk=record.enterprise_customer_user.user_id)
    return Tenant(name, customer, learner, admin, {place: str(value) for place, value in places.items()})


def _client(name: str, mine: Tenant, other: Tenant, by_session: bool) -> APIClient:
    """A client that calls as the named one of CALLERS."""
    people: dict[str, Callable[[], User]] = {
        "learner": lambda: mine.learner,
        "foreign learner": lambda: other.learner,
        "admin": lambda: mine.admin,
        "foreign admin": lambda: other.admin,
        "operator": make.operator,
        "provisioning admin": make.provisioning_admin,
        "support": agent,
        "staff": lambda: make.UserFactory(staff=True),
        "superuser": lambda: make.UserFactory(superuser=True),
    }
    client = APIClient(raise_request_exception=False)
    if name == "api key":
        client.credentials(HTTP_X_EDX_API_KEY=API_KEY)
    elif name in people and by_session:
        client.force_login(people[name]())
    elif name != "anonymous" and not by_session:
        client.credentials(HTTP_AUTHORIZATION=f"JWT {_token_of(name, people, mine.admin)}")
    return client


def _token_of(name: str, people: Mapping[str, Callable[[], User]], admin: User) -> str:
    """The JWT that the named caller sends; those of a bad one say that they are an admin's."""
    if name == "service account":
        return _token_of_an_application(make.operator(staff=True))
    token = _token(people[name]() if name in people else admin)
    if name == "restricted token":
        return jwt.issue({**jwt.decode(token), "is_restricted": True}, 3600)
    if name == "expired token":
        return jwt.issue({**jwt.decode(token), "iat": 1, "exp": 2}, 0)
    return token


def _token(account: User) -> str:
    return tokens.access_token_for(account, scopes=["user_id", "email", "profile"], grant_type="password")


def _token_of_an_application(owner: User) -> str:
    """What a back end gets for its client id and secret."""
    application = make.OAuthApplicationFactory(
        user=owner,
        authorization_grant_type=OAuthApplication.GRANT_CLIENT_CREDENTIALS,
    )
    form = {
        "grant_type": "client_credentials",
        "client_id": application.client_id,
        "client_secret": "secret",
        "token_type": "jwt",
    }
    answer = Client().post("/oauth2/access_token", form)
    return str(answer.json()["access_token"])
