"""Single enrollment: who each item means, whether it may be carried out, and what became of it.

All items are looked at before the first is carried out; then each has an outcome of its own.
Contract: enterprise-learners, `POST .../course_enrollments/`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import UUIDField
from django.utils import timezone

from config.api.exceptions import Refusal
from config.db.reads import Given, KeyedStatement
from config.db.sets import insert_rows
from enrollments.course_keys import MAX_LENGTH
from enrollments.models import User, UserSocialAuth
from enrollments.queries.enrollments import active_modes
from enterprise.bulk import engine
from enterprise.bulk.modes import is_met
from enterprise.bulk.staging import COLUMNS
from enterprise.models import BulkJob, BulkJobRow, EnterpriseCustomer, EnterpriseCustomerUser
from enterprise.queries.content import catalogs_containing
from enterprise.queries.emails import accounts_with
from enterprise.services import bulk_enrollment, consent

SUCCESS = "success"
NOBODY = (
    "At least one of the following fields must be specified and map to an EnterpriseCustomerUser: "
    "lms_user_id, tpa_user_id, user_email"
)
NOT_IN_CATALOG = "The course run id {} is not in the catalog for Enterprise Customer {}"
NON_FIELD_ERRORS = "non_field_errors"
LONGEST_ID = 18  # digits


@dataclass(frozen=True, slots=True)
class Item:
    """One item as it was sent.

    Args:
        values: the fields that have the right form, with defaults filled in.
        errors: what is wrong with the others.
    """

    values: Mapping[str, Any]
    errors: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Learner:
    """Whom an item means: a linked account, or (without an id) an address that waits for one."""

    account_id: int | None
    email: str


Wanted = tuple[int, Item, Learner]  # an item that can be carried out, with its position


def enroll(customer: EnterpriseCustomer, actor: User | None, items: Sequence[Item]) -> list[dict[str, Any]]:
    """Carries out what can be carried out; one result per item, in order: its errors, or `{"detail": text}`.

    Seven statements where everything is as asked for already; else about thirty more, however many items there are,
    and more than that only for cohorts, and where items that unenroll and items that enroll in the same run take turns.

    Raises:
        Refusal: 409 if another process took over and does not come to an end.
    """
    people = _People(customer, items)
    contained = catalogs_containing(customer, {run for item in items if (run := _run_of(item))})
    results: list[dict[str, Any]] = []
    wanted: list[Wanted] = []
    for position, item in enumerate(items):
        errors = dict(item.errors)
        run_key = item.values.get("course_run_id")
        if run_key is not None and not contained.get(run_key):
            errors["course_run_id"] = [NOT_IN_CATALOG.format(run_key, customer.name)]
        learner = people.meant_by(item)
        if not errors and learner is None:
            errors[NON_FIELD_ERRORS] = [NOBODY]
        results.append(errors or {"detail": SUCCESS})
        if not errors and learner is not None:
            wanted.append((position, item, learner))
    if not _are_met(wanted):
        for position, text in _carry_out(customer, actor, wanted):
            results[position] = {"detail": text}
    return results


def enroll_linked(
    customer: EnterpriseCustomer,
    run_key: str,
    mode: str,
    *,
    username: str | None = None,
    email: str | None = None,
    with_consent: bool,
) -> str:
    """Enrolls one linked learner, and records their consent once they are enrolled; repeating it changes nothing.

    Args:
        mode: one that single enrollment offers.
        username, email: who, by either; an address is compared ignoring case.
        with_consent: whether consent for the run is recorded as granted.
    Returns:
        The learner's user name.
    Raises:
        Refusal: there is no such linked learner, or the enrollment is refused, for the reason that the text gives.
    """
    accounts = User.objects.filter(username=username) if email is None else accounts_with([email])
    links = customer.enterprise_customer_users.filter(linked=True)
    account = accounts.filter(pk__in=links.values("user_id")).first()
    if account is None:
        raise Refusal(f"{email if username is None else username!r} is not a linked learner of {customer.name}.")
    values = {
        "lms_user_id": str(account.pk),
        "course_run_id": run_key,
        "course_mode": mode,
        "is_active": True,
        "email_students": False,
    }
    [result] = enroll(customer, None, [Item(values, {})])
    if result != {"detail": SUCCESS}:
        texts = ([each] if isinstance(each, str) else each for each in result.values())
        raise Refusal(" ".join(text for each in texts for text in each))
    if with_consent:
        consent.grant(customer.pk, account.username, run_key)
    return account.username


def _run_of(item: Item) -> str | None:
    """The run that an item names; a key that is too long for any run is in no catalog."""
    run_key = item.values.get("course_run_id")
    return run_key if run_key is not None and len(run_key) <= MAX_LENGTH else None


class _People:
    """The customer's linked learners that items name. At most five statements."""

    def __init__(self, customer: EnterpriseCustomer, items: Sequence[Item]) -> None:
        def given(name: str) -> set[str]:
            return {value for item in items if (value := item.values.get(name)) is not None}

        self._by_identity = _identified(customer, given("tpa_user_id"))
        self._by_email = {email: pk for pk, email in _accounts(given("user_email")) if email in given("user_email")}
        named = {number for text in given("lms_user_id") if (number := _number(text)) is not None}
        ids = named | set(self._by_identity.values()) | set(self._by_email.values())
        self._linked = _linked(customer, ids)

    def meant_by(self, item: Item) -> Learner | None:
        """The first that leads to a linked learner: account id, SSO id, exact address; else the address itself."""
        email = item.values.get("user_email")
        for account_id in (
            _number(item.values.get("lms_user_id")),
            self._by_identity.get(item.values.get("tpa_user_id", "")),
            self._by_email.get(email or ""),
        ):
            if account_id is not None and account_id in self._linked:
                return Learner(account_id, self._linked[account_id])
        return Learner(None, email) if email is not None else None


def _number(text: Any) -> int | None:
    """An account id written as a number; None for anything else."""
    is_number = isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= LONGEST_ID
    return int(text) if is_number else None


def _identified(customer: EnterpriseCustomer, identities: Collection[str]) -> dict[str, int]:
    """SSO id at the customer's identity provider -> account. Two statements, none without ids."""
    provider = customer.identity_providers.order_by("created", "pk").first() if identities else None
    if provider is None:
        return {}
    uids = {f"{provider.provider_id.removeprefix('saml-')}:{identity}": identity for identity in identities}
    found = UserSocialAuth.objects.filter(provider="tpa-saml", uid__in_set=list(uids)).values_list("uid", "user_id")
    return {uids[uid]: user_id for uid, user_id in found}


def _accounts(emails: Collection[str]) -> list[tuple[int, str]]:
    return list(accounts_with(emails).values_list("pk", "email")) if emails else []


def _linked(customer: EnterpriseCustomer, account_ids: Collection[int]) -> dict[int, str]:
    """Those of the accounts that are linked to the customer, with their addresses."""
    return {user_id: email or "" for user_id, email in _links(account_ids, customer=customer.pk)}


_links = KeyedStatement(
    lambda account_ids: (
        EnterpriseCustomerUser.objects.filter(
            enterprise_customer_id=Given("customer", UUIDField()), user_id__in_set=account_ids
        )
        .order_by()
        .values_list("user_id", "user_fk__email")
    )
)


def _are_met(wanted: Sequence[Wanted]) -> bool:
    """Whether everything is as asked for: then there is nothing to carry out. At most one statement."""
    asked: dict[tuple[int, str], list[str]] = defaultdict(list)
    for _, item, learner in wanted:
        if learner.account_id is None or not item.values["is_active"]:
            return False
        asked[learner.account_id, item.values["course_run_id"]].append(item.values["course_mode"])
    active = active_modes(asked)
    return all(is_met(mode, active.get(pair)) for pair, modes in asked.items() for mode in modes)


def _carry_out(customer: EnterpriseCustomer, actor: User | None, wanted: Sequence[Wanted]) -> list[tuple[int, str]]:
    """Positions and reasons of those items that are refused."""
    job = _job(customer, actor, wanted)
    if not engine.work_at_once(job, [_row(job, *each) for each in wanted]):
        job = bulk_enrollment.carry_out(_store(_job(customer, actor, wanted), wanted))
    if job.succeeded + job.pending == job.total:
        return []
    failed = BulkJobRow.objects.filter(job=job).exclude(reason_code="")
    return list(failed.values_list("position", "reason_text"))


def _job(customer: EnterpriseCustomer, actor: User | None, wanted: Sequence[Wanted]) -> BulkJob:
    """The job that carries the items out, not stored yet."""
    return BulkJob(
        kind=BulkJob.Kind.SINGLE_ENROLLMENT,
        enterprise_customer=customer,
        actor=actor,
        state=BulkJob.State.QUEUED,
        total=len(wanted),
        heartbeat_at=timezone.now(),
        options={
            "in_order": True,
            "unenroll": [position for position, item, _ in wanted if not item.values["is_active"]],
            "notify": [position for position, item, _ in wanted if item.values["email_students"]],
            "cohorts": {str(place): item.values["cohort"] for place, item, _ in wanted if "cohort" in item.values},
        },
    )


def _store(job: BulkJob, wanted: Sequence[Wanted]) -> BulkJob:
    with transaction.atomic():
        job.save(force_insert=True)
        insert_rows(BulkJobRow, COLUMNS, (_row(job, *each) for each in wanted))
    return job


def _row(job: BulkJob, position: int, item: Item, learner: Learner) -> tuple[object, ...]:
    values: dict[str, object] = {
        "job_id": job.pk,
        "position": position,
        "given_user_id": learner.account_id,
        "given_email": learner.email,
        "account_id": learner.account_id,
        "email": learner.email,
        "course_run_key": item.values["course_run_id"],
        "course_mode": item.values["course_mode"],
        "license_uuid": None,
        "transaction_id": None,
        "fulfillment_uuid": uuid4(),
        "activation_link": None,
        "force_enrollment": False,
        "is_default_auto_enrollment": False,
        "state": BulkJobRow.State.WAITING.value,
        "created": False,
        "reason_code": "",
        "reason_text": "",
    }
    return tuple(values[column] for column in COLUMNS)
