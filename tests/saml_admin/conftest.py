"""An identity provider on this machine: a real HTTPS server with a certificate of a throw-away authority.

The safety rules stand: names resolve to an address of the wide world, and what is to go there ends here.
"""

from __future__ import annotations

import base64
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from saml_admin.metadata import addresses, fetching

WIDE_WORLD = "93.184.216.34"
HOST = "idp.blue.example"
ENTITY = "https://idp.blue.example"
SSO_URL = "https://idp.blue.example/sso"


def descriptor(
    entity_id: str = ENTITY,
    *,
    certificates: tuple[str, ...] = ("MIIC1",),
    use: str = ' use="signing"',
    sso_url: str = SSO_URL,
    about: str = "",
    binding: str = "HTTP-Redirect",
    protocol: str = "urn:oasis:names:tc:SAML:2.0:protocol",
) -> str:
    """An EntityDescriptor, as identity providers publish it."""
    keys = "".join(
        f"<md:KeyDescriptor{use}><ds:KeyInfo><ds:X509Data><ds:X509Certificate>\n  {each[:3]}\n  {each[3:]}\n"
        "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        for each in certificates
    )
    return (
        '<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" '
        f'xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="{entity_id}"{about}>'
        f'<md:IDPSSODescriptor protocolSupportEnumeration="{protocol}">{keys}'
        '<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" '
        'Location="https://idp.blue.example/post"/>'
        f'<md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:{binding}" Location="{sso_url}"/>'
        "</md:IDPSSODescriptor></md:EntityDescriptor>"
    )


class _Authority:
    """Signs certificates of servers, for as long as the tests run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Throw-away authority")])
        self.certificate = self._signed(self.name, self.key.public_key(), None, timedelta(days=1))
        self.file = folder / "authority.pem"
        self.file.write_bytes(self.certificate.public_bytes(serialization.Encoding.PEM))

    def server_context(self, host: str, lives: timedelta = timedelta(days=1)) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = self._signed(subject, key.public_key(), host, lives)
        pem = self.folder / f"{host}-{lives.days}.pem"
        pem.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        return context

    def _signed(self, subject: x509.Name, key: Any, host: str | None, lives: timedelta) -> x509.Certificate:
        now = datetime.now(UTC)
        built = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=3))
            .not_valid_after(now + lives)
            .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
        )
        if host is not None:
            built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        return built.sign(self.key, hashes.SHA256())


@dataclass
class IdentityProvider:
    """What the server answers, and what it was asked.

    Args:
        document: the body of the answer; a callable writes it itself.
        resolved: the addresses that names resolve to.
        connected: where connections were opened to: address and port.
    """

    document: str | bytes | Callable[[BaseHTTPRequestHandler], None] = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    resolved: list[str] = field(default_factory=lambda: [WIDE_WORLD])
    connected: list[tuple[str, int]] = field(default_factory=list)
    asked: list[tuple[str, str]] = field(default_factory=list)
    present: Callable[..., None] = lambda *args: None
    url: str = f"https://{HOST}/metadata"


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> _Authority:
    return _Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def idp(authority: _Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[IdentityProvider]:
    """`idp.document = ...; fetch(idp.url)`. `idp.present(host, lives)` changes the server's certificate."""
    provider = IdentityProvider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            provider.asked.append((self.headers["Host"], self.path))
            if callable(provider.document):
                provider.document(self)
                return
            body = provider.document.encode() if isinstance(provider.document, str) else provider.document
            self.send_response(provider.status)
            for name, value in provider.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        context = authority.server_context(HOST)

        def handle_error(self, *args: Any) -> None:  # refused handshakes are what some tests are about
            pass

        def finish_request(self, request: Any, client_address: Any) -> None:
            super().finish_request(self.context.wrap_socket(request, server_side=True), client_address)

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    class Diverted(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            provider.connected.append((request.url.host, request.url.port or 443))
            request.url = request.url.copy_with(host="127.0.0.1", port=server.server_port)
            return super().handle_request(request)

    def present(host: str, lives: timedelta = timedelta(days=1)) -> None:
        server.context = authority.server_context(host, lives)

    provider.present = present
    trusted = ssl.create_default_context(cafile=str(authority.file))
    monkeypatch.setattr(fetching, "transport", lambda: Diverted(verify=trusted))
    monkeypatch.setattr(addresses, "resolve", lambda host, port: provider.resolved)
    yield provider
    server.shutdown()
    server.server_close()


def dripping(seconds: float) -> Callable[[BaseHTTPRequestHandler], None]:
    """An answer that comes byte by byte for a while."""

    def write(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.02)

    return write


def certificate_text(length: int = 900) -> str:
    """Base64 of about a certificate's length."""
    return base64.b64encode(bytes(range(256)) * (length // 256)).decode()
