"""Who may do what for which customer (contract: roles-and-permissions 2 to 4, 6)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import F, FilteredRelation, Q, Subquery

from config.api.authentication import request_claims
from enterprise.models import (
    EnterpriseCustomerUser,
    EnterpriseFeatureUserRoleAssignment,
    SystemWideEnterpriseRole,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.models.roles import ENTERPRISE_ADMIN_ROLE, ENTERPRISE_OPERATOR_ROLE

ALL_CONTEXTS = "*"
Context = str | UUID | None | Collection[str | UUID]


@dataclass(frozen=True, slots=True)
class Rule:
    """When a permission is granted: any one of the predicates suffices.

    Args:
        feature_role: the feature role that a system-wide role of the JWT must bring (the implicit predicate).
        in_database: whether that feature role counts when it is assigned in the database (the explicit predicate).
        system_roles: system-wide roles of the JWT that suffice by themselves (the raw predicate).
        as_text: the context is turned into a text before it is compared, so that none becomes the text `None`.
    """

    feature_role: str
    in_database: bool = False
    system_roles: frozenset[str] = frozenset()
    as_text: bool = False


CAN_ACCESS_ADMIN_DASHBOARD = "enterprise.can_access_admin_dashboard"
CAN_VIEW_CATALOG = "enterprise.can_view_catalog"
CAN_ENROLL_LEARNERS = "enterprise.can_enroll_learners"
CAN_MANAGE_REPORTING_CONFIG = "enterprise.can_manage_reporting_config"
CAN_MANAGE_FULFILLMENTS = "enterprise.can_manage_enterprise_fulfillments"
CAN_MANAGE_ORCHESTRATION = "enterprise.can_manage_enterprise_orchestration_configs"
PROVISIONS_CUSTOMERS = "provisioning.has_enterprise_customer_admin_access"
PROVISIONS_PENDING_ADMINS = "provisioning.has_pending_enterprise_customer_admin_access"
CAN_MANAGE_ADMINS = "enterprise.can_manage_enterprise_customer_admins"
CAN_VIEW_DEFAULT_INTENTIONS = "enterprise.can_view_default_enterprise_enrollment_intentions"

RULES: dict[str, Rule] = {
    CAN_ACCESS_ADMIN_DASHBOARD: Rule("dashboard_admin", in_database=True),
    CAN_VIEW_CATALOG: Rule("catalog_admin", in_database=True),
    CAN_ENROLL_LEARNERS: Rule("enrollment_api_admin", in_database=True),
    CAN_MANAGE_REPORTING_CONFIG: Rule("reporting_config_admin", in_database=True),
    CAN_MANAGE_FULFILLMENTS: Rule("fulfillment_operator"),
    CAN_MANAGE_ORCHESTRATION: Rule("sso_orchestrator_operator"),
    PROVISIONS_CUSTOMERS: Rule("provisioning_enterprise_customer_admin"),
    PROVISIONS_PENDING_ADMINS: Rule("provisioning_pending_enterprise_customer_users_admin"),
    CAN_MANAGE_ADMINS: Rule(
        "provisioning_enterprise_customer_admin",
        system_roles=frozenset({ENTERPRISE_ADMIN_ROLE, ENTERPRISE_OPERATOR_ROLE}),
    ),
    CAN_VIEW_DEFAULT_INTENTIONS: Rule("default_enterprise_enrollment_intentions_learner", as_text=True),
}


class Access:
    """What the caller of one request may do; get it from `access(request)`.

    The JWT is read once, the database at most once and only when the JWT does not suffice.
    """

    def __init__(self, user: Any, claims: dict[str, Any] | None) -> None:
        self._user = user
        self._entries = _role_entries(claims)
        self._in_database: dict[str, set[str]] | None = None

    @property
    def is_superuser(self) -> bool:
        """Whether every permission is held without further questions."""
        return bool(self._user.is_superuser and self._user.is_active)

    def has(self, permission: str, context: Context = None) -> bool:
        """Whether the caller holds a permission for a context.

        Args:
            permission: a key of RULES.
            context: the customer's uuid as it came (compared as text), several of them (all must be held), or nothing:
                then anybody who holds the permission anywhere passes.
        Raises:
            KeyError: there is no such permission.
        """
        rule = RULES[permission]
        if self.is_superuser:
            return True
        wanted = _wanted(str(context) if rule.as_text else context)
        return (
            _covers(self._implicit(rule), wanted)
            or self._has_system_role(rule, wanted)
            or (rule.in_database and _covers(self._explicit(rule), wanted))
        )

    def has_role(self, permission: str, context: Context) -> bool:
        """Whether roles give the permission for a context: what `has` says, without the superuser's exemption.

        Raises:
            KeyError: there is no such permission.
        """
        rule, wanted = RULES[permission], _wanted(context)
        return _covers(self._implicit(rule), wanted) or (rule.in_database and _covers(self._explicit(rule), wanted))

    def contexts(self, permission: str) -> set[str]:
        """The customers' uuids for which the caller holds a permission; `{"*"}` means all customers.

        Raises:
            KeyError: there is no such permission.
        """
        rule = RULES[permission]
        if self.is_superuser:
            return {ALL_CONTEXTS}
        held = self._implicit(rule) | {context for role, context in self._entries if role in rule.system_roles}
        if rule.in_database and ALL_CONTEXTS not in held:
            held |= self._explicit(rule)
        return {ALL_CONTEXTS} if ALL_CONTEXTS in held else held - {""}

    def _implicit(self, rule: Rule) -> set[str]:
        mapping = settings.SYSTEM_TO_FEATURE_ROLE_MAPPING
        return {context for role, context in self._entries if rule.feature_role in mapping.get(role, ())}

    def _has_system_role(self, rule: Rule, wanted: frozenset[str]) -> bool:
        held = {context for role, context in self._entries if role in rule.system_roles}
        return ALL_CONTEXTS in held or (len(wanted) == 1 and wanted <= held)

    def _explicit(self, rule: Rule) -> set[str]:
        if self._in_database is None:
            self._in_database = _feature_role_contexts(self._user)
        return self._in_database.get(rule.feature_role, set())


def access(request: Any) -> Access:
    """What the caller of a request may do; kept on the request.

    Args:
        request: of Django REST framework or of Django.
    """
    http = getattr(request, "_request", request)
    known: Access | None = http.__dict__.get("enterprise_access")
    if known is None or known._user is not request.user:
        known = http.__dict__["enterprise_access"] = Access(request.user, request_claims(request))
    return known


def jwt_roles(user: Any) -> list[str]:
    """The `roles` claim of a user's tokens: `role:context`, once per context. At most two statements.

    Roles in alphabetical order; within one, the customers the user acts for come first, and all go by uuid. `*` stands
    for all customers. A role held for no context at all is given by its bare name.
    Contract: roles-and-permissions 6, Building the `roles` claim.
    """
    assignments = SystemWideEnterpriseUserRoleAssignment.objects.filter(user_id=user.pk)
    contexts: dict[str, set[str]] = defaultdict(set)
    for role, customer_id, everywhere in assignments.values_list(
        "role__name", "enterprise_customer_id", "applies_to_all_contexts"
    ):
        if everywhere or role == ENTERPRISE_OPERATOR_ROLE:
            contexts[role].add(ALL_CONTEXTS)
        else:
            contexts[role].update({str(customer_id)} if customer_id else ())
    if not contexts:
        return []
    links = EnterpriseCustomerUser.objects.filter(user_id=user.pk, active=True).order_by()
    acting_for = {str(customer_id) for customer_id in links.values_list("enterprise_customer_id", flat=True)}
    return [
        entry
        for role in sorted(contexts)
        for entry in (
            [f"{role}:{context}" for context in sorted(contexts[role], key=lambda each: (each not in acting_for, each))]
            or [role]
        )
    ]


def role_key(name: str) -> Subquery:
    """The key of a system-wide role, for look-ups of assignments by customer, role and account: an index has all three.

    A join by the role's name has the database read all assignments of a customer for each account.
    """
    return Subquery(SystemWideEnterpriseRole.objects.filter(name=name).values("pk")[:1])


def _role_entries(claims: dict[str, Any] | None) -> list[tuple[str, str]]:
    """The role and context of every entry of the `roles` claim; no context is the empty text."""
    entries = (claims or {}).get("roles")
    if not isinstance(entries, list):
        return []
    split = (entry.partition(":") for entry in entries if isinstance(entry, str))
    return [(role, context) for role, _, context in split]


def _wanted(context: Context) -> frozenset[str]:
    """The texts that must be held; empty when no context was given."""
    if not context:
        return frozenset()
    if isinstance(context, str | UUID):
        return frozenset({str(context)})
    return frozenset(map(str, context))


def _covers(held: Iterable[str], wanted: frozenset[str]) -> bool:
    contexts = set(held)
    return bool(contexts) and (ALL_CONTEXTS in contexts or wanted <= contexts)


def _feature_role_contexts(user: Any) -> dict[str, set[str]]:
    """The contexts of each feature role in the database: the customers the user is linked to, or the empty text.

    One statement. `applies_to_all_contexts` is not looked at.
    """
    if not user.is_authenticated:
        return {}
    linked = FilteredRelation("user__enterprise_links", condition=Q(user__enterprise_links__linked=True))
    assignments = EnterpriseFeatureUserRoleAssignment.objects.filter(user_id=user.pk).annotate(link=linked)
    contexts: dict[str, set[str]] = defaultdict(set)
    for role, customer_id in assignments.values_list("role__name", F("link__enterprise_customer_id")):
        contexts[role].add(str(customer_id) if customer_id else "")
    return contexts
