"""The sections of the world file that this app loads (contract: world-format)."""

from saml_admin.world.providers import SAML_CONFIGURATIONS, SAML_PROVIDER_DATA, SAML_PROVIDERS
from saml_admin.world.sso_configurations import SSO_CONFIGURATIONS

SECTIONS = (SAML_CONFIGURATIONS, SAML_PROVIDERS, SAML_PROVIDER_DATA, SSO_CONFIGURATIONS)
