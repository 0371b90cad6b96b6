"""Learners of a customer: links of accounts, and e-mail addresses that wait for one (contract: enterprise-learners)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q, Value
from django.db.models.functions import Concat, Lower, Replace, Upper

from config.db.history import History
from config.db.models import TimeStampedModel
from enrollments.models import User
from enterprise.models.customers import EnterpriseCustomer
from enterprise.models.invite_keys import EnterpriseCustomerInviteKey

MEMBER_COPIES = ("member_name", "member_username", "member_email", "member_search")


_LINE_OF_NAME = "\x1e"  # stands for the ends of lines within a name


def search_text(name: Any, email: Any, username: Any) -> Any:
    """What searches for a customer's people look through, of expressions for what an account is called.

    Three lines in capitals. What is found before the last one is in the name or the address, what is found after the
    first one in the address or the user name.
    """
    line = Value("\n")
    return Upper(
        Concat(Replace(name, line, Value(_LINE_OF_NAME)), line, email, line, username, output_field=models.TextField())
    )


def searched_text(text: str) -> str:
    """What to look for in there when a text is asked for."""
    return text.replace("\n", _LINE_OF_NAME)


class MemberOrder(models.TextChoices):
    """What members of a customer may be sorted by."""

    NAME = "name"
    JOINED_ORG = "joined_org"


class LinkedManager(models.Manager["EnterpriseCustomerUser"]):
    """Links that stand: an unlinked learner is invisible by default."""

    def get_queryset(self) -> models.QuerySet[EnterpriseCustomerUser]:
        return super().get_queryset().filter(linked=True)


class EnterpriseCustomerUser(TimeStampedModel):
    """The link of an account with a customer. Changes go through `enterprise.services.links`.

    `active`: the customer the learner acts for at present. `linked` false: a soft-deleted membership.
    `is_relinkable` false: an admin removed the learner for good.
    """

    enterprise_customer = models.ForeignKey(
        EnterpriseCustomer, models.CASCADE, related_name="enterprise_customer_users", db_index=False
    )
    user_id = models.PositiveBigIntegerField("LMS user id")
    user_fk = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="enterprise_links",
        null=True,
        db_column="user_fk",
        editable=False,
    )
    active = models.BooleanField(default=True)
    linked = models.BooleanField(default=True)
    is_relinkable = models.BooleanField(default=True)
    invite_key = models.ForeignKey(
        EnterpriseCustomerInviteKey,
        models.SET_NULL,
        related_name="linked_learners",
        null=True,
        blank=True,
        db_index=False,
    )
    should_inactivate_other_customers = models.BooleanField(default=True)
    # Copies, kept by enterprise.services.member_names: what a customer's people are listed by and searched in.
    member_name = models.CharField(max_length=255, default="", editable=False)
    member_username = models.CharField(max_length=150, default="", editable=False)
    member_email = models.CharField(max_length=254, default="", editable=False)
    member_search = models.TextField(default="", editable=False)  # see search_text

    objects: ClassVar[LinkedManager] = LinkedManager()
    all_objects: ClassVar[models.Manager[EnterpriseCustomerUser]] = models.Manager()
    history = History(excluded_fields=list(MEMBER_COPIES))

    class Meta:
        verbose_name = "learner"
        ordering = ["-active", "-modified"]
        base_manager_name = "all_objects"
        constraints = [models.UniqueConstraint(fields=["enterprise_customer", "user_id"], name="learner_unique")]
        indexes = [
            models.Index(fields=["-active", "-modified", "id"], name="learner_default_order", condition=Q(linked=True)),
            # All that selects and orders a customer's learners, so that a late page costs no more than an early one.
            models.Index(
                fields=["enterprise_customer", "-active", "-modified", "id"],
                name="learner_of_customer",
                condition=Q(linked=True),
            ),
            models.Index(fields=["user_id", "enterprise_customer"], name="learner_of_user"),
            models.Index(
                fields=["enterprise_customer", "member_name", "id"],
                name="learner_by_name",
                condition=Q(linked=True, active=True),
            ),
            # Everybody whom a customer knows, unlinked learners too.
            models.Index(fields=["enterprise_customer", "member_username"], name="learner_by_username"),
            models.Index(fields=["enterprise_customer", "member_email", "user_id"], name="learner_by_email"),
            models.Index(fields=["invite_key"], name="learner_invite_key", condition=Q(linked=True)),
            # Few rows: counts of a customer leave them out.
            models.Index(fields=["enterprise_customer"], name="learner_unlinked", condition=Q(linked=False)),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} of {self.enterprise_customer_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.user_fk_id != self.user_id or self._state.adding:
            self.user_fk = User.objects.select_related("profile").filter(pk=self.user_id).first()
            self._copy(self.user_fk)
        super().save(*args, **kwargs)
        if not isinstance(self.__dict__.get("member_search", ""), str):
            del self.member_search  # read again if anybody asks

    def _copy(self, account: User | None) -> None:
        self.member_username, self.member_email = (account.username, account.email) if account else ("", "")
        self.member_name = (account.full_name() if account else None) or self.member_username
        # The database capitalises: it does so with what is searched for, too.
        self.member_search = search_text(Value(self.member_name), Value(self.member_email), Value(self.member_username))


class PendingEnterpriseCustomerUser(TimeStampedModel):
    """An address that becomes a link when an account with it appears. Stored as given, compared ignoring case."""

    enterprise_customer = models.ForeignKey(
        EnterpriseCustomer, models.CASCADE, related_name="pending_enterprise_customer_users", db_index=False
    )
    user_email = models.EmailField(max_length=254)

    history = History()

    class Meta:
        verbose_name = "pending learner"
        ordering = ["created"]
        constraints = [
            models.UniqueConstraint("enterprise_customer", Lower("user_email"), name="pending_learner_unique")
        ]
        indexes = [
            models.Index(Lower("user_email"), name="pending_learner_email"),
            models.Index(fields=["enterprise_customer", "user_email"], name="pending_learner_by_email"),
        ]

    def __str__(self) -> str:
        return self.user_email
