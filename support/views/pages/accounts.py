"""The page of a learner's account, and the question to disable or enable it (contract: support, manage_user)."""

from __future__ import annotations

from typing import Any

from config.api.exceptions import Refusal
from enrollments.models import User
from support.queries.accounts import managed_account
from support.queries.people import find_person
from support.services.accounts import toggle_password
from support.views.pages.frame import MANAGE_USER, ActionPage, LearnerPage, given_learner, given_text

LONGEST_COMMENT = 255
NOBODY = "Could not find user {}."
TOO_LONG = f"The comment may have {LONGEST_COMMENT} characters at most."
CHANGED_MEANWHILE = "Somebody else has changed this account in the meantime: nothing was done. Look at it again."


class ManageUserPage(LearnerPage):
    """An account, whether its password works, and who changed that."""

    entry = MANAGE_USER
    template_name = "support/manage_user.html"

    def about(self, person: User) -> dict[str, Any]:
        managed = managed_account(person.username)
        return {"usable": person.has_usable_password(), "history": managed.history if managed else []}


class TogglePassword(ActionPage):
    """Disable an account, or enable it again."""

    entry = MANAGE_USER
    form_template = "support/forms/toggle_password.html"

    def question(self) -> dict[str, Any]:
        person = self.person()
        disables = person.has_usable_password()
        return {
            "action_title": f"{'Disable' if disables else 'Enable'} the account of {person.username}",
            "person": person,
            "disables": disables,
            "is_oneself": person.pk == self.agent.pk,
            "danger": disables,
            "button": "Disable account" if disables else "Enable account",
        }

    def act(self) -> str:
        person, comment = self.person(), given_text(self.request, "comment")
        if len(comment) > LONGEST_COMMENT:
            raise Refusal(TOO_LONG)
        # It is a toggle: two agents who both mean to disable must not enable together.
        if person.has_usable_password() != (given_text(self.request, "wanted") == "disable"):
            raise Refusal(CHANGED_MEANWHILE)
        disabled = toggle_password(person, self.agent, comment or None)
        return "User Disabled Successfully" if disabled else "User Enabled Successfully"

    def person(self) -> User:
        """The learner of the query.

        Raises:
            Refusal: there is nobody of that name.
        """
        asked = given_learner(self.request)
        person = find_person(asked) if asked else None
        if person is None:
            raise Refusal(NOBODY.format(asked))
        return person
