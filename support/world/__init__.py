"""The sections of the world file that this app loads, and what it adds to others (contract: world-format)."""

from support.world.accounts import PASSWORD_TOGGLES
from support.world.course_resets import COURSE_RESETS
from support.world.entitlements import ENTITLEMENTS
from support.world.feature_based_enrollments import FEATURE_BASED_SETTINGS, RUN_SETTINGS
from support.world.onboarding import ONBOARDING

SECTIONS = (FEATURE_BASED_SETTINGS, ENTITLEMENTS, ONBOARDING, PASSWORD_TOGGLES, COURSE_RESETS)
EXTENSIONS = (RUN_SETTINGS,)
