"""The mails to people who come into a group or leave it (contract: enterprise-admins-groups-sso, Groups)."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone
from rest_framework.test import APIClient

from enrollments.models import OutboxMessage
from enrollments.services import outbox
from enterprise.models import EnterpriseCustomer, EnterpriseGroup, EnterpriseGroupMembership
from tests.enterprise.group_learners.calls import assign_to, member, remove_from, waiting
from tests.factories import CatalogFactory, CourseFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def catalog(acme: EnterpriseCustomer, settle_content: Any) -> Any:
    CourseFactory.create_batch(3)
    made = CatalogFactory(enterprise_customer=acme, content_filter={"content_type": "course"})
    settle_content()
    return made


@pytest.fixture
def invite(boss: APIClient, catalog: Any, django_capture_on_commit_callbacks: Any) -> Any:
    """`invite(group, "a@x.io")` assigns with both optional values, unless others are given."""

    def call(group: EnterpriseGroup, *addresses: str, **fields: Any) -> Any:
        sent = {"act_by_date": "2031-05-02T00:00:00Z", "catalog_uuid": str(catalog.pk), **fields}
        with django_capture_on_commit_callbacks(execute=True):
            return boss.post(assign_to(group), {"learner_emails": addresses, **sent})

    return call


def test_new_members_are_told_what_they_may_choose_from_and_until_when(invite: Any, budget: EnterpriseGroup) -> None:
    UserFactory(email="lou@x.io")
    assert invite(budget, "lou@x.io", "kai@x.io").status_code == 201
    assert {letter.to[0] for letter in mail.outbox} == {"lou@x.io", "kai@x.io"}
    letter = mail.outbox[0]
    assert "Acme" in letter.subject
    assert "3 courses and programs until May 02, 2031" in letter.body
    assert 'href="mailto:help@acme.example"' in letter.alternatives[0].content


def test_no_mail_goes_out_without_both_values_nor_to_old_or_revived_members(
    invite: Any, budget: EnterpriseGroup
) -> None:
    invite(budget, "a@x.io", act_by_date=None)
    invite(budget, "b@x.io", catalog_uuid=None)
    invite(budget, "a@x.io")
    waiting(budget, "c@x.io", is_removed=True)
    invite(budget, "c@x.io")
    assert mail.outbox == []
    invite(budget, "d@x.io", "a@x.io")
    assert [letter.to for letter in mail.outbox] == [["d@x.io"]]


def test_removed_members_are_told_if_a_catalog_is_given(
    boss: APIClient, budget: EnterpriseGroup, catalog: Any, django_capture_on_commit_callbacks: Any
) -> None:
    member(budget, "lou@x.io")
    waiting(budget, "kai@x.io")
    waiting(budget, "lee@x.io")
    with django_capture_on_commit_callbacks(execute=True):
        boss.post(remove_from(budget), {"learner_emails": ["lee@x.io"]})
        boss.post(remove_from(budget), {"remove_all": True, "catalog_uuid": str(catalog.pk)})
    assert {letter.to[0] for letter in mail.outbox} == {"lou@x.io", "kai@x.io"}
    assert "3 courses and programs" in mail.outbox[0].body


def test_a_catalog_that_is_not_known_marks_nothing_and_sends_nothing(invite: Any, budget: EnterpriseGroup) -> None:
    invite(budget, "kai@x.io", catalog_uuid=str(uuid.uuid4()))
    assert mail.outbox == []
    assert EnterpriseGroupMembership.objects.get().status == "pending"
    assert OutboxMessage.objects.get().state == OutboxMessage.State.FAILED


def test_a_mail_that_cannot_be_sent_marks_the_membership_until_it_is_sent(
    invite: Any, budget: EnterpriseGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    UserFactory(email="lou@x.io")
    with monkeypatch.context() as patch:
        patch.setattr("django.core.mail.backends.locmem.EmailBackend.send_messages", lambda *args: 1 / 0)
        invite(budget, "lou@x.io", "kai@x.io")
    rows = EnterpriseGroupMembership.objects
    assert {row.status for row in rows.all()} == {"email_error"}
    assert all(row.errored_at for row in rows.all())
    OutboxMessage.objects.update(next_attempt_at=timezone.now())
    outbox.deliver()
    assert len(mail.outbox) == 2
    assert {row.errored_at for row in rows.all()} == {None}
    assert rows.get(enterprise_customer_user__isnull=False).status == "accepted"
    assert rows.get(enterprise_customer_user__isnull=True).status == "pending"
