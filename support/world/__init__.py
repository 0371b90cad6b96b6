"""The sections of the world file that this app loads (contract: world-format)."""

from support.world.accounts import PASSWORD_TOGGLES
from support.world.entitlements import ENTITLEMENTS

SECTIONS = (ENTITLEMENTS, PASSWORD_TOGGLES)
