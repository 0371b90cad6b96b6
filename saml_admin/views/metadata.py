"""`/auth/saml/metadata.xml`: how the service presents itself to identity providers (contract: clients 3.3)."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from lxml import etree

from enterprise.models.customers import own_site_id
from saml_admin.metadata.parsing import METADATA, PROTOCOL
from saml_admin.models import SAMLConfiguration
from saml_admin.queries.providers import configuration_of, current_providers, slug_of

SIGNATURES = "http://www.w3.org/2000/09/xmldsig#"
POST_BINDING = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
COMPLETE = "/auth/complete/tpa-saml/"


@require_safe
def service_provider_metadata(request: HttpRequest) -> HttpResponse:
    """The metadata of the service, for the provider that `tpa_hint` names, else the default one; for everybody."""
    hint = request.GET.get("tpa_hint", "")
    slug = slug_of(hint) or hint
    provider = current_providers([slug]).select_related("saml_configuration").first() if slug else None
    configuration = configuration_of(provider, own_site_id())
    if configuration is None:
        raise Http404
    return HttpResponse(_document(configuration), content_type="text/xml")


def _document(configuration: SAMLConfiguration) -> bytes:
    root = etree.Element(
        f"{{{METADATA}}}EntityDescriptor",
        nsmap={"md": METADATA, "ds": SIGNATURES},
        entityID=configuration.entity_id,
    )
    role = etree.SubElement(root, f"{{{METADATA}}}SPSSODescriptor", protocolSupportEnumeration=PROTOCOL)
    if certificate := _bare(configuration.public_key):
        key = etree.SubElement(role, f"{{{METADATA}}}KeyDescriptor", use="signing")
        info = etree.SubElement(key, f"{{{SIGNATURES}}}KeyInfo")
        data = etree.SubElement(info, f"{{{SIGNATURES}}}X509Data")
        etree.SubElement(data, f"{{{SIGNATURES}}}X509Certificate").text = certificate
    etree.SubElement(
        role,
        f"{{{METADATA}}}AssertionConsumerService",
        Binding=POST_BINDING,
        Location=f"{settings.LMS_ROOT_URL}{COMPLETE}",
        index="1",
    )
    document: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return document


def _bare(certificate: str) -> str:
    """The base64 of a certificate, without the lines that PEM puts around it."""
    return "".join(line.strip() for line in certificate.splitlines() if not line.startswith("-----"))
