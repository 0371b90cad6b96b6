"""Answers in XML (contract: enterprise-customers 4.5)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from lxml import etree

from config.api.renderers import XMLRenderer

HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"count": 0, "next": None, "results": []}, "<count>0</count><next></next><results></results>"),
        (["a", {"b": 1}], "<list-item>a</list-item><list-item><b>1</b></list-item>"),
        ({"at": datetime(2031, 1, 10, 8, 30, tzinfo=UTC)}, "<at>2031-01-10T08:30:00Z</at>"),
        ({"id": uuid.UUID(int=1)}, "<id>00000000-0000-0000-0000-000000000001</id>"),
        ({"detail": "1 < 2 & 3"}, "<detail>1 &lt; 2 &amp; 3</detail>"),
    ],
)
def test_values_as_elements(data, text):
    assert XMLRenderer().render(data) == f"{HEAD}<root>{text}</root>"


@pytest.mark.parametrize("key", ["", "2u", "course:A+B", "a b", "><x", "é", "-", 5, "\x00"])
@pytest.mark.parametrize("value", ["plain", "\x00\x08\x1f\x7f", "\ud800", "\ufffe", "<![CDATA[", "\U0001f600", "\t\n"])
def test_whatever_it_holds_the_document_is_well_formed(key, value):
    document = etree.fromstring(XMLRenderer().render({key: [value]}).encode())
    assert document.tag == "root"
    assert [each.tag for each in document[0]] == ["list-item"]


def test_nothing_to_render_is_no_body():
    assert not XMLRenderer().render(None)
