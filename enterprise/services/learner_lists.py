"""Lists of learners as operators bring them: addresses, typed or in a CSV file, to be linked or unlinked together."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import IO, Any

from django.conf import settings
from django.db import transaction

from config.api.exceptions import Refusal
from config.db.sets import in_chunks
from enterprise.bulk.staging import is_address
from enterprise.models import DataSharingConsent, EnterpriseCustomer, PendingEnterpriseCustomerUser
from enterprise.queries.emails import accounts_with, lowered
from enterprise.services import consent, links
from enterprise.services.csv_files import Unreadable, encoding_of, error, opened, read_lines, refusal

EMAIL_COLUMNS = ("email", "e-mail", "user_email", "learner_email")
SHOWN = 20  # wrong addresses named in a refusal

_separators = re.compile(r"[\s,;]+")


@dataclass(slots=True)
class LinkSummary:
    """What became of a list of addresses: numbers of learners, and the addresses that were removed for good before."""

    linked: int = 0
    already_linked: int = 0
    pending: int = 0
    already_pending: int = 0
    barred: list[str] = field(default_factory=list)


@dataclass(slots=True)
class UnlinkSummary:
    """How many learners and pending learners are gone, which addresses were neither, how many consents were deleted."""

    unlinked: int = 0
    unknown: list[str] = field(default_factory=list)
    consents: int = 0


# --- Reading ------------------------------------------------------------------------------------------------------


def addresses_in(text: str) -> list[str]:
    """The addresses of a text: one per line, or separated by blanks, commas or semicolons; each once, in order.

    Raises:
        Refusal: 400, naming what is no address.
    """
    return _checked(_separators.split(text.strip()) if text.strip() else [])


def addresses_of(file: IO[bytes]) -> list[str]:
    """The addresses of a CSV file: of the column `email` if its first line names one, else of its first column.

    Raises:
        Refusal: 400: the file cannot be read, or holds what is no address.
    """
    errors: list[dict[str, Any]] = []
    text = opened(file, encoding_of(file))
    try:
        rows = [cells for _, cells in read_lines(text, errors)]
    except Unreadable as end:
        raise refusal(errors) from end
    finally:
        text.detach()
    names = [cell.lower() for cell in rows[0]] if rows else []
    column = next((names.index(name) for name in EMAIL_COLUMNS if name in names), None)
    if column is None:
        column = 0
    else:
        rows = rows[1:]
    found = [cells[column] for cells in rows if len(cells) > column and cells[column]]
    if not found:
        raise refusal([error(1, None, "The file has no addresses.")])
    return _checked(found)


def _checked(given: Sequence[str]) -> list[str]:
    addresses = {lowered(address): address for address in reversed(given) if address}
    wrong = [address for address in addresses.values() if not is_address(address)]
    if wrong:
        more = f" and {len(wrong) - SHOWN} more" if len(wrong) > SHOWN else ""
        raise Refusal(f"No e-mail address: {', '.join(each[:80] for each in wrong[:SHOWN])}{more}. Nothing was done.")
    if len(addresses) > settings.BULK_JOB_MAX_ROWS:
        raise Refusal(f"More than {settings.BULK_JOB_MAX_ROWS} addresses. Nothing was done.")
    return list(reversed(addresses.values()))


# --- Changing -----------------------------------------------------------------------------------------------------


def link(customer: EnterpriseCustomer, addresses: Sequence[str], *, relink_barred: bool = False) -> LinkSummary:
    """Links the accounts with these addresses; addresses without an account become pending learners.

    Chunk by chunk, each in a transaction of its own with a fixed number of statements; repeating it changes nothing.

    Args:
        relink_barred: whether learners who were removed for good are linked again; else they are named.
    """
    summary = LinkSummary()
    for chunk in in_chunks(addresses, settings.BULK_JOB_CHUNK_SIZE):
        _link(customer, chunk, relink_barred, summary)
    return summary


@transaction.atomic
def _link(customer: EnterpriseCustomer, addresses: Sequence[str], relink_barred: bool, summary: LinkSummary) -> None:
    accounts = list(accounts_with(addresses).order_by("pk"))
    linked = set(
        customer.enterprise_customer_users.filter(user_id__in_set=[account.pk for account in accounts]).values_list(
            "user_id", flat=True
        )
    )
    new = [account for account in accounts if account.pk not in linked]
    outcomes = links.link_accounts(customer, new, relink_barred=relink_barred)
    summary.barred += [account.email for account in new if outcomes[account.pk].link is None]
    summary.linked += sum(outcome.link is not None for outcome in outcomes.values())
    summary.already_linked += len(linked)
    known = {account.lowered for account in accounts}
    waiting = links.link_pending(customer, [address for address in addresses if lowered(address) not in known])
    created = sum(outcome.created for outcome in waiting)
    summary.pending += created
    summary.already_pending += len(waiting) - created


def unlink(
    customer: EnterpriseCustomer, addresses: Sequence[str], *, is_relinkable: bool = True, with_consents: bool = False
) -> UnlinkSummary:
    """Unlinks these addresses; pending learners are removed. Chunk by chunk; repeating it changes nothing.

    Args:
        is_relinkable: false removes the learners for good.
        with_consents: whether their consents to share data with the customer are deleted as well.
    """
    summary = UnlinkSummary()
    for chunk in in_chunks(addresses, settings.BULK_JOB_CHUNK_SIZE):
        with transaction.atomic():
            unknown = links.unlink_all(customer, chunk, is_relinkable)
            summary.unknown += unknown
            summary.unlinked += len(chunk) - len(unknown)
            if with_consents:
                summary.consents += delete_consents(customer, chunk)
    return summary


@transaction.atomic
def unlink_selected(
    customer: EnterpriseCustomer, user_ids: Collection[int], pending_ids: Collection[int], *, is_relinkable: bool
) -> int:
    """Unlinks accounts and removes pending learners of the customer; others are passed over. Returns how many."""
    unlinked = links.unlink_accounts(customer, user_ids, is_relinkable)
    pending = PendingEnterpriseCustomerUser.objects.filter(enterprise_customer=customer, id__in_set=pending_ids)
    locked = list(pending.order_by("pk").select_for_update().values_list("pk", flat=True))
    links.remove_pending(locked)
    return len(unlinked) + len(locked)


def delete_consents(customer: EnterpriseCustomer, addresses: Sequence[str]) -> int:
    """Deletes what these accounts answered about sharing data with the customer. Returns the number of records."""
    usernames = list(accounts_with(addresses).values_list("username", flat=True))
    answers = DataSharingConsent.objects.filter(enterprise_customer=customer, username__in_set=usernames)
    return consent.delete(list(answers.order_by("pk").values_list("pk", flat=True)))
