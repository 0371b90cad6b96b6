"""Texts that are encrypted at rest (contract: settings, ENTERPRISE_REPORTING_SECRET; enterprise-customers 2)."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.core.exceptions import FieldError, ImproperlyConfigured, ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Value

from config.db.secrets import EncryptedTextField, Unreadable, decrypted, encrypted
from enrollments.models import OAuthApplication
from tests.factories import OAuthApplicationFactory

KEYS = "CLIENT_SECRET_KEYS"


def stored(application: OAuthApplication) -> str:
    """What the column holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"select readable_client_secret from {OAuthApplication._meta.db_table} where id = %s",
            [application.pk],
        )
        return str(cursor.fetchone()[0])


def again(application: OAuthApplication) -> OAuthApplication:
    return OAuthApplication.objects.get(pk=application.pk)


@pytest.fixture
def application(db: None) -> OAuthApplication:
    return OAuthApplicationFactory(readable_client_secret="Grüße, 50 %")


def test_the_column_holds_a_token_and_the_attribute_the_text(application):
    assert "Gr" not in stored(application)
    assert decrypted(stored(application), KEYS) == "Grüße, 50 %"
    assert again(application).readable_client_secret == "Grüße, 50 %"
    assert (
        OAuthApplication.objects.filter(pk=application.pk).values_list("readable_client_secret", flat=True).get()
        == "Grüße, 50 %"
    )


def test_every_save_writes_another_token(application):
    before = stored(application)
    application.save()
    assert stored(application) != before
    assert again(application).readable_client_secret == "Grüße, 50 %"


def test_updates_and_bulk_writes_encrypt_too(application):
    OAuthApplication.objects.update(readable_client_secret="second")
    assert decrypted(stored(application), KEYS) == "second"
    application.readable_client_secret = "third"
    OAuthApplication.objects.bulk_update([application], ["readable_client_secret"])
    assert decrypted(stored(application), KEYS) == "third"
    OAuthApplication.objects.update(readable_client_secret=Value(encrypted("fourth", KEYS)))
    assert again(application).readable_client_secret == "fourth"


def test_an_empty_text_stays_one(application):
    OAuthApplication.objects.update(readable_client_secret="")
    assert stored(application) == ""
    assert again(application).readable_client_secret == ""


def test_the_first_key_encrypts_and_all_decrypt(application, settings):
    old, new = settings.CLIENT_SECRET_KEYS[0], Fernet.generate_key().decode()
    settings.CLIENT_SECRET_KEYS = [new, old]
    again(application).save()
    settings.CLIENT_SECRET_KEYS = [new]
    assert again(application).readable_client_secret == "Grüße, 50 %"


def test_what_no_key_decrypts_reads_empty_and_survives_a_save(application, settings, caplog):
    kept, keys = stored(application), settings.CLIENT_SECRET_KEYS
    settings.CLIENT_SECRET_KEYS = [Fernet.generate_key().decode()]
    found = again(application)
    assert found.readable_client_secret == ""
    assert isinstance(found.readable_client_secret, Unreadable)
    assert "CLIENT_SECRET_KEYS" in caplog.text
    found.save()
    assert stored(application) == kept
    settings.CLIENT_SECRET_KEYS = keys
    assert again(application).readable_client_secret == "Grüße, 50 %"


def test_a_command_moves_all_secrets_to_the_first_key(application, settings, capsys):
    old, new = settings.CLIENT_SECRET_KEYS[0], Fernet.generate_key().decode()
    OAuthApplicationFactory()  # one whose secret nobody reads
    settings.CLIENT_SECRET_KEYS = [new, old]
    call_command("reencrypt_client_secrets")
    assert capsys.readouterr().out == "1 secrets were encrypted anew.\n"
    settings.CLIENT_SECRET_KEYS = [new]
    assert again(application).readable_client_secret == "Grüße, 50 %"


def test_the_command_names_what_no_key_opens_and_leaves_it(application, settings):
    kept, settings.CLIENT_SECRET_KEYS = stored(application), [Fernet.generate_key().decode()]
    second = OAuthApplicationFactory(readable_client_secret="readable")
    before = stored(second)
    with pytest.raises(CommandError, match=application.client_id):
        call_command("reencrypt_client_secrets")
    assert stored(application) == kept
    assert stored(second) != before
    assert again(second).readable_client_secret == "readable"


def test_rows_are_not_found_by_a_secret(application):
    assert OAuthApplication.objects.filter(readable_client_secret__isnull=False).get() == application
    for lookup in ("readable_client_secret", "readable_client_secret__startswith", "readable_client_secret__in"):
        with pytest.raises(FieldError):
            OAuthApplication.objects.filter(**{lookup: "Grüße, 50 %"}).exists()


def test_a_foreign_token_is_refused():
    with pytest.raises(InvalidToken):
        decrypted("gAAAAA", KEYS)


@pytest.mark.parametrize("keys", [[], ["short"], ["not a key at all, but as long as one is......"]])
def test_keys_that_are_none_are_a_fault_of_the_configuration(settings, keys):
    settings.CLIENT_SECRET_KEYS = keys
    with pytest.raises(ImproperlyConfigured, match="CLIENT_SECRET_KEYS"):
        encrypted("text", KEYS)


def test_a_migration_can_write_the_field_down():
    field = EncryptedTextField(keys=KEYS, null=True)
    _, path, args, options = field.deconstruct()
    assert (path, args, options) == ("config.db.secrets.EncryptedTextField", [], {"null": True, "keys": KEYS})


def test_the_longest_text_is_measured_in_clear():
    field = EncryptedTextField(keys=KEYS, max_length=5)
    assert field.clean("12345", None) == "12345"
    with pytest.raises(ValidationError, match="at most 5 characters"):
        field.clean("123456", None)
    assert field.deconstruct()[3] == {"max_length": 5, "keys": KEYS}
