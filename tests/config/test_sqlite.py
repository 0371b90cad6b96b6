"""Texts are compared alike on both databases (config/db/sqlite.py)."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models.functions import Lower

from enrollments.models import User
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("text", "wanted"), [("ÄÖ-É", "äö-é"), ("Жук", "жук"), ("A1", "a1"), ("", ""), (None, None)])
def test_the_database_lowers_all_letters(text, wanted):
    with connection.cursor() as cursor:
        cursor.execute("SELECT lower(CAST(%s AS varchar(9)))", [text])
        assert cursor.fetchone() == (wanted,)


def test_the_index_on_lowered_addresses_is_used_and_finds_all_spellings():
    ana = UserFactory(email="ÄNA@uni.example")
    rows = User.objects.alias(lowered=Lower("email")).filter(lowered="äna@uni.example").exclude(email="")
    assert rows.get() == ana
    if connection.vendor == "sqlite":
        assert "USING INDEX" in rows.explain()
