"""Which customers a caller sees, and what answers say about a customer.

Contract: enterprise-customers 1.4 and 4.1, enterprise-learners "Row access".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db.models import (
    BigIntegerField,
    BooleanField,
    DateField,
    Exists,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextField,
    UUIDField,
    Value,
    Window,
)
from django.db.models.functions import Cast, Replace, RowNumber
from rest_framework.exceptions import NotFound

from config.db.reads import Given, KeptCount, KeptInstances, KeptList, KeptPage, KeyedStatement, Row, UuidText, WireTime
from enrollments.models import User
from enterprise.models import (
    AdminNotification,
    AdminNotificationRead,
    EnterpriseCustomer,
    EnterpriseCustomerCatalog,
    EnterpriseCustomerIdentityProvider,
    EnterpriseCustomerSsoConfiguration,
    EnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.models.notifications import today
from enterprise.models.roles import ENTERPRISE_ADMIN_ROLE
from enterprise.queries.roles import PROVISIONS_CUSTOMERS, access

NO_SUCH_CUSTOMER = "No EnterpriseCustomer matches the given query."


def sees_all_customers(request: Any) -> bool:
    """Whether the caller sees customers without being linked to them: staff, and who sets up customers."""
    return bool(request.user.is_staff) or access(request).has(PROVISIONS_CUSTOMERS)


def visible_customers(request: Any) -> QuerySet[EnterpriseCustomer]:
    """Active customers: all for staff and holders of the provisioning permission, else the caller's own."""
    customers = EnterpriseCustomer.objects.all()
    if sees_all_customers(request):
        return customers
    links = EnterpriseCustomerUser.objects.filter(user_id=request.user.pk, enterprise_customer=OuterRef("pk"))
    return customers.filter(Exists(links.order_by()))


def all_visible_customers(request: Any, order: str) -> KeptList:
    """The rows of facts of `visible_customers`, for a paginator that reads them with kept statements.

    Args:
        order: `created` or `name`.
    """
    page, number = _in_order[sees_all_customers(request), order]
    return KeptList(page, number, user_id=request.user.pk, today=today())


def visible_customer(request: Any, uuid: object) -> EnterpriseCustomer:
    """The visible customer that a path names.

    Raises:
        NotFound: `Not found.` for a text that is no uuid, `No EnterpriseCustomer matches the given query.` for a
            customer that does not exist, is not active, or is not visible to the caller.
    """
    key = _key_of(uuid)
    return _only(_visible_one[sees_all_customers(request)](uuid=key, user_id=request.user.pk))


def one_of(customers: QuerySet[EnterpriseCustomer], uuid: object) -> EnterpriseCustomer:
    """The customer with this uuid among the given ones.

    Raises:
        NotFound: as `visible_customer`.
    """
    return _only(customers.filter(pk=_key_of(uuid))[:1])


def _key_of(uuid: object) -> UUID:
    key = parsed_uuid(uuid)
    if key is None:
        raise NotFound
    return key


def _only(customers: Iterable[EnterpriseCustomer]) -> EnterpriseCustomer:
    for customer in customers:
        return customer
    raise NotFound(NO_SUCH_CUSTOMER)


def generates_api_credentials(uuid: object) -> bool:
    """Whether admins of the customer with this uuid may have API credentials."""
    key = parsed_uuid(uuid)
    if key is None:
        return False
    return EnterpriseCustomer.all_objects.filter(pk=key, enable_generation_of_api_credentials=True).order_by().exists()


def named(customers: QuerySet[EnterpriseCustomer], prefix: str = "", part: str = "") -> QuerySet[Any, Any]:
    """Uuid (as text) and name of customers, by name.

    Args:
        prefix: how the name begins, ignoring case.
        part: what is somewhere in the name or in the uuid, with or without its hyphens, ignoring case.
    """
    if prefix:
        customers = customers.filter(name__istartswith=prefix)
    if part:
        spelled = UuidText("uuid")
        digits = Replace(spelled, Value("-"), Value(""), output_field=TextField())
        customers = customers.alias(spelled=spelled, digits=digits).filter(
            Q(name__icontains=part) | Q(spelled__contains=part.lower()) | Q(digits__contains=part.lower())
        )
    return customers.order_by("name", "uuid").values_list(UuidText("uuid"), "name")


def parsed_uuid(text: object) -> UUID | None:
    """The uuid that a text spells; None when it spells none."""
    try:
        return text if isinstance(text, UUID) else UUID(str(text))
    except ValueError:
        return None


# --- What answers say about a customer ------------------------------------------------------------------------------

# The columns that a customer object shows as they are; moments as texts.
SHOWN_COLUMNS = (
    "uuid", "name", "slug", "active", "auth_org_id", "enable_data_sharing_consent", "enforce_data_sharing_consent",
    "disable_expiry_messaging_for_learner_credit", "enable_audit_enrollment", "replace_sensitive_sso_username",
    "enable_portal_code_management_screen", "enable_audit_data_reporting", "enable_learner_portal",
    "enable_learner_portal_offers", "enable_portal_learner_credit_management_screen",
    "enable_executive_education_2U_fulfillment", "enable_portal_reporting_config_screen",
    "enable_portal_saml_configuration_screen", "contact_email", "enable_portal_subscription_management_screen",
    "hide_course_original_price", "enable_analytics_screen", "enable_people_management",
    "enable_integrated_customer_learner_portal_search", "enable_generation_of_api_credentials",
    "enable_portal_lms_configurations_screen", "sender_alias", "reply_to", "hide_labor_market_data", "modified",
    "enable_universal_link", "enable_browse_and_request", "enable_learner_portal_sidebar_message",
    "learner_portal_sidebar_content", "enable_pathways", "enable_credit_and_industry_pathways", "enable_programs",
    "enable_demo_data_for_analytics_and_lpr", "enable_academies", "enable_one_academy",
    "show_videos_in_learner_portal_search_results", "default_language", "country", "enable_slug_login",
    "enable_learner_credit_message_box",
)  # fmt: skip
LIVE_NOTIFICATION = "live_notification"
OTHER_COLUMNS = (
    "created", "enable_autocohorting", "default_contract_discount", "site__domain", "site__name", "customer_type__name",
    "branding_configuration__logo", "branding_configuration__primary_color", "branding_configuration__secondary_color",
    "branding_configuration__tertiary_color", LIVE_NOTIFICATION,
)  # fmt: skip
_places = {name: place for place, name in enumerate(SHOWN_COLUMNS + OTHER_COLUMNS)}


@dataclass(frozen=True, slots=True)
class CustomerFacts:
    """All that answers say about one customer.

    Args:
        row: the values of SHOWN_COLUMNS and OTHER_COLUMNS.
        identity_providers: provider id, whether it is the default one, whether it syncs profiles; the oldest first.
        catalogs: uuids as texts, the oldest first.
        admin_users: address and id of each account with the role `enterprise_admin` for the customer.
        notification: id, title and text of the one that the reader has to see.
    """

    row: Row
    identity_providers: list[Row]
    catalogs: list[str]
    admin_users: list[Row]
    notification: Row | None = None

    def __getitem__(self, column: str) -> Any:
        return self.row[_places[column]]

    @property
    def uuid(self) -> UUID:
        uuid: UUID = self.row[0]
        return uuid

    def shown(self) -> dict[str, Any]:
        """A new dict of the SHOWN_COLUMNS."""
        return dict(zip(SHOWN_COLUMNS, self.row, strict=False))

    @property
    def identity_provider(self) -> str | None:
        """The provider id of the oldest identity provider."""
        return self.identity_providers[0][0] if self.identity_providers else None

    @property
    def sync_learner_profile_data(self) -> bool:
        """Whether there are identity providers and all of them sync profiles."""
        return bool(self.identity_providers) and all(syncs for _, _, syncs in self.identity_providers)

    def has(self, attribute: str) -> bool:
        """Whether the customer has a true value for what a filter names; unknown names are false."""
        if attribute in _places:
            return bool(self[attribute])
        derived = _derived.get(attribute)
        return derived is not None and bool(derived(self))


_derived: dict[str, Callable[[CustomerFacts], Any]] = {
    "identity_provider": lambda facts: facts.identity_provider,
    "identity_providers": lambda facts: facts.identity_providers,
    "sync_learner_profile_data": lambda facts: facts.sync_learner_profile_data,
    "enterprise_customer_catalogs": lambda facts: facts.catalogs,
    "admin_users": lambda facts: facts.admin_users,
    "site": lambda facts: True,
    "customer_type": lambda facts: True,
    "branding_configuration": lambda facts: True,
}


FILTER_ATTRIBUTES = frozenset(_places.keys() - {LIVE_NOTIFICATION} | _derived.keys())  # what `has` knows


def customer_facts(uuids: Collection[UUID], reader: User | None) -> dict[UUID, CustomerFacts]:
    """What answers say about customers, active or not; those that do not exist are left out.

    Two statements, two more while a notification is live; none for no customers.

    Args:
        reader: whom the answer is for: notifications are for who is linked to the customer. None: nobody's notices.
    """
    return facts_of(_customer_rows(uuids, today=today()), reader)


def facts_of(rows: Iterable[Row], reader: User | None) -> dict[UUID, CustomerFacts]:
    """The same for rows that are read already, in their order; a statement less.

    Args:
        rows: of `all_visible_customers` or `fact_rows`.
    """
    found = {row[0]: CustomerFacts(row, [], [], []) for row in rows}
    for kind, uuid, number, text, is_default, syncs in _part_rows(found):
        facts = found[uuid]
        if kind == PROVIDER:
            facts.identity_providers.append((text, is_default, syncs))
        elif kind == CATALOG:
            facts.catalogs.append(text)
        else:
            facts.admin_users.append((text, number))
    if found and reader is not None and reader.pk is not None:
        _notify(found, reader)
    return found


def visible_customer_facts(request: Any, uuid: object) -> CustomerFacts:
    """What answers say about the visible customer that a path names; `visible_customer` and `customer_facts` in one.

    Raises:
        NotFound: as `visible_customer`.
    """
    key = parsed_uuid(uuid)
    if key is None:
        raise NotFound
    if sees_all_customers(request) or _links_of_reader([key], user_id=request.user.pk):
        facts = customer_facts([key], request.user).get(key)
        if facts is not None and facts["active"]:
            return facts
    raise NotFound(NO_SUCH_CUSTOMER)


def active_sso_configurations(uuids: Collection[UUID]) -> dict[UUID, list[Row]]:
    """Created and modified (as answers write them) and display name of active sign-on configurations, by customer."""
    grouped: defaultdict[UUID, list[Row]] = defaultdict(list)
    for uuid, *about in _sso_configuration_rows(uuids):
        grouped[uuid].append(tuple(about))
    return grouped


def _notify(facts: dict[UUID, CustomerFacts], reader: User) -> None:
    """Gives customers the notification that is live, where the reader is linked and has not read it."""
    live = next(iter(facts.values()))[LIVE_NOTIFICATION]
    about = _notification_rows([live]) if live is not None else []
    if not about:
        return
    notification, filters = about[0][:3], [row[3] for row in about if row[3] is not None]
    for (uuid,) in _links_without_read(facts, user_id=reader.pk, notification_id=live):
        if all(map(facts[uuid].has, filters)):
            facts[uuid] = replace(facts[uuid], notification=notification)


def fact_rows(customers: QuerySet[EnterpriseCustomer], day: Any = None) -> QuerySet[EnterpriseCustomer, Any]:
    """The rows that facts are made of; each says which notification counts that day.

    Args:
        day: a date, by default today's; in kept statements what stands for it.
    """
    day = day or today()
    live = AdminNotification.objects.filter(is_active=True, start_date__lte=day, expiration_date__gte=day)
    first = Subquery(live.order_by("start_date", "pk").values("pk")[:1])
    moments = {"created", "modified"}
    columns = [WireTime(name) if name in moments else name for name in SHOWN_COLUMNS + OTHER_COLUMNS[:-1]]
    return customers.values_list(*columns, first)


PROVIDER, CATALOG, ADMIN = 1, 2, 3


def _parts(uuids: list[UUID]) -> QuerySet[Any, Any]:
    """Identity providers, catalogs and admin users in one statement: three would cost twice as much."""
    of_customers = {"enterprise_customer__uuid__in_set": uuids}
    no_flag, by_age = Value(None, BooleanField(null=True)), Window(RowNumber(), order_by=["created", "pk"])
    columns = ("kind", "enterprise_customer_id", "number", "text", "first_flag", "second_flag")
    providers = EnterpriseCustomerIdentityProvider.objects.filter(**of_customers).annotate(
        kind=Value(PROVIDER),
        number=by_age,
        text=Cast("provider_id", TextField()),
        first_flag=F("default_provider"),
        second_flag=F("sync_learner_profile_data"),
    )
    catalogs = EnterpriseCustomerCatalog.objects.filter(**of_customers).annotate(
        kind=Value(CATALOG), number=by_age, text=UuidText("pk"), first_flag=no_flag, second_flag=no_flag
    )
    holds_role = SystemWideEnterpriseUserRoleAssignment.objects.filter(role__name=ENTERPRISE_ADMIN_ROLE, **of_customers)
    # Looked up row by row: a join reads all accounts where most assignments are of another role.
    address = Subquery(User.objects.filter(pk=OuterRef("user_id")).values(address=Cast("email", TextField())))
    admin_users = holds_role.annotate(
        kind=Value(ADMIN),
        number=F("user_id"),
        text=address,
        first_flag=no_flag,
        second_flag=no_flag,
    )
    parts = [rows.order_by().values_list(*columns) for rows in (providers, catalogs, admin_users)]
    return parts[0].union(*parts[1:], all=True).order_by("kind", "number")


def _waiting_links(uuids: list[UUID]) -> QuerySet[EnterpriseCustomerUser, Any]:
    """The links of a reader who has not read a notification yet."""
    reads = AdminNotificationRead.objects.filter(
        enterprise_customer_user=OuterRef("pk"),
        admin_notification_id=Given("notification_id", BigIntegerField()),
        is_read=True,
    )
    links = EnterpriseCustomerUser.objects.filter(
        enterprise_customer__uuid__in_set=uuids, user_id=Given("user_id", BigIntegerField())
    )
    return links.exclude(Exists(reads)).order_by().values_list("enterprise_customer_id")


def _visible(sees_all: bool) -> QuerySet[EnterpriseCustomer]:
    links = EnterpriseCustomerUser.objects.filter(
        user_id=Given("user_id", BigIntegerField()), enterprise_customer=OuterRef("pk")
    )
    return EnterpriseCustomer.objects.all() if sees_all else EnterpriseCustomer.objects.filter(Exists(links))


def _kept(sees_all: bool, order: str) -> tuple[KeptPage, KeptCount]:
    def build() -> QuerySet[EnterpriseCustomer, Any]:
        return _visible(sees_all).order_by(order, "pk").values_list("pk")

    def around(page: QuerySet[Any, Any]) -> QuerySet[Any, Any]:
        customers = EnterpriseCustomer.all_objects.filter(pk__in=page).order_by(order, "pk")
        return fact_rows(customers, Given("today", DateField()))

    return KeptPage(build, around), KeptCount(build)


def _kept_one(sees_all: bool) -> KeptInstances:
    return KeptInstances(lambda: _visible(sees_all).filter(pk=Given("uuid", UUIDField())).order_by())


_visible_one = {sees_all: _kept_one(sees_all) for sees_all in (True, False)}
_in_order = {(all_, order): _kept(all_, order) for all_ in (True, False) for order in ("created", "name")}
_links_of_reader = KeyedStatement(
    lambda uuids: (
        EnterpriseCustomerUser.objects.filter(
            enterprise_customer__uuid__in_set=uuids, user_id=Given("user_id", BigIntegerField())
        )
        .order_by()
        .values_list("enterprise_customer_id")
    )
)
_customer_rows = KeyedStatement(
    lambda uuids: fact_rows(
        EnterpriseCustomer.all_objects.filter(pk__in_set=uuids).order_by(), Given("today", DateField())
    )
)
_part_rows = KeyedStatement(_parts)
_links_without_read = KeyedStatement(_waiting_links)
_notification_rows = KeyedStatement(
    lambda ids: (
        AdminNotification.objects.filter(pk__in_set=ids)
        .order_by()
        .values_list("pk", "title", "text", "filters__filter")
    )
)
_sso_configuration_rows = KeyedStatement(
    lambda uuids: (
        EnterpriseCustomerSsoConfiguration.objects.filter(enterprise_customer__uuid__in_set=uuids, active=True)
        .order_by("created", "pk")
        .values_list("enterprise_customer_id", WireTime("created"), WireTime("modified"), "display_name")
    )
)
