"""Reporting configurations for operators: the admin, the world file, and the command after a change of keys."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.db.secrets import decrypted, encrypted
from enterprise.models import ChatGPTResponse, EnterpriseCustomer, EnterpriseCustomerReportingConfiguration
from tests.factories import CatalogFactory, EnterpriseCustomerFactory, ReportingConfigurationFactory, UserFactory

pytestmark = pytest.mark.django_db

KEYS = "ENTERPRISE_REPORTING_SECRET"
CONFIGURATION = "d0000000-0000-4000-8000-000000000001"


@pytest.fixture
def customer() -> EnterpriseCustomer:
    return EnterpriseCustomerFactory(slug="acme")


@pytest.fixture
def console() -> Client:
    client = Client()
    client.force_login(UserFactory(username="console", staff=True, superuser=True))
    return client


def stored() -> EnterpriseCustomerReportingConfiguration:
    return EnterpriseCustomerReportingConfiguration.objects.get()


def tokens_of(pk: int) -> tuple[Any, Any]:
    """The password columns as the database holds them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT decrypted_password, decrypted_sftp_password "
            "FROM enterprise_enterprisecustomerreportingconfiguration WHERE id = %s",
            [pk],
        )
        password, sftp_password = cursor.fetchone()
    return password, sftp_password


# --- The admin ------------------------------------------------------------------------------------------------------

ADD = "admin:enterprise_enterprisecustomerreportingconfiguration_add"
CHANGE = "admin:enterprise_enterprisecustomerreportingconfiguration_change"


def form(customer: EnterpriseCustomer, **fields: Any) -> dict[str, Any]:
    return {
        "uuid": CONFIGURATION,
        "enterprise_customer": str(customer.pk),
        "active": "on",
        "data_type": "progress_v3",
        "report_type": "csv",
        "enterprise_customer_catalogs": "",
        "frequency": "monthly",
        "day_of_month": "1",
        "day_of_week": "",
        "hour_of_day": "7",
        "include_date": "on",
        "enable_compression": "on",
        "delivery_method": "email",
        "email": "a@acme.test\nb@acme.test\n",
        "decrypted_password": "s3cret-word",
        "pgp_encryption_key": "",
        "sftp_hostname": "",
        "sftp_port": "22",
        "sftp_username": "",
        "decrypted_sftp_password": "",
        "sftp_file_path": "",
        **fields,
    }


def errors_of(answer: Any) -> dict[str, list[str]]:
    return dict(answer.context["adminform"].form.errors)


def test_a_complete_form_makes_a_configuration(console: Client, customer: EnterpriseCustomer) -> None:
    catalog = CatalogFactory(enterprise_customer=customer)
    answer = console.post(reverse(ADD), form(customer, enterprise_customer_catalogs=str(catalog.pk)))
    assert answer.status_code == 302, errors_of(answer)
    made = stored()
    assert (made.email, made.decrypted_password, made.day_of_month) == (
        ["a@acme.test", "b@acme.test"],
        "s3cret-word",
        1,
    )
    assert list(made.enterprise_customer_catalogs.all()) == [catalog]
    assert str(catalog.pk) in console.get(reverse(CHANGE, args=[made.pk])).content.decode()


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"frequency": "weekly"}, {"day_of_week"}),
        ({"day_of_month": ""}, {"day_of_month"}),
        ({"frequency": "daily", "day_of_month": ""}, set()),
        ({"frequency": "weekly", "day_of_week": "0", "day_of_month": ""}, set()),
        (
            {"delivery_method": "sftp"},
            {"sftp_hostname", "sftp_username", "sftp_file_path", "decrypted_sftp_password"},
        ),
        (
            {
                "delivery_method": "sftp",
                "sftp_hostname": "files.acme.test",
                "sftp_username": "ops",
                "sftp_file_path": "/in",
                "decrypted_sftp_password": "word",
                "decrypted_password": "",
            },
            set(),
        ),
        ({"decrypted_password": ""}, {"decrypted_password"}),
        ({"decrypted_password": "x" * 257}, {"decrypted_password"}),
        ({"pgp_encryption_key": "no key"}, {"pgp_encryption_key"}),
        ({"email": "nobody"}, {"email"}),
        ({"hour_of_day": "24"}, {"hour_of_day"}),
        ({"enterprise_customer_catalogs": "foreign"}, {"enterprise_customer_catalogs"}),
    ],
)
def test_a_configuration_that_could_not_work_is_refused(
    console: Client, customer: EnterpriseCustomer, fields: dict[str, str], wrong: set[str]
) -> None:
    foreign = CatalogFactory()
    if "enterprise_customer_catalogs" in fields:
        fields = {"enterprise_customer_catalogs": str(foreign.pk)}
    answer = console.post(reverse(ADD), form(customer, **fields))
    assert "Enter a list of values." not in str(errors_of(answer) if answer.status_code == 200 else "")
    assert (set(errors_of(answer)) if answer.status_code == 200 else set()) == wrong
    assert EnterpriseCustomerReportingConfiguration.objects.exists() is not bool(wrong)


def test_a_pgp_key_stands_in_for_a_password(console: Client, customer: EnterpriseCustomer) -> None:
    import pysequoia

    key = str(pysequoia.Tsk.generate(user_id="Ops").extract_certificate())
    fields = form(customer, decrypted_password="", pgp_encryption_key=key)
    assert console.post(reverse(ADD), fields).status_code == 302
    assert stored().decrypted_password is None


def test_passwords_are_written_and_never_shown(console: Client, customer: EnterpriseCustomer) -> None:
    made = ReportingConfigurationFactory(enterprise_customer=customer, decrypted_password="s3cret-word")
    path = reverse(CHANGE, args=[made.pk])
    page = console.get(path).content.decode()
    assert "s3cret-word" not in page
    assert 'type="password"' in page
    assert "There is one; leave this empty to keep it." in page
    kept = form(customer, decrypted_password="", hour_of_day="9")
    assert console.post(path, kept).status_code == 302
    assert (stored().decrypted_password, stored().hour_of_day) == ("s3cret-word", 9)
    assert console.post(path, {**kept, "decrypted_password": "another-word"}).status_code == 302
    assert stored().decrypted_password == "another-word"
    refused = console.post(path, {**kept, "decrypted_password": "third-word", "hour_of_day": "99"})
    assert "third-word" not in refused.content.decode()
    logged = " ".join(f"{entry.change_message} {entry.object_repr}" for entry in LogEntry.objects.all())
    assert "word" not in logged.replace("password", "").replace("Password", "")


def test_a_password_that_no_key_opens_survives_the_form(
    console: Client, customer: EnterpriseCustomer, settings: Any
) -> None:
    made = ReportingConfigurationFactory(enterprise_customer=customer, decrypted_password="s3cret-word")
    ReportingConfigurationFactory(enterprise_customer=customer, decrypted_sftp_password="other-word")
    before, keys = tokens_of(made.pk), settings.ENTERPRISE_REPORTING_SECRET
    settings.ENTERPRISE_REPORTING_SECRET = [Fernet.generate_key().decode()]
    fields = form(customer, decrypted_password="", frequency="daily", delivery_method="sftp")
    complete = {"sftp_hostname": "h", "sftp_username": "u", "sftp_file_path": "/", "decrypted_sftp_password": "new"}
    assert console.post(reverse(CHANGE, args=[made.pk]), {**fields, **complete}).status_code == 302
    assert tokens_of(made.pk)[0] == before[0]
    settings.ENTERPRISE_REPORTING_SECRET = keys
    assert EnterpriseCustomerReportingConfiguration.objects.get(pk=made.pk).decrypted_password == "s3cret-word"


def test_who_may_only_look_sees_no_password(customer: EnterpriseCustomer) -> None:
    made = ReportingConfigurationFactory(enterprise_customer=customer, decrypted_password="s3cret-word")
    looker = UserFactory(staff=True)
    looker.user_permissions.add(Permission.objects.get(codename="view_enterprisecustomerreportingconfiguration"))
    client = Client()
    client.force_login(looker)
    answer = client.get(reverse(CHANGE, args=[made.pk]))
    assert answer.status_code == 200
    assert "s3cret-word" not in answer.content.decode()


def test_kept_analytics_summaries_can_only_be_looked_at(console: Client, customer: EnterpriseCustomer) -> None:
    row = ChatGPTResponse.objects.create(
        enterprise_customer=customer, prompt="How many?", response="Three.", prompt_type="learner_progress"
    )
    page = console.get(reverse("admin:enterprise_chatgptresponse_change", args=[row.pk]))
    assert page.status_code == 200
    assert b"Three." in page.content
    assert console.get(reverse("admin:enterprise_chatgptresponse_add")).status_code == 403
    assert (
        console.post(reverse("admin:enterprise_chatgptresponse_delete", args=[row.pk]), {"post": "yes"}).status_code
        == 403
    )


# --- The world file -------------------------------------------------------------------------------------------------


@pytest.fixture
def load(tmp_path: Path) -> Any:
    """Loads configurations into the service, and gives the line of their section."""

    def run(*rows: dict[str, Any]) -> str:
        path, out = tmp_path / "world.json", io.StringIO()
        path.write_text(json.dumps({"reporting": list(rows)}))
        call_command("load_world", str(path), stdout=out)
        return next(line for line in out.getvalue().splitlines() if "reporting" in line)

    return run


def world_row(customer: EnterpriseCustomer, **fields: Any) -> dict[str, Any]:
    return {"uuid": CONFIGURATION, "customer": str(customer.pk), "active": True, "hour_of_day": 6, **fields}


def test_a_configuration_of_a_file_is_stored_once_with_encrypted_passwords(
    load: Any, customer: EnterpriseCustomer
) -> None:
    catalogs = [CatalogFactory(enterprise_customer=customer) for _ in range(2)]
    row = world_row(
        customer,
        id=77,
        email=["ops@acme.test"],
        decrypted_password="s3cret-word",
        decrypted_sftp_password="other-word",
        day_of_week=3,
        frequency="weekly",
        catalogs=[str(each.pk) for each in catalogs],
        created="2031-01-02T03:04:05Z",
    )
    load(row)
    made = stored()
    assert (made.pk, made.email, made.day_of_week, made.sftp_port) == (77, ["ops@acme.test"], 3, 22)
    assert (made.decrypted_password, made.decrypted_sftp_password) == ("s3cret-word", "other-word")
    assert made.created.isoformat() == "2031-01-02T03:04:05+00:00"
    assert set(made.enterprise_customer_catalogs.all()) == set(catalogs)
    tokens = tokens_of(77)
    assert decrypted(tokens[0], KEYS) == "s3cret-word"
    load(row)
    assert tokens_of(77) == tokens  # nothing was saved
    assert stored().modified == made.modified


def test_a_changed_password_and_a_shorter_list_are_taken_over(load: Any, customer: EnterpriseCustomer) -> None:
    catalogs = [CatalogFactory(enterprise_customer=customer) for _ in range(2)]
    load(world_row(customer, decrypted_password="one", catalogs=[str(each.pk) for each in catalogs]))
    load(world_row(customer, decrypted_password="two", catalogs=[str(catalogs[1].pk)]))
    assert stored().decrypted_password == "two"
    assert list(stored().enterprise_customer_catalogs.all()) == [catalogs[1]]
    load(world_row(customer, hour_of_day=9))
    assert (stored().hour_of_day, stored().decrypted_password) == (9, "two")
    assert stored().enterprise_customer_catalogs.count() == 1


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"email": ["nobody"]}, "email", "is not an e-mail address"),
        ({"email": "ops@acme.test"}, "email", "not a list"),
        ({"hour_of_day": 24}, "hour_of_day", "less than or equal to 23"),
        ({"day_of_week": 7}, "day_of_week", "not a valid choice"),
        ({"pgp_encryption_key": "no key"}, "pgp_encryption_key", "Invalid PGP Key provided."),
        ({"delivery_method": "pigeon"}, "delivery_method", "not a valid choice"),
        ({"decrypted_password": "x" * 257}, "decrypted_password", "at most 256 characters"),
        ({"catalogs": [CONFIGURATION]}, "catalogs", "catalog"),
        ({"hour": 5}, "hour", "no such field"),
    ],
)
def test_a_file_with_an_impossible_value_is_refused(
    load: Any, customer: EnterpriseCustomer, fields: dict[str, Any], field: str, said: str
) -> None:
    with pytest.raises(CommandError) as refusal:
        load(world_row(customer, **fields))
    assert field in str(refusal.value)
    assert said in str(refusal.value)
    assert not EnterpriseCustomerReportingConfiguration.objects.exists()


def test_a_file_that_gives_a_configuration_a_foreign_catalog_is_refused(
    load: Any, customer: EnterpriseCustomer
) -> None:
    with pytest.raises(CommandError, match="belongs to another customer"):
        load(world_row(customer, catalogs=[str(CatalogFactory().pk)]))
    assert not EnterpriseCustomerReportingConfiguration.objects.exists()


# --- After a change of keys -----------------------------------------------------------------------------------------


def test_passwords_are_encrypted_anew_under_the_first_key(customer: EnterpriseCustomer, settings: Any) -> None:
    old, new = settings.ENTERPRISE_REPORTING_SECRET[0], Fernet.generate_key().decode()
    both = ReportingConfigurationFactory(
        enterprise_customer=customer, decrypted_password="one", decrypted_sftp_password="two"
    )
    none = ReportingConfigurationFactory(enterprise_customer=customer)
    settings.ENTERPRISE_REPORTING_SECRET = [new, old]
    out = io.StringIO()
    call_command("reencrypt_reporting_passwords", stdout=out)
    assert out.getvalue() == "2 passwords were encrypted anew.\n"
    settings.ENTERPRISE_REPORTING_SECRET = [new]
    found = EnterpriseCustomerReportingConfiguration.objects.get(pk=both.pk)
    assert (found.decrypted_password, found.decrypted_sftp_password) == ("one", "two")
    assert found.modified == both.modified
    assert tokens_of(none.pk) == (None, None)


def test_a_password_that_no_key_opens_stays_and_is_named(customer: EnterpriseCustomer, settings: Any) -> None:
    lost = ReportingConfigurationFactory(enterprise_customer=customer, decrypted_password="lost")
    settings.ENTERPRISE_REPORTING_SECRET = [Fernet.generate_key().decode()]
    kept = ReportingConfigurationFactory(enterprise_customer=customer, decrypted_sftp_password="kept")
    before, err = tokens_of(lost.pk), io.StringIO()
    with pytest.raises(CommandError, match="1 passwords could not be read"):
        call_command("reencrypt_reporting_passwords", stdout=io.StringIO(), stderr=err)
    assert err.getvalue() == f"No key opens decrypted_password of configuration {lost.pk}; it stays as it is.\n"
    assert tokens_of(lost.pk) == before
    assert decrypted(tokens_of(kept.pk)[1], KEYS) == "kept"


def test_many_passwords_take_a_few_statements(customer: EnterpriseCustomer, monkeypatch: pytest.MonkeyPatch) -> None:
    from enterprise.services import reporting

    monkeypatch.setattr(reporting, "BATCH", 4)
    EnterpriseCustomerReportingConfiguration.objects.bulk_create(
        EnterpriseCustomerReportingConfiguration(
            enterprise_customer=customer, active=True, hour_of_day=1, decrypted_password=f"word {number}"
        )
        for number in range(8)
    )
    with CaptureQueriesContext(connection) as captured:
        call_command("reencrypt_reporting_passwords", stdout=io.StringIO())
    # For each four: their ids, their passwords, one update; and the ids that are not there.
    assert len([each for each in captured if "SAVEPOINT" not in each["sql"]]) == 7
    words = EnterpriseCustomerReportingConfiguration.objects.order_by("pk").values_list("decrypted_password", flat=True)
    assert list(words) == [f"word {number}" for number in range(8)]


def test_tokens_differ_each_time() -> None:
    assert encrypted("word", KEYS) != encrypted("word", KEYS)
