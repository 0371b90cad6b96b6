"""Fetching and reading metadata (contract: enterprise-admins-groups-sso, Metadata URL safety rules, parsing)."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

import pytest

from saml_admin.metadata import (
    MetadataFetchFailed,
    MetadataSyntaxError,
    MetadataUnusable,
    MetadataUrlRefused,
    addresses,
    fetch,
    fetching,
    find_entity_id,
    parse,
)
from tests.saml_admin.conftest import ENTITY, HOST, SSO_URL, WIDE_WORLD, IdentityProvider, descriptor, dripping

FORBIDDEN = "SAML metadata URL hostname is a forbidden IP address: {}"
PRIVATE = (
    "SAML metadata URL hostname is a private IP address: {}. "
    "Set SAML_METADATA_URL_ALLOW_PRIVATE_IPS = True in Django settings to allow this."
)


def refusal(url: str) -> str:
    with pytest.raises(MetadataUrlRefused) as refused:
        fetch(url)
    return str(refused.value)


# --- Rules ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "scheme"), [("http://idp.example/x", "http"), ("ftp://idp.example", "ftp"), ("idp.example/x", ""), ("", "")]
)
def test_only_https_will_do(url: str, scheme: str) -> None:
    assert refusal(url) == f"SAML metadata URL must use HTTPS, got scheme: '{scheme}'"


@pytest.mark.parametrize("url", ["https://", "https:///path", "https://:443/"])
def test_a_host_is_needed(url: str) -> None:
    assert refusal(url) == "SAML metadata URL has no hostname"


@pytest.mark.parametrize("url", ["https://idp.example:99999/", "https://[::1/", "https://idp..example/"])
def test_what_is_no_url_is_refused(url: str) -> None:
    assert refusal(url).startswith("SAML metadata URL is malformed")


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.9.9.9", "[::1]", "169.254.169.254", "169.254.0.1", "[fe80::1]", "[fe80::1%25eth0]",
        "240.0.0.1", "255.255.255.255", "[::ffff:8.8.8.8]", "[::ffff:10.0.0.1]", "224.0.0.1", "[ff02::1]",
        "100.64.0.1", "[fec0::1]",
        "[64:ff9b::7f00:1]", "[64:ff9b::a00:1]", "[2002:7f00:1::]", "[2002:c0a8:101::]",
    ],
)  # fmt: skip
def test_addresses_of_this_machine_and_its_surroundings_are_always_refused(
    settings: Any, host: str, allowed: bool
) -> None:
    settings.SAML_METADATA_URL_ALLOW_PRIVATE_IPS = allowed
    shown = ip_address(host.strip("[]").partition("%")[0])
    assert refusal(f"HTTPS://{host}/metadata") == FORBIDDEN.format(shown)


PRIVATE_HOSTS = [
    "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "[fc00::1]", "[fd12::1]", "198.18.0.1", "192.0.2.1",
    "198.51.100.1", "203.0.113.1",
]  # fmt: skip


@pytest.mark.parametrize("host", [*PRIVATE_HOSTS, "0.0.0.0"])
def test_private_addresses_are_refused_unless_the_settings_allow_them(host: str) -> None:
    assert refusal(f"https://{host}/metadata") == PRIVATE.format(host.strip("[]"))


@pytest.mark.parametrize("host", PRIVATE_HOSTS)
def test_private_addresses_are_fetched_from_where_the_settings_allow_them(
    settings: Any, idp: IdentityProvider, host: str
) -> None:
    settings.SAML_METADATA_URL_ALLOW_PRIVATE_IPS = True
    with pytest.raises(MetadataFetchFailed):  # the certificate is not that of the address
        fetch(f"https://{host}/metadata")
    assert idp.connected == [(host.strip("[]"), 443)]


def test_the_unspecified_address_leads_to_this_machine_and_stays_refused(settings: Any) -> None:
    settings.SAML_METADATA_URL_ALLOW_PRIVATE_IPS = True
    assert refusal("https://0.0.0.0/") == FORBIDDEN.format("0.0.0.0")


@pytest.mark.parametrize(
    "resolved", [["127.0.0.1"], [WIDE_WORLD, "169.254.169.254"], ["::1"], ["100.64.1.1"], ["::ffff:127.0.0.1"]]
)
def test_a_name_is_refused_if_any_of_its_addresses_is(idp: IdentityProvider, resolved: list[str]) -> None:
    idp.resolved = resolved
    assert refusal(idp.url) == FORBIDDEN.format(ip_address(resolved[-1]))
    assert idp.connected == []


def test_a_name_with_a_private_address_is_refused(idp: IdentityProvider) -> None:
    idp.resolved = ["10.0.0.5"]
    assert refusal(idp.url) == PRIVATE.format("10.0.0.5")


@pytest.mark.parametrize("host", ["2130706433", "0x7f000001", "127.1", "localhost"])
def test_other_spellings_of_this_machine_are_refused_too(host: str) -> None:
    assert refusal(f"https://{host}/metadata").startswith("SAML metadata URL hostname is a forbidden IP address:")


def test_the_address_that_was_looked_at_is_the_one_connected_to(
    idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = iter([[WIDE_WORLD], ["127.0.0.1"]])
    monkeypatch.setattr(addresses, "resolve", lambda host, port: next(answers))  # another answer when asked again
    idp.document = descriptor()
    assert fetch(f"https://{HOST}:8443/metadata?x=1#part") == descriptor().encode()
    assert idp.connected == [(WIDE_WORLD, 8443)]
    assert idp.asked == [(f"{HOST}:8443", "/metadata?x=1")]


def test_a_name_that_has_no_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(*args: Any, **kwargs: Any) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nothing)
    with pytest.raises(MetadataFetchFailed, match="cannot be resolved"):
        fetch("https://nowhere.example/")


# --- The answer -----------------------------------------------------------------------------------------------------


def test_metadata_is_fetched_over_a_checked_connection(idp: IdentityProvider) -> None:
    idp.document = descriptor()
    assert fetch(idp.url) == descriptor().encode()
    assert idp.asked == [(HOST, "/metadata")]


@pytest.mark.parametrize(
    ("host", "lives"), [("other.example", timedelta(days=1)), (HOST, timedelta(days=-1))], ids=["host", "expired"]
)
def test_a_wrong_or_expired_certificate_is_refused(idp: IdentityProvider, host: str, lives: timedelta) -> None:
    idp.present(host, lives)
    with pytest.raises(MetadataFetchFailed, match="certificate"):
        fetch(idp.url)
    assert idp.asked == []


def test_an_unknown_authority_is_refused(idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    diverted = type(fetching.transport())
    monkeypatch.setattr(fetching, "transport", diverted)  # trusts the usual authorities
    with pytest.raises(MetadataFetchFailed, match="certificate"):
        fetch(idp.url)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_redirects_are_not_followed(idp: IdentityProvider, status: int) -> None:
    idp.status, idp.headers = status, {"Location": "https://169.254.169.254/latest/meta-data/"}
    with pytest.raises(MetadataFetchFailed, match=str(status)):
        fetch(idp.url)
    assert len(idp.connected) == 1


@pytest.mark.parametrize("status", [400, 404, 500])
def test_an_error_status_is_told(idp: IdentityProvider, status: int) -> None:
    idp.status = status
    with pytest.raises(MetadataFetchFailed, match=str(status)):
        fetch(idp.url)


def test_fifty_megabytes_are_too_much(idp: IdentityProvider) -> None:
    idp.document = b" " * 50 * 1024 * 1024
    with pytest.raises(MetadataFetchFailed, match="larger"):
        fetch(idp.url)


def test_an_answer_that_does_not_end_is_given_up(idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "SECONDS", 0.3)
    idp.document = dripping(5)
    with pytest.raises(MetadataFetchFailed, match="more than"):
        fetch(idp.url)


def test_an_answer_that_stops_is_given_up(idp: IdentityProvider, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "LONGEST_PAUSE", 0.2)
    monkeypatch.setattr(fetching, "SECONDS", 5)
    idp.document = lambda handler: __import__("time").sleep(2)
    with pytest.raises(MetadataFetchFailed):
        fetch(idp.url)


# --- Reading --------------------------------------------------------------------------------------------------------


def test_an_entity_is_read() -> None:
    read = parse(descriptor(certificates=("MIIC1", "MIIC2")), ENTITY)
    assert (read.entity_id, read.sso_url, read.expires_at) == (ENTITY, SSO_URL, None)
    assert read.certificates == ("MIIC1", "MIIC2")


def test_one_of_several_entities_is_read() -> None:
    others = descriptor("https://other.example", certificates=("OTHER",))
    document = f'<x:EntitiesDescriptor xmlns:x="urn:oasis:names:tc:SAML:2.0:metadata">{others}{descriptor()}'
    assert parse(f"{document}</x:EntitiesDescriptor>", ENTITY).certificates == ("MIIC1",)


def test_keys_for_signing_come_first_else_all_count() -> None:
    both = descriptor(certificates=("SIGN1",)).replace(
        "<md:KeyDescriptor", '<md:KeyDescriptor use="encryption"><ds:X509Certificate>SECRET</ds:X509Certificate>'
        "</md:KeyDescriptor><md:KeyDescriptor", 1
    )  # fmt: skip
    assert parse(both, ENTITY).certificates == ("SIGN1",)
    assert parse(descriptor(use=""), ENTITY).certificates == ("MIIC1",)
    assert parse(descriptor(use=' use="encryption"'), ENTITY).certificates == ("MIIC1",)


@pytest.mark.parametrize(
    "document",
    [
        descriptor("https://other.example"),
        descriptor(certificates=()),
        descriptor(binding="SOAP"),
        descriptor(sso_url="javascript:alert(1)"),
        descriptor(sso_url=f"https://idp.example/{'x' * 200}"),
        descriptor(protocol="urn:oasis:names:tc:SAML:1.1:protocol"),
        descriptor(about=' validUntil="soon"'),
        f"<EntityDescriptor entityID='{ENTITY}'/>",
        "<html/>",
    ],
)
def test_what_nobody_can_sign_in_with_is_refused(document: str) -> None:
    with pytest.raises(MetadataUnusable):
        parse(document, ENTITY)


BILLION_LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">'
    '<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;"><!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;">]><x>&e;</x>'
)
EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


@pytest.mark.parametrize("document", ["", "no xml", "<open>", "\0", BILLION_LAUGHS, EXTERNAL, "<!DOCTYPE x><x/>"])
def test_what_is_no_xml_or_has_a_document_type_is_refused(document: str) -> None:
    for read in (lambda: parse(document, ENTITY), lambda: find_entity_id(document)):
        with pytest.raises(MetadataSyntaxError) as refused:
            read()
        assert "root:" not in str(refused.value)


def test_the_earlier_limit_of_validity_counts() -> None:
    late, soon = "2090-01-02T03:04:05Z", "PT1H"
    assert parse(descriptor(about=f' validUntil="{late}"'), ENTITY).expires_at == datetime(
        2090, 1, 2, 3, 4, 5, tzinfo=UTC
    )
    for about in (f' cacheDuration="{soon}"', f' cacheDuration="{soon}" validUntil="{late}"'):
        expires = parse(descriptor(about=about), ENTITY).expires_at
        assert expires is not None
        assert abs(expires - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)
    assert parse(descriptor(about=' cacheDuration="P1M"'), ENTITY).expires_at is not None
    past = parse(descriptor(about=' validUntil="2001-01-01T00:00:00"'), ENTITY).expires_at
    assert past == datetime(2001, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (descriptor(), ENTITY),
        ("<all><EntityDescriptor entityID='a'/><EntityDescriptor entityID='b'/></all>", "a"),
        (f"<all xmlns:q='urn:q'><part><q:EntityDescriptor x='1' entityID = \"{ENTITY}\"/></part></all>", ENTITY),
        ("<all><EntityDescriptor/></all>", None),
        ("<all/>", None),
    ],
)
def test_the_entity_id_of_a_document_is_found(document: str, found: str | None) -> None:
    assert find_entity_id(document) == found
