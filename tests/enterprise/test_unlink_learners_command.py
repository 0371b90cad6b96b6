"""`unlink_learners`: learners of a CSV file leave a customer (contract: enterprise-learners, Background work)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from enterprise.models import (
    DataSharingConsent,
    EnterpriseCustomer,
    EnterpriseCustomerUser,
    PendingEnterpriseCustomerUser,
)
from tests.factories import EnterpriseCustomerFactory, LearnerFactory, PendingLearnerFactory, UserFactory

pytestmark = pytest.mark.django_db

RUN = "course-v1:Acme+C1+T1"


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="brightwater")


@pytest.fixture
def leavers(customer: EnterpriseCustomer, tmp_path: Path) -> Path:
    """Maria is linked and consented, here and elsewhere; Lee waits for an account."""
    maria = UserFactory(username="maria", email="Maria@brightwater.example")
    for owner in (customer, EnterpriseCustomerFactory(slug="castellan")):
        LearnerFactory(enterprise_customer=owner, user=maria, active=owner is customer)
        DataSharingConsent.objects.create(enterprise_customer=owner, username="maria", course_id=RUN, granted=True)
    PendingLearnerFactory(enterprise_customer=customer, user_email="lee@brightwater.example")
    file = tmp_path / "leavers.csv"
    file.write_text(
        "name,email\nMaria,maria@brightwater.example\nLee,lee@brightwater.example\n,who@elsewhere.example\n"
    )
    return file


def unlink(file: Path, *options: str, capsys: Any) -> list[str]:
    call_command("unlink_learners", str(file), "--customer", "brightwater", *options)
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def slugs_linked() -> set[str]:
    return set(EnterpriseCustomerUser.objects.values_list("enterprise_customer__slug", flat=True))


def slugs_consented() -> set[str]:
    return set(DataSharingConsent.objects.values_list("enterprise_customer__slug", flat=True))


def test_learners_are_unlinked_from_this_customer_only_and_keep_their_consents(leavers, capsys):
    assert unlink(leavers, capsys=capsys) == ["2 learners unlinked", "1 addresses were not linked"]
    assert slugs_linked() == {"castellan"}
    assert slugs_consented() == {"brightwater", "castellan"}
    assert not PendingEnterpriseCustomerUser.objects.exists()
    assert EnterpriseCustomerUser.all_objects.get(linked=False).is_relinkable


def test_for_good_bars_them(leavers, capsys):
    unlink(leavers, "--for-good", capsys=capsys)
    assert not EnterpriseCustomerUser.all_objects.get(linked=False).is_relinkable


def test_with_consents_deletes_those_for_this_customer_with_history(leavers, capsys):
    assert unlink(leavers, "--with-consents", capsys=capsys)[-1] == "1 consents deleted"
    assert slugs_consented() == {"castellan"}
    assert DataSharingConsent.history.filter(history_type="-").count() == 1


def test_consents_only_leaves_the_links(leavers, capsys):
    assert unlink(leavers, "--consents-only", capsys=capsys) == ["1 consents deleted"]
    assert slugs_linked() == {"brightwater", "castellan"}
    assert slugs_consented() == {"castellan"}


def test_running_it_again_changes_nothing(leavers, capsys):
    unlink(leavers, "--for-good", "--with-consents", capsys=capsys)
    before = EnterpriseCustomerUser.history.count()
    again = unlink(leavers, "--with-consents", capsys=capsys)
    assert again == ["0 learners unlinked", "3 addresses were not linked", "0 consents deleted"]
    assert EnterpriseCustomerUser.history.count() == before
    assert not EnterpriseCustomerUser.all_objects.get(linked=False).is_relinkable


@pytest.mark.parametrize("content", ["", "email\nnot-an-address\n"])
def test_a_file_without_addresses_or_with_a_wrong_one_is_refused(customer, tmp_path, capsys, content):
    LearnerFactory(enterprise_customer=customer)
    file = tmp_path / "leavers.csv"
    file.write_text(content)
    with pytest.raises(CommandError):
        unlink(file, capsys=capsys)
    assert slugs_linked() == {"brightwater"}


def test_an_unknown_customer_and_a_missing_file_are_refused(customer, tmp_path, capsys):
    with pytest.raises(CommandError, match="No such file"):
        unlink(tmp_path / "none.csv", capsys=capsys)
    with pytest.raises(CommandError, match="There is no customer 'nobody'"):
        call_command("unlink_learners", "any.csv", "--customer", "nobody")
