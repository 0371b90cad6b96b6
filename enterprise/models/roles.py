"""System-wide roles and feature roles (contract: roles-and-permissions 7)."""

from __future__ import annotations

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q

from config.db.history import History
from config.db.models import TimeStampedModel
from enterprise.models.customers import EnterpriseCustomer

ENTERPRISE_LEARNER_ROLE = "enterprise_learner"
ENTERPRISE_ADMIN_ROLE = "enterprise_admin"
ENTERPRISE_OPERATOR_ROLE = "enterprise_openedx_operator"
ENTERPRISE_CATALOG_ADMIN_ROLE = "enterprise_catalog_admin"
ENTERPRISE_PROVISIONING_ADMIN_ROLE = "enterprise_provisioning_admin"
# Held for the customers that a user is linked to, or (the operator's) for all of them.
ROLES_BY_LINK = (
    ENTERPRISE_LEARNER_ROLE,
    ENTERPRISE_ADMIN_ROLE,
    ENTERPRISE_CATALOG_ADMIN_ROLE,
    ENTERPRISE_OPERATOR_ROLE,
)
SYSTEM_WIDE_ROLES = (*ROLES_BY_LINK, ENTERPRISE_PROVISIONING_ADMIN_ROLE)
FEATURE_ROLES = ("catalog_admin", "dashboard_admin", "enrollment_api_admin", "reporting_config_admin")


class Role(TimeStampedModel):
    """What can be given to users, by its name."""

    name = models.CharField(max_length=255, unique=True)
    description = models.TextField(null=True, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class SystemWideEnterpriseRole(Role):
    """A coarse role that a user holds for one customer or for all; travels in the `roles` claim of tokens."""

    class Meta:
        verbose_name = "system-wide role"


class SystemWideEnterpriseUserRoleAssignment(TimeStampedModel):
    """A user holds a system-wide role for a customer, or for all of them."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="enterprise_role_assignments", db_index=False
    )
    role = models.ForeignKey(SystemWideEnterpriseRole, models.CASCADE, related_name="assignments", db_index=False)
    enterprise_customer = models.ForeignKey(
        EnterpriseCustomer, models.CASCADE, related_name="role_assignments", null=True, blank=True, db_index=False
    )
    applies_to_all_contexts = models.BooleanField(default=False)

    history = History()

    class Meta:
        verbose_name = "role assignment"
        constraints = [
            models.UniqueConstraint(fields=["enterprise_customer", "role", "user"], name="role_assignment_unique"),
            models.UniqueConstraint(
                fields=["role", "user"],
                condition=Q(enterprise_customer__isnull=True),
                name="role_assignment_everywhere_unique",
            ),
        ]
        indexes = [models.Index(fields=["user", "role"], name="role_assignment_user")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.role_id} for {self.enterprise_customer_id or '*'}"

    def clean(self) -> None:
        """Raises ValidationError for a role without a customer that does not reach all of them."""
        if (
            self.enterprise_customer_id is None
            and not self.applies_to_all_contexts
            and self.role.name != ENTERPRISE_OPERATOR_ROLE
        ):
            raise ValidationError("A role without an enterprise customer must apply to all contexts.")

    def save(self, *args: object, **kwargs: object) -> None:
        self.clean()
        super().save(*args, **kwargs)


class RoleAssignmentUpdateOptions(TimeStampedModel):
    """Stored options of the command `update_role_assignments_with_customers`; the newest enabled row counts."""

    enabled = models.BooleanField(default=True)
    role = models.CharField(
        max_length=255,
        blank=True,
        default="",
        choices=[(name, name) for name in ROLES_BY_LINK],
        help_text="Empty: all.",
    )
    batch_size = models.PositiveIntegerField(default=500, validators=[MinValueValidator(1)])
    enterprise_customer_uuid = models.UUIDField(null=True, blank=True)
    dry_run = models.BooleanField(default=False)

    class Meta:
        verbose_name = verbose_name_plural = "role assignment update options"

    def __str__(self) -> str:
        return f"{self.role or 'all roles'} in batches of {self.batch_size}"

    def as_options(self) -> dict[str, object]:
        """The options as the command knows them."""
        return {
            "role": self.role or None,
            "batch_size": self.batch_size,
            "enterprise_customer_uuid": self.enterprise_customer_uuid,
            "dry_run": self.dry_run,
        }


class EnterpriseFeatureRole(Role):
    """A fine role, named by the permissions it grants."""

    class Meta:
        verbose_name = "feature role"


class EnterpriseFeatureUserRoleAssignment(TimeStampedModel):
    """A feature role given to a user directly; its contexts are the customers the user is linked to."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="enterprise_feature_role_assignments"
    )
    role = models.ForeignKey(EnterpriseFeatureRole, models.CASCADE, related_name="assignments", db_index=False)
    applies_to_all_contexts = models.BooleanField(default=False)

    class Meta:
        verbose_name = "feature role assignment"

    def __str__(self) -> str:
        return f"{self.user_id}: {self.role_id}"
