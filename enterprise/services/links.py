"""The link of a learner with a customer, as a state machine with one home.

States: no row; linked and active; linked and inactive; unlinked; unlinked and barred (`is_relinkable` false). Whatever
leads from one to the other comes through here, and drags along what belongs to it: the role `enterprise_learner`, the
learner's other links, the history, and at the first link with a customer that has a language of its own the learner's
language preference.

Everything works in sets: one learner is a set of one. All of it happens under the lock of the accounts concerned.
(Bulk jobs write the same transitions from their staged rows.)
Contract: enterprise-learners, Data model; roles-and-permissions 8.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from config.db.history import acting_account_id
from config.db.sets import Overtaken, delete_recorded, insert_given, record_history, update_from
from enrollments.models import User
from enrollments.services.bulk import lock_accounts
from enrollments.services.profiles import clear_language_preference
from enterprise.models import (
    EnterpriseCustomer,
    EnterpriseCustomerInviteKey,
    EnterpriseCustomerUser,
    EnterpriseGroupMembership,
    PendingEnrollment,
    PendingEnterpriseCustomerUser,
)
from enterprise.models.roles import ENTERPRISE_ADMIN_ROLE, ENTERPRISE_LEARNER_ROLE
from enterprise.queries.emails import accounts_with, lowered
from enterprise.queries.learners import pending_learners, pending_learners_of
from enterprise.services import member_names, roles

TRIES = 3


class NotRelinkable(Exception):
    """An admin removed the learner for good; this way of linking honours that. Nothing was changed."""


class NotLinked(Exception):
    """The address belongs to no linked learner and no pending learner of the customer."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A link that shall stand.

    Args:
        account: whose link; it must exist.
        active: whether the learner shall act for this customer from now on.
        invite_key: the key that the learner used, kept on the row that is made or changed.
        relink_barred: whether this is an explicit act that links a barred learner again.
        relink_as_is: an unlinked row keeps its other values, instead of becoming like new.
    """

    customer: EnterpriseCustomer
    account: User
    active: bool = True
    invite_key: EnterpriseCustomerInviteKey | None = None
    relink_barred: bool = True
    relink_as_is: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a wish: the link (None: refused, the learner is barred), and whether it was made or revived."""

    link: EnterpriseCustomerUser | None
    created: bool = False


@dataclass(frozen=True, slots=True)
class PendingOutcome:
    """The pending learner of an address, and whether it is new."""

    pending: PendingEnterpriseCustomerUser
    created: bool


# --- Linking ------------------------------------------------------------------------------------------------------


def link(customer: EnterpriseCustomer, email: str) -> Outcome | PendingOutcome:
    """Links the account with an address, active; without such an account the address becomes a pending learner.

    Raises:
        NotRelinkable: the learner is barred.
    """
    account = accounts_with([email]).first()
    if account is None:
        return link_pending(customer, [email])[0]
    outcome = link_all([Wish(customer, account, relink_barred=False, relink_as_is=True)])[0]
    if outcome.link is None:
        raise NotRelinkable(email)
    return outcome


def link_account(
    customer: EnterpriseCustomer,
    account: User,
    *,
    active: bool = True,
    invite_key: EnterpriseCustomerInviteKey | None = None,
    relink_barred: bool = True,
) -> tuple[EnterpriseCustomerUser, bool]:
    """Makes, revives or updates the link of an account; says whether it was made or revived.

    Args:
        active: stored on the link in any case; true makes the account's other links inactive.
        invite_key: the key that the learner used.
        relink_barred: false where an automatic or self-made link must not bring back a barred learner.
    Raises:
        NotRelinkable: the learner is barred and `relink_barred` is false.
    """
    wish = Wish(customer, account, active=active, invite_key=invite_key, relink_barred=relink_barred)
    outcome = link_all([wish])[0]
    if outcome.link is None:
        raise NotRelinkable(account.email)
    return outcome.link, outcome.created


def link_accounts(
    customer: EnterpriseCustomer, accounts: Iterable[User], *, active: bool = True, relink_barred: bool = True
) -> dict[int, Outcome]:
    """Makes, revives or updates the links of many accounts with one customer; by account id.

    The number of statements does not grow with the accounts.
    """
    wishes = [Wish(customer, account, active=active, relink_barred=relink_barred) for account in accounts]
    return {wish.account.pk: outcome for wish, outcome in zip(wishes, link_all(wishes), strict=True)}


@transaction.atomic
def link_all(wishes: Sequence[Wish]) -> list[Outcome]:
    """Fulfils wishes in their order, so that of two active links of one account the later one stays active.

    At most a dozen statements, however many wishes (making links: one more per 80 on SQLite).
    """
    lock_accounts({wish.account.pk for wish in wishes})
    board = _Board(
        EnterpriseCustomerUser.all_objects.filter(user_id__in_set={wish.account.pk for wish in wishes}).filter(
            Q(enterprise_customer__uuid__in_set={wish.customer.pk for wish in wishes}) | Q(linked=True, active=True)
        )
    )
    outcomes = [board.fulfil(wish) for wish in wishes]
    board.store()
    return outcomes


def activate(link: EnterpriseCustomerUser) -> None:
    """The learner acts for this customer from now on: the link becomes active, the learner's other links inactive.

    Unlike `set_active` this is the learner's own choice, so it holds for links that may stand beside active ones too.

    Raises:
        NotLinked: the link does not stand (any more).
    """
    _set_active(link, True, alone=True)


def set_active(link: EnterpriseCustomerUser, active: bool) -> None:
    """Whether the learner acts for this customer; true makes the learner's other links inactive, if the link says so.

    Raises:
        NotLinked: the link does not stand (any more).
    """
    _set_active(link, active)


@transaction.atomic
def _set_active(link: EnterpriseCustomerUser, active: bool, *, alone: bool = False) -> None:
    lock_accounts({link.user_id})
    board = _Board(EnterpriseCustomerUser.objects.filter(user_id=link.user_id))
    found = board.links.get((link.enterprise_customer_id, link.user_id))
    if found is None:
        raise NotLinked(str(link))
    board.set_active(found, active, alone=alone)
    board.touched.append(found)
    board.store()
    link.active = active


@transaction.atomic
def save(link: EnterpriseCustomerUser) -> None:
    """Stores a link as it is, with everything that a save drags along: for the admin and the world loader.

    A new link for a pair that has an unlinked row takes over that row and its `created`.
    """
    lock_accounts({link.user_id})
    first_ever = link._state.adding
    if first_ever:
        unlinked = EnterpriseCustomerUser.all_objects.filter(
            enterprise_customer_id=link.enterprise_customer_id, user_id=link.user_id, linked=False
        ).first()
        if unlinked is not None:
            link.pk, link.created, link._state.adding, first_ever = unlinked.pk, unlinked.created, False, False
    link.save()
    if link.active and link.should_inactivate_other_customers:
        others = EnterpriseCustomerUser.objects.filter(user_id=link.user_id, active=True)
        others.exclude(pk=link.pk).order_by().update(active=False)
    if link.linked:
        roles.assign_to_learners(ENTERPRISE_LEARNER_ROLE, [link.pk])
    else:
        roles.remove_from_learners({(link.enterprise_customer_id, link.user_id)}, ENTERPRISE_LEARNER_ROLE)
    if first_ever and link.enterprise_customer.default_language:
        clear_language_preference([link.user_id])


# --- Unlinking ----------------------------------------------------------------------------------------------------


def unlink(customer: EnterpriseCustomer, email: str, is_relinkable: bool = True) -> None:
    """Unlinks the account with an address, or removes the pending learner when no account has it.

    Args:
        is_relinkable: false removes the learner for good.
    Raises:
        NotLinked: there was neither; an unlinked learner's `is_relinkable` stays as it was.
    """
    if unlink_all(customer, [email], is_relinkable):
        raise NotLinked(email)


@transaction.atomic
def unlink_all(customer: EnterpriseCustomer, emails: Collection[str], is_relinkable: bool = True) -> list[str]:
    """Unlinks many addresses, as `unlink` does one. Returns those that were neither linked nor pending, in order."""
    with_account = dict(accounts_with(emails).values_list("lowered", "pk"))
    unlinked = unlink_accounts(customer, with_account.values(), is_relinkable)
    addresses = [email for email in emails if lowered(email) not in with_account]
    pending = {row.lowered: row.pk for row in pending_learners(customer.pk, addresses).select_for_update()}
    remove_pending(list(pending.values()))
    return [
        email for email in emails if lowered(email) not in pending and with_account.get(lowered(email)) not in unlinked
    ]


@transaction.atomic
def unlink_accounts(customer: EnterpriseCustomer, user_ids: Collection[int], is_relinkable: bool = True) -> set[int]:
    """Unlinks accounts: neither linked nor active, without the learner role. Enrollments and the role of an admin stay.

    Returns:
        The accounts whose link this ended.
    """
    lock_accounts(user_ids)
    ended = dict(
        EnterpriseCustomerUser.objects.filter(enterprise_customer=customer, user_id__in_set=user_ids)
        .order_by()
        .values_list("pk", "user_id")
    )
    if ended:
        EnterpriseCustomerUser.all_objects.filter(pk__in_set=list(ended)).update(
            linked=False, active=False, is_relinkable=is_relinkable, modified=timezone.now()
        )
        _record(EnterpriseCustomerUser, list(ended), "~")
        roles.remove_from_learners({(customer.pk, user_id) for user_id in ended.values()}, ENTERPRISE_LEARNER_ROLE)
    return set(ended.values())


@transaction.atomic
def delete(link: EnterpriseCustomerUser) -> None:
    """Deletes a link for good, with its enterprise enrollments and admin record, and both roles for the customer.

    Raises:
        NotLinked: it is gone already.
    """
    lock_accounts({link.user_id})
    learner = (link.enterprise_customer_id, link.user_id)
    if not EnterpriseCustomerUser.all_objects.select_for_update().filter(pk=link.pk).exists():
        raise NotLinked(str(link))
    link.delete()
    roles.remove_from_learners({learner}, ENTERPRISE_LEARNER_ROLE, ENTERPRISE_ADMIN_ROLE)


# --- Pending learners ---------------------------------------------------------------------------------------------


def link_pending(customer: EnterpriseCustomer, emails: Iterable[str]) -> list[PendingOutcome]:
    """Makes a pending learner of every address that is none yet; stored as given, compared ignoring case.

    Raises:
        Overtaken: others kept deleting the same rows meanwhile.
    """
    return link_all_pending([(customer.pk, email) for email in emails])


def link_all_pending(wanted: Sequence[tuple[UUID, str]]) -> list[PendingOutcome]:
    """What `link_pending` does, for addresses of many customers: a fixed number of statements.

    Args:
        wanted: uuid of a customer, address.
    Raises:
        Overtaken: others kept deleting the same rows meanwhile.
    """
    first_spelling: dict[_Waiting, str] = {}
    for customer_id, email in wanted:
        first_spelling.setdefault((customer_id, lowered(email)), email)
    outcomes: dict[_Waiting, PendingOutcome] = {}
    for _ in range(TRIES):
        missing = {key: email for key, email in first_spelling.items() if key not in outcomes}
        if not missing:
            break
        outcomes |= _with_pending(missing)
    else:
        if len(outcomes) < len(first_spelling):
            raise Overtaken("pending learners were deleted as soon as they were found")
    return [outcomes[customer_id, lowered(email)] for customer_id, email in wanted]


_Waiting = tuple[UUID, str]  # uuid of the customer, address in lower case


@transaction.atomic
def _with_pending(spellings: Mapping[_Waiting, str]) -> dict[_Waiting, PendingOutcome]:
    """The pending learners of addresses, made where there are none; one that somebody else deletes just now is absent.

    Args:
        spellings: the address as it is to be stored.
    """
    known = _read_pending(spellings)
    missing = spellings.keys() - known.keys()
    moment = timezone.now()
    made = insert_given(
        PendingEnterpriseCustomerUser,
        ("enterprise_customer", "user_email"),
        [(customer_id, spellings[customer_id, email]) for customer_id, email in missing],
        {"created": moment, "modified": moment},
        order_by=("enterprise_customer", "user_email"),
    )
    new = {pk for (pk,) in made}
    _record(PendingEnterpriseCustomerUser, new, "+")
    known |= _read_pending(missing)
    return {key: PendingOutcome(row, row.pk in new) for key, row in known.items()}


def _read_pending(keys: Collection[_Waiting]) -> dict[_Waiting, PendingEnterpriseCustomerUser]:
    if not keys:
        return {}
    customers, emails = {customer_id for customer_id, _ in keys}, {email for _, email in keys}
    found = {(row.enterprise_customer_id, row.lowered): row for row in pending_learners_of(customers, emails)}
    return {key: found[key] for key in keys if key in found}


@transaction.atomic
def remove_pending(pending: Collection[int]) -> None:
    """Deletes pending learners with their pending enrollments; group memberships lose their pending link.

    Args:
        pending: ids, of rows that the caller has locked.
    """
    if not pending:
        return
    enrollments = PendingEnrollment.objects.filter(user__id__in_set=pending).order_by()
    _delete(PendingEnrollment, list(enrollments.values_list("pk", flat=True)))
    EnterpriseGroupMembership.all_objects.filter(pending_enterprise_customer_user__id__in_set=pending).update(
        pending_enterprise_customer_user=None
    )
    _delete(PendingEnterpriseCustomerUser, pending)


# --- The rules, applied in memory and stored in sets --------------------------------------------------------------


class _Board:
    """The links of some accounts as they stand, the moves made on them, and the statements that store the moves."""

    def __init__(self, links: Iterable[EnterpriseCustomerUser]) -> None:
        self.links: dict[tuple[UUID, int], EnterpriseCustomerUser] = {}
        self.new: list[EnterpriseCustomerUser] = []
        self.changed: dict[int, EnterpriseCustomerUser] = {}
        self.touched: list[EnterpriseCustomerUser] = []
        self.inactivated: set[int] = set()
        self.first_with_language: list[int] = []
        for each in links:
            self.links[each.enterprise_customer_id, each.user_id] = each

    def fulfil(self, wish: Wish) -> Outcome:
        found = self.links.get((wish.customer.pk, wish.account.pk))
        if found is not None and not found.linked and not found.is_relinkable and not wish.relink_barred:
            return Outcome(None)
        created = found is None or not found.linked
        if found is None:
            found = self._make(wish)
        elif created:
            self._revive(found, wish)
        if wish.invite_key is not None and found.invite_key_id != wish.invite_key.pk:
            found.invite_key = wish.invite_key
            self._note(found)
        self.set_active(found, wish.active)
        self.touched.append(found)
        return Outcome(found, created)

    def set_active(self, link: EnterpriseCustomerUser, active: bool, *, alone: bool = False) -> None:
        if link.active != active:
            link.active = active
            self._note(link)
        if not active or not (alone or link.should_inactivate_other_customers):
            return
        for other in self.links.values():
            if other is not link and other.user_id == link.user_id and other.linked and other.active:
                other.active = False
                if other.pk is not None:
                    self.inactivated.add(other.pk)
                    self._note(link)  # the one trace in history of what the others, by contract, leave none of
        self.inactivated.discard(link.pk)

    def store(self) -> None:
        """Writes what changed; the role follows every link that was asked for."""
        moment = timezone.now()
        if self.new:
            # The locks of the accounts keep others from making the same links.
            EnterpriseCustomerUser.all_objects.bulk_create(self.new)
            member_names.refresh([link.user_id for link in self.new])
            _record(EnterpriseCustomerUser, [link.pk for link in self.new], "+")
        if self.changed:
            for link in self.changed.values():
                link.modified = moment
            update_from(
                EnterpriseCustomerUser,
                ("id", "linked", "active", "is_relinkable", "invite_key", "should_inactivate_other_customers"),
                [_stored(link) for link in self.changed.values()],
                same={"modified": moment},
            )
            _record(EnterpriseCustomerUser, list(self.changed), "~")
        if others := self.inactivated - self.changed.keys():
            EnterpriseCustomerUser.all_objects.filter(pk__in_set=others).update(active=False)
        roles.assign_to_learners(ENTERPRISE_LEARNER_ROLE, {link.pk for link in self.touched})
        if self.first_with_language:
            clear_language_preference(self.first_with_language)

    def _make(self, wish: Wish) -> EnterpriseCustomerUser:
        account, customer = wish.account, wish.customer
        made = EnterpriseCustomerUser(
            enterprise_customer=customer, user_id=account.pk, user_fk=account, active=wish.active
        )
        self.links[customer.pk, account.pk] = made
        self.new.append(made)
        if customer.default_language:
            self.first_with_language.append(account.pk)
        return made

    def _revive(self, link: EnterpriseCustomerUser, wish: Wish) -> None:
        link.linked = True
        if not wish.relink_as_is:
            link.is_relinkable, link.invite_key, link.should_inactivate_other_customers = True, None, True
        self._note(link)

    def _note(self, link: EnterpriseCustomerUser) -> None:
        if link.pk is not None:
            self.changed[link.pk] = link


def _stored(link: EnterpriseCustomerUser) -> tuple[object, ...]:
    """The values that moves change."""
    return (
        link.pk,
        link.linked,
        link.active,
        link.is_relinkable,
        link.invite_key_id,
        link.should_inactivate_other_customers,
    )


def _record(model: type[Any], ids: Collection[int], change: str) -> None:
    record_history(model, ids, change, user_id=acting_account_id())


def _delete(model: type[Any], ids: Collection[int]) -> None:
    delete_recorded(model, ids, user_id=acting_account_id())
