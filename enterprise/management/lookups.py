"""How commands find the customer that an operator names."""

from __future__ import annotations

from django.core.management.base import CommandError, CommandParser

from enterprise.models import EnterpriseCustomer
from enterprise.queries.customers import parsed_uuid


def add_customer(parser: CommandParser, *, required: bool = False) -> None:
    """`--customer`, for `customer_named`."""
    parser.add_argument("--customer", required=required, metavar="SLUG_OR_UUID", help="only this customer")


def customer_named(text: str) -> EnterpriseCustomer:
    """The customer with this slug, else the one with this uuid; soft-deleted ones too.

    Raises:
        CommandError: there is none.
    """
    customers = EnterpriseCustomer.all_objects
    found = customers.filter(slug=text).first()
    if found is None and (key := parsed_uuid(text)):
        found = customers.filter(pk=key).first()
    if found is None:
        raise CommandError(f"There is no customer {text!r}.")
    return found
