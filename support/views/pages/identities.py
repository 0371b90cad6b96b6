"""Pages on how a learner signs in through institutions, and on onboarding exams (contract: support, index page)."""

from __future__ import annotations

import json
from typing import Any

from enrollments.models import User
from support.queries.onboarding import onboarding_of
from support.queries.sso_records import sso_records_of
from support.serializers.sso_records import extra_data_text
from support.views.pages.frame import ONBOARDING, SSO_RECORDS, LearnerPage


class SsoPage(LearnerPage):
    """The identities of a learner, with what was kept of earlier states; tokens are masked."""

    entry = SSO_RECORDS
    template_name = "support/sso.html"

    def about(self, person: User) -> dict[str, Any]:
        records = [
            {
                "identity": record.identity,
                "extra": shown(record.identity),
                "states": list(map(with_extra, record.history)),
            }
            for record in sso_records_of(person)
        ]
        return {"records": records}


class OnboardingPage(LearnerPage):
    """How a learner stands with onboarding exams."""

    entry = ONBOARDING
    template_name = "support/onboarding.html"

    def about(self, person: User) -> dict[str, Any]:
        return {"onboarding": onboarding_of(person)}


def with_extra(state: Any) -> dict[str, Any]:
    """A state of an identity beside its extra data as people read it."""
    return {"state": state, "extra": shown(state)}


def shown(identity: Any) -> str:
    """The extra data of an identity, a line for each of its parts."""
    return json.dumps(json.loads(extra_data_text(identity.extra_data)), indent=2, ensure_ascii=False)
