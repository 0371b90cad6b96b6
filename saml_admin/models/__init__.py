"""Identity providers of customers, as an operator and the customers' admins describe them."""

from saml_admin.models.providers import SAMLConfiguration, SAMLProviderConfig, SAMLProviderData

__all__ = ["SAMLConfiguration", "SAMLProviderConfig", "SAMLProviderData"]
