"""PGP keys and passwords of enterprise_customer_reporting/ (contract: enterprise-customers)."""

from __future__ import annotations

from typing import Any

import pysequoia
import pytest
from cryptography.fernet import Fernet
from django.db import connection
from rest_framework.test import APIClient

from config.db.secrets import decrypted
from enrollments.models import User
from enterprise.models import EnterpriseCustomer
from enterprise.models.reporting import LONGEST_PGP_KEY
from tests.enterprise.reporting.configurations import KEYS, LIST, body_for, fresh, path_of
from tests.factories import ReportingConfigurationFactory, customer_admin

pytestmark = pytest.mark.django_db


def stored_texts() -> str:
    """Every column of every configuration as the database holds it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM enterprise_enterprisecustomerreportingconfiguration")
        return repr(cursor.fetchall())


# --- PGP keys -------------------------------------------------------------------------------------------------------


def test_a_public_key_is_kept_as_it_was_given(boss: APIClient, customer: Any, pgp_key: str) -> None:
    for key in (pgp_key, pgp_key.replace("\n", "\r\n"), pgp_key.strip(), f"\n{pgp_key}\n"):
        answer = boss.post(LIST, body_for(customer, pgp_encryption_key=key))
        assert (answer.status_code, answer.json().get("pgp_encryption_key")) == (201, key)


@pytest.mark.parametrize("empty", ["", None])
def test_no_key_is_no_mistake(boss: APIClient, customer: Any, empty: Any) -> None:
    answer = boss.post(LIST, {**body_for(customer), "pgp_encryption_key": empty})
    assert (answer.status_code, answer.json()["pgp_encryption_key"]) == (201, empty)


def test_what_is_no_single_public_key_is_refused(boss: APIClient, customer: Any, pgp_key: str) -> None:
    private = str(pysequoia.Tsk.generate(user_id="Ops <ops@acme.test>"))
    assert "PRIVATE" in private
    head, tail = "-----BEGIN PGP PUBLIC KEY BLOCK-----", "-----END PGP PUBLIC KEY BLOCK-----"
    lines = pgp_key.splitlines()
    wrong = [
        "key",
        "   ",
        head,
        f"{head}\n\n{tail}",
        f"{head}\n\n{'A' * 10_000}\n{tail}",
        "\n".join(lines[: len(lines) // 2]),
        pgp_key * 2,
        private,
        "\ufffd\U0001f511" * 1000,
        "-----BEGIN PGP" * 10_000,
        pgp_key + "x" * LONGEST_PGP_KEY,
        "-----BEGIN PGP MESSAGE-----\n\nwcBMA0000\n=abcd\n-----END PGP MESSAGE-----",
    ]
    for key in wrong:
        answer = boss.post(LIST, body_for(customer, pgp_encryption_key=key))
        assert (answer.status_code, answer.json()) == (400, {"pgp_encryption_key": ["Invalid PGP Key provided."]}), key[
            :80
        ]


# --- Passwords ------------------------------------------------------------------------------------------------------


def test_passwords_are_encrypted_at_rest_and_in_every_answer_anew(
    boss: APIClient, customer: EnterpriseCustomer, caplog: pytest.LogCaptureFixture
) -> None:
    secret, sftp_secret = "the-horse-is-correct", "the-battery-too"
    made = boss.post(
        LIST, body_for(customer, encrypted_password=secret, encrypted_sftp_password=sftp_secret, frequency="nope")
    )
    assert made.status_code == 400
    made = boss.post(LIST, body_for(customer, encrypted_password=secret, encrypted_sftp_password=sftp_secret))
    uuid_ = made.json()["uuid"]
    answers = [made, boss.get(path_of(uuid_)), boss.get(path_of(uuid_)), boss.get(LIST)]
    for text in (stored_texts(), caplog.text, *(answer.content.decode() for answer in answers)):
        assert secret not in text
        assert sftp_secret not in text
    tokens = [answers[place].json()["encrypted_password"] for place in range(3)]
    tokens.append(answers[3].json()["results"][0]["encrypted_password"])
    assert len(set(tokens)) == 4
    assert {decrypted(token, KEYS) for token in tokens} == {secret}
    assert all(token not in stored_texts() for token in tokens)


def test_null_takes_a_password_away(boss: APIClient, stored: Any) -> None:
    sent = {"enable_compression": True, "encrypted_password": None}
    assert boss.patch(path_of(stored), sent).json()["encrypted_password"] is None
    assert fresh(stored).decrypted_password is None


def test_a_configuration_with_a_password_has_no_telling_representation(stored: Any) -> None:
    row = fresh(stored)
    for shown in (repr(row), str(row), repr([row]), repr(type(row).objects.all())):
        assert "s3cret-word" not in shown


def test_after_a_change_of_keys_old_passwords_are_read_and_answers_use_the_new_key(
    boss: APIClient, stored: Any, settings: Any
) -> None:
    old, new = settings.ENTERPRISE_REPORTING_SECRET[0], Fernet.generate_key().decode()
    settings.ENTERPRISE_REPORTING_SECRET = [new, old]
    token = boss.get(path_of(stored)).json()["encrypted_password"]
    assert Fernet(new).decrypt(token.encode()) == b"s3cret-word"
    # Without the old key: not readable, shown as it is stored, and left alone by changes.
    settings.ENTERPRISE_REPORTING_SECRET = [new]
    before = boss.get(path_of(stored)).json()["encrypted_password"]
    assert boss.patch(path_of(stored), {"enable_compression": True, "hour_of_day": 2}).status_code == 200
    settings.ENTERPRISE_REPORTING_SECRET = [old]
    assert decrypted(before, KEYS) == fresh(stored).decrypted_password == "s3cret-word"


# --- Who is who -----------------------------------------------------------------------------------------------------


def test_two_customers_admins_never_see_each_others_reports(
    as_user: Any, customer: EnterpriseCustomer, other: EnterpriseCustomer, stored: Any
) -> None:
    theirs = ReportingConfigurationFactory(enterprise_customer=other)
    admins: list[tuple[User, Any]] = [(customer_admin(customer), stored), (customer_admin(other), theirs)]
    for admin, own in admins:
        rows = as_user(admin).get(LIST).json()["results"]
        assert [row["uuid"] for row in rows] == [str(own.uuid)]
