"""Who holds which role, who is admin, and who is invited to be one."""

from __future__ import annotations

from typing import Any

from django.db import models

from config.world import (
    ROW_ID,
    Column,
    Entry,
    Load,
    Place,
    Reference,
    References,
    Refused,
    Section,
    Table,
    columns,
    replace_links,
)
from enrollments.world.lookups import ACCOUNT
from enterprise.models import (
    EnterpriseCustomerAdmin,
    EnterpriseFeatureRole,
    EnterpriseFeatureUserRoleAssignment,
    OnboardingFlow,
    PendingEnterpriseCustomerAdminUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.queries.emails import lowered
from enterprise.world.learners import PENDING_LEARNER_TABLE
from enterprise.world.lookups import CUSTOMER, ROLE, TOUR_FLOW, links_of

# --- role_assignments, feature_role_assignments -------------------------------------------------------------------

_EVERYWHERE = "*"
# All feature roles there are (contract: roles-and-permissions 1); some of them usually live in tokens only.
_FEATURE_ROLES = (
    "dashboard_admin",
    "catalog_admin",
    "enrollment_api_admin",
    "reporting_config_admin",
    "fulfillment_operator",
    "sso_orchestrator_operator",
    "default_enterprise_enrollment_intentions_learner",
    "provisioning_enterprise_customer_admin",
    "provisioning_pending_enterprise_customer_users_admin",
)
_ASSIGNMENT_TABLE = Table(
    model=SystemWideEnterpriseUserRoleAssignment,
    key=("user_id", "role_id", "enterprise_customer_id"),
    complete=lambda assignment: assignment.clean(),
    in_bulk=True,
)


class _CustomerOrAll(Reference):
    """A customer, or all of them."""

    def read(self, load: Load, place: Place, value: Any) -> Any:
        return None if value == _EVERYWHERE else super().read(load, place, value)


def _load_assignments(load: Load, entries: list[Entry]) -> None:
    for entry in entries:
        if entry.given["customer"] is None:
            entry.values.setdefault("applies_to_all_contexts", True)
    _ASSIGNMENT_TABLE.store(load, entries)


ROLE_ASSIGNMENTS = Section(
    name="role_assignments",
    key=("user", "role", "customer"),
    fields={
        "id": ROW_ID,
        "user": Reference(ACCOUNT, "user_id"),
        "role": Reference(ROLE, "role_id"),
        "customer": _CustomerOrAll(CUSTOMER, "enterprise_customer_id"),
        **columns(SystemWideEnterpriseUserRoleAssignment, "applies_to_all_contexts", "created", "modified"),
    },
    load=_load_assignments,
)

_FEATURE_TABLE = Table(model=EnterpriseFeatureUserRoleAssignment, key=("user_id", "role_id"))


def _load_feature_assignments(load: Load, entries: list[Entry]) -> None:
    ids = dict(EnterpriseFeatureRole.objects.values_list("name", "pk"))
    for name in sorted({entry.given["role"] for entry in entries} - ids.keys()):
        ids[name] = EnterpriseFeatureRole.objects.create(name=name).pk
    for entry in entries:
        entry.values["role_id"] = ids[entry.given["role"]]
    _FEATURE_TABLE.store(load, entries)


FEATURE_ROLE_ASSIGNMENTS = Section(
    name="feature_role_assignments",
    key=("user", "role"),
    fields={
        "id": ROW_ID,
        "user": Reference(ACCOUNT, "user_id"),
        "role": Column(models.CharField(), renamed={name: name for name in _FEATURE_ROLES}),
        **columns(EnterpriseFeatureUserRoleAssignment, "applies_to_all_contexts", "created", "modified"),
    },
    load=_load_feature_assignments,
)

# --- pending_admins -----------------------------------------------------------------------------------------------

_PENDING_ADMIN_TABLE = Table(
    model=PendingEnterpriseCustomerAdminUser,
    key=("enterprise_customer_id", "user_email"),
    fold={"user_email": lowered},
    in_bulk=True,
)


def _load_pending_admins(load: Load, entries: list[Entry]) -> None:
    _PENDING_ADMIN_TABLE.store(load, entries)
    learners = [
        Entry(
            entry.place,
            entry.shape,
            values={name: entry.values[name] for name in ("enterprise_customer_id", "user_email")},
        )
        for entry in entries
        if entry.created or entry.changed
    ]
    PENDING_LEARNER_TABLE.store(load, learners)


PENDING_ADMINS = Section(
    name="pending_admins",
    key=("customer", "user_email"),
    ignoring_case=frozenset({"user_email"}),
    fields={
        "id": ROW_ID,
        "customer": Reference(CUSTOMER, "enterprise_customer_id"),
        **columns(PendingEnterpriseCustomerAdminUser, "user_email", "reminder_sent_at", "created", "modified"),
    },
    load=_load_pending_admins,
)

# --- tour_flows, admins -------------------------------------------------------------------------------------------

_FLOW_TABLE = Table(model=OnboardingFlow, key=("uuid",))

TOUR_FLOWS = Section(
    name="tour_flows",
    key=("uuid",),
    fields=columns(OnboardingFlow, "uuid", "title", "active", "created", "modified"),
    load=_FLOW_TABLE.store,
)

_ADMIN_TABLE = Table(model=EnterpriseCustomerAdmin, key=("enterprise_customer_user_id",))


def _load_admins(load: Load, entries: list[Entry]) -> None:
    links = links_of([(entry.given["customer"], entry.given["user"]) for entry in entries])
    for entry in entries:
        link, linked = links.get((entry.given["customer"], entry.given["user"]), (None, False))
        if not linked:
            load.note(Refused(entry.place.field("user"), "This account is not linked to the customer."))
        entry.values["enterprise_customer_user_id"] = link
    load.stop_if_refused()
    _ADMIN_TABLE.store(load, entries)
    flows = {e.row.pk: e.given["completed_tour_flows"] for e in entries if "completed_tour_flows" in e.given}
    through = EnterpriseCustomerAdmin.completed_tour_flows.through
    changed = replace_links(flows, through, "enterprisecustomeradmin_id", "onboardingflow_id")
    for entry in entries:
        entry.changed |= entry.row.pk in changed


ADMINS = Section(
    name="admins",
    key=("customer", "user"),
    fields={
        "customer": Reference(CUSTOMER),
        "user": Reference(ACCOUNT),
        "completed_tour_flows": References(TOUR_FLOW),
        **columns(
            EnterpriseCustomerAdmin,
            "uuid",
            "last_login",
            "onboarding_tour_dismissed",
            "onboarding_tour_completed",
            "created",
            "modified",
        ),
    },
    load=_load_admins,
)
