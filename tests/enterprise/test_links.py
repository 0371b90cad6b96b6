"""The learner link as a state machine (contract: enterprise-learners, Data model)."""

from __future__ import annotations

import pytest

from enterprise.models import (
    EnterpriseCourseEnrollment,
    EnterpriseCustomerInviteKey,
    EnterpriseCustomerUser,
    PendingEnrollment,
    PendingEnterpriseCustomerUser,
    SystemWideEnterpriseUserRoleAssignment,
)
from enterprise.services import links
from tests import factories
from tests.parallel import at_once, concurrent_writers

pytestmark = pytest.mark.django_db


@pytest.fixture
def mia():
    return factories.UserFactory(username="mia", email="Mia@acme.test")


def stored(customer, account):
    return EnterpriseCustomerUser.all_objects.get(enterprise_customer=customer, user_id=account.pk)


def roles_of(account):
    return sorted(
        SystemWideEnterpriseUserRoleAssignment.objects.filter(user=account).values_list(
            "role__name", "enterprise_customer__slug"
        )
    )


def changes(row):
    return "".join(row.history.order_by("history_id").values_list("history_type", flat=True))


# --- link ---------------------------------------------------------------------------------------------------------


def test_linking_an_account_makes_an_active_link_with_the_learner_role_and_a_history_row(acme, mia):
    outcome = links.link(acme, "Mia@acme.test")

    link = stored(acme, mia)
    assert outcome == links.Outcome(link, created=True)
    assert (link.active, link.linked, link.is_relinkable, link.user_fk) == (True, True, True, mia)
    assert roles_of(mia) == [("enterprise_learner", "acme")]
    assert changes(link) == "+"


def test_the_address_is_compared_ignoring_case(acme, mia):
    assert links.link(acme, "mIA@ACME.test").link == stored(acme, mia)


def test_linking_makes_the_links_to_other_customers_inactive_without_a_history_row(acme, bolt, mia):
    links.link(acme, mia.email)
    modified = stored(acme, mia).modified

    links.link(bolt, mia.email)

    other = stored(acme, mia)
    assert (other.active, other.linked, other.modified) == (False, True, modified)
    assert changes(other) == "+"
    assert stored(bolt, mia).active
    assert roles_of(mia) == [("enterprise_learner", "acme"), ("enterprise_learner", "bolt")]


def test_a_link_that_leaves_other_customers_alone_does_not_inactivate_them(acme, bolt, mia):
    factories.LearnerFactory(enterprise_customer=acme, user=mia)
    factories.LearnerFactory(enterprise_customer=bolt, user=mia, active=False, should_inactivate_other_customers=False)

    links.link(bolt, mia.email)

    assert stored(acme, mia).active
    assert stored(bolt, mia).active


def test_linking_again_changes_nothing_and_writes_no_history(acme, mia):
    links.link(acme, mia.email)
    before = stored(acme, mia)

    assert links.link(acme, mia.email).created is False

    after = stored(acme, mia)
    assert after.modified == before.modified
    assert changes(after) == "+"


def test_linking_again_ensures_the_learner_role(acme, mia):
    factories.LearnerFactory(enterprise_customer=acme, user=mia)

    links.link(acme, mia.email)

    assert roles_of(mia) == [("enterprise_learner", "acme")]


def test_linking_an_unlinked_learner_keeps_the_row_its_invite_key_and_created(acme, mia):
    key = EnterpriseCustomerInviteKey.objects.create(enterprise_customer=acme)
    old = factories.LearnerFactory(enterprise_customer=acme, user=mia, linked=False, active=False, invite_key=key)

    outcome = links.link(acme, mia.email)

    link = stored(acme, mia)
    assert outcome.created
    assert (link.pk, link.created, link.invite_key) == (old.pk, old.created, key)
    assert (link.linked, link.active) == (True, True)
    assert changes(link) == "+~"
    assert roles_of(mia) == [("enterprise_learner", "acme")]


def test_a_barred_learner_is_refused_and_nothing_changes(acme, bolt, mia):
    factories.LearnerFactory(enterprise_customer=bolt, user=mia)
    barred = factories.LearnerFactory(
        enterprise_customer=acme, user=mia, linked=False, active=False, is_relinkable=False
    )

    with pytest.raises(links.NotRelinkable):
        links.link(acme, mia.email)

    link = stored(acme, mia)
    assert (link.linked, link.active, link.is_relinkable, link.modified) == (False, False, False, barred.modified)
    assert stored(bolt, mia).active
    assert roles_of(mia) == []


def test_an_address_without_account_becomes_a_pending_learner_as_given_once(acme, bolt):
    first = links.link(acme, "New@Acme.test")
    again = links.link(acme, "new@acme.TEST")
    elsewhere = links.link(bolt, "new@acme.test")

    assert (first.created, again.created, elsewhere.created) == (True, False, True)
    assert again.pending == first.pending
    assert first.pending.user_email == "New@Acme.test"
    assert changes(first.pending) == "+"


def test_many_addresses_become_pending_learners_in_a_fixed_number_of_statements(acme, django_assert_num_queries):
    links.link_pending(acme, ["one@acme.test"])
    addresses = ["One@acme.test", *(f"p{n}@acme.test" for n in range(60)), "P1@acme.test"]

    with django_assert_num_queries(6):  # savepoint, look-up, insert, history, look-up, release
        outcomes = links.link_pending(acme, addresses)

    assert [outcome.created for outcome in outcomes[:2]] == [False, True]
    assert outcomes[-1].pending == outcomes[2].pending
    assert PendingEnterpriseCustomerUser.objects.filter(enterprise_customer=acme).count() == 61


# --- link_account -------------------------------------------------------------------------------------------------


def test_an_explicit_act_revives_a_barred_learner_like_new_but_keeps_created(acme, mia):
    key = EnterpriseCustomerInviteKey.objects.create(enterprise_customer=acme)
    old = factories.LearnerFactory(
        enterprise_customer=acme, user=mia, linked=False, active=False, is_relinkable=False, invite_key=key
    )

    link, created = links.link_account(acme, mia)

    assert created
    assert (link.pk, link.created) == (old.pk, old.created)
    link = stored(acme, mia)
    assert (link.linked, link.active, link.is_relinkable, link.invite_key) == (True, True, True, None)


def test_an_automatic_act_may_refuse_a_barred_learner(acme, mia):
    factories.LearnerFactory(enterprise_customer=acme, user=mia, linked=False, active=False, is_relinkable=False)

    with pytest.raises(links.NotRelinkable):
        links.link_account(acme, mia, relink_barred=False)


def test_an_existing_link_gets_the_wanted_activity(acme, bolt, mia):
    links.link_account(acme, mia)
    links.link_account(bolt, mia)

    _, created = links.link_account(bolt, mia, active=False)
    assert not created
    assert (stored(acme, mia).active, stored(bolt, mia).active) == (False, False)

    links.link_account(acme, mia, active=True)
    assert (stored(acme, mia).active, stored(bolt, mia).active) == (True, False)


def test_the_invite_key_is_kept_on_the_link(acme, mia):
    key = EnterpriseCustomerInviteKey.objects.create(enterprise_customer=acme)

    link, _ = links.link_account(acme, mia, invite_key=key)

    assert stored(acme, mia).invite_key == key == link.invite_key


def test_the_later_of_two_active_links_of_one_call_stays_active(acme, bolt, mia):
    outcomes = links.link_all([links.Wish(acme, mia), links.Wish(bolt, mia), links.Wish(acme, mia, active=False)])

    assert [outcome.created for outcome in outcomes] == [True, True, False]
    assert (stored(acme, mia).active, stored(bolt, mia).active) == (False, True)


def test_many_accounts_are_linked_in_a_fixed_number_of_statements(acme, bolt, django_assert_max_num_queries):
    accounts = [factories.UserFactory() for _ in range(40)]
    for account in accounts[:5]:
        factories.LearnerFactory(enterprise_customer=acme, user=account, linked=False, active=False)
    for account in accounts[3:20]:
        factories.LearnerFactory(enterprise_customer=bolt, user=account)

    with django_assert_max_num_queries(15):  # four of them savepoints
        outcomes = links.link_accounts(acme, accounts)

    assert all(outcomes[account.pk].created for account in accounts)
    assert EnterpriseCustomerUser.objects.filter(enterprise_customer=acme, active=True).count() == 40
    assert not EnterpriseCustomerUser.objects.filter(enterprise_customer=bolt, active=True).exists()
    assert SystemWideEnterpriseUserRoleAssignment.objects.filter(enterprise_customer=acme).count() == 40
    assert SystemWideEnterpriseUserRoleAssignment.history.filter(history_type="+").count() == 40
    assert stored(acme, accounts[0]).history.count() == 2


# --- language -----------------------------------------------------------------------------------------------------


def language_of(account):
    account.profile.refresh_from_db()
    return account.profile.language_preference


def test_the_first_link_with_a_customer_that_has_a_language_blanks_the_learners_preference(bolt, mia):
    spanish = factories.EnterpriseCustomerFactory(default_language="es-419")
    mia.profile.language_preference = "fr"
    mia.profile.save()

    links.link(bolt, mia.email)
    assert language_of(mia) == "fr"
    links.link(spanish, mia.email)
    assert language_of(mia) == ""


def test_a_revived_link_leaves_the_preference_alone(mia):
    spanish = factories.EnterpriseCustomerFactory(default_language="es-419")
    factories.LearnerFactory(enterprise_customer=spanish, user=mia, linked=False, active=False)
    mia.profile.language_preference = "fr"
    mia.profile.save()

    links.link_account(spanish, mia)

    assert language_of(mia) == "fr"


# --- activate, save -----------------------------------------------------------------------------------------------


def test_activating_a_link_makes_the_others_inactive(acme, bolt, mia):
    links.link(acme, mia.email)
    links.link(bolt, mia.email)

    links.activate(stored(acme, mia))

    assert (stored(acme, mia).active, stored(bolt, mia).active) == (True, False)
    assert changes(stored(acme, mia)) == "+~"
    assert changes(stored(bolt, mia)) == "+"


def test_an_unlinked_link_cannot_be_activated(acme, mia):
    link = factories.LearnerFactory(enterprise_customer=acme, user=mia, linked=False, active=False)

    with pytest.raises(links.NotLinked):
        links.activate(link)

    assert not stored(acme, mia).active


def test_saving_a_link_drags_along_role_other_links_and_account(acme, bolt, mia):
    links.save(EnterpriseCustomerUser(enterprise_customer=acme, user_id=mia.pk))
    links.save(EnterpriseCustomerUser(enterprise_customer=bolt, user_id=mia.pk))

    assert stored(bolt, mia).user_fk == mia
    assert (stored(acme, mia).active, stored(bolt, mia).active) == (False, True)

    link = stored(acme, mia)
    link.linked = False
    links.save(link)
    assert roles_of(mia) == [("enterprise_learner", "bolt")]


def test_saving_a_new_link_takes_over_the_unlinked_row(acme, mia):
    old = factories.LearnerFactory(enterprise_customer=acme, user=mia, linked=False, active=False, is_relinkable=False)

    new = EnterpriseCustomerUser(enterprise_customer=acme, user_id=mia.pk)
    links.save(new)

    link = stored(acme, mia)
    assert (link.pk, link.created, link.linked, link.is_relinkable) == (old.pk, old.created, True, True)


# --- unlink -------------------------------------------------------------------------------------------------------


def test_unlinking_ends_the_link_and_the_learner_role_but_not_the_admin_role_or_the_enrollments(acme, bolt, mia):
    links.link(bolt, mia.email)
    links.link(acme, mia.email)
    factories.RoleAssignmentFactory(user=mia, role="enterprise_admin", enterprise_customer=acme)
    factories.EnterpriseCourseEnrollmentFactory(enterprise_customer_user=stored(acme, mia))

    links.unlink(acme, "mia@ACME.test")

    link = stored(acme, mia)
    assert (link.linked, link.active, link.is_relinkable) == (False, False, True)
    assert roles_of(mia) == [("enterprise_admin", "acme"), ("enterprise_learner", "bolt")]
    assert changes(link) == "+~"
    assert EnterpriseCourseEnrollment.all_objects.count() == 1
    assert not EnterpriseCourseEnrollment.objects.exists()
    assert stored(bolt, mia).linked


def test_unlinking_for_good_bars_the_learner(acme, mia):
    links.link(acme, mia.email)

    links.unlink(acme, mia.email, is_relinkable=False)

    assert not stored(acme, mia).is_relinkable


def test_unlinking_twice_is_refused_and_leaves_the_bar_as_it_was(acme, mia):
    links.link(acme, mia.email)
    links.unlink(acme, mia.email, is_relinkable=False)

    with pytest.raises(links.NotLinked):
        links.unlink(acme, mia.email, is_relinkable=True)

    assert not stored(acme, mia).is_relinkable


def test_unlinking_an_address_without_account_deletes_the_pending_learner_and_what_waits_for_it(acme, bolt):
    mine = factories.PendingLearnerFactory(enterprise_customer=acme, user_email="New@acme.test")
    other = factories.PendingLearnerFactory(enterprise_customer=bolt, user_email="new@acme.test")
    waiting = factories.PendingEnrollmentFactory(user=mine)
    membership = factories.GroupMembershipFactory(
        group=factories.GroupFactory(enterprise_customer=acme), pending_enterprise_customer_user=mine
    )

    links.unlink(acme, "new@acme.TEST")

    assert list(PendingEnterpriseCustomerUser.objects.all()) == [other]
    assert not PendingEnrollment.objects.exists()
    membership.refresh_from_db()
    assert membership.pending_enterprise_customer_user is None
    assert list(PendingEnrollment.history.filter(id=waiting.pk).values_list("history_type", flat=True)) == ["-", "+"]
    assert PendingEnterpriseCustomerUser.history.filter(id=mine.pk, history_type="-").count() == 1
    with pytest.raises(links.NotLinked):
        links.unlink(acme, "new@acme.test")


def test_a_pending_learner_of_an_address_that_has_an_account_is_not_touched_by_unlinking(acme, mia):
    factories.PendingLearnerFactory(enterprise_customer=acme, user_email=mia.email)

    with pytest.raises(links.NotLinked):
        links.unlink(acme, mia.email)

    assert PendingEnterpriseCustomerUser.objects.exists()


def test_many_addresses_are_unlinked_in_a_fixed_number_of_statements(acme, bolt, django_assert_max_num_queries):
    accounts = [factories.UserFactory() for _ in range(20)]
    links.link_accounts(acme, accounts)
    links.link_accounts(bolt, accounts[:1])
    links.link_pending(acme, ["p1@acme.test", "p2@acme.test"])
    emails = [account.email.upper() for account in accounts] + ["p1@acme.test", "P2@acme.test", "nobody@acme.test"]

    with django_assert_max_num_queries(22):  # eight of them savepoints
        unknown = links.unlink_all(acme, emails, is_relinkable=False)

    assert unknown == ["nobody@acme.test"]
    assert not EnterpriseCustomerUser.objects.filter(enterprise_customer=acme).exists()
    assert EnterpriseCustomerUser.objects.filter(enterprise_customer=bolt).count() == 1
    assert not PendingEnterpriseCustomerUser.objects.exists()
    assert roles_of(accounts[0]) == [("enterprise_learner", bolt.slug)]


def test_deleting_a_link_takes_both_roles_for_the_customer_and_everything_below(acme, bolt, mia):
    links.link(bolt, mia.email)
    links.link(acme, mia.email)
    for customer in (acme, bolt):
        factories.RoleAssignmentFactory(user=mia, role="enterprise_admin", enterprise_customer=customer)
    enrollment = factories.EnterpriseCourseEnrollmentFactory(enterprise_customer_user=stored(acme, mia))
    factories.LicenseFactory(enterprise_course_enrollment=enrollment)

    links.delete(stored(acme, mia))

    assert roles_of(mia) == [("enterprise_admin", "bolt"), ("enterprise_learner", "bolt")]
    assert not EnterpriseCourseEnrollment.all_objects.exists()
    assert EnterpriseCustomerUser.history.filter(user_id=mia.pk, history_type="-").count() == 1


# --- at the same time ---------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_links_made_at_the_same_time_end_in_one_row_one_role_and_one_active_customer(acme, bolt, mia):
    for _ in range(5):
        EnterpriseCustomerUser.all_objects.all().delete()
        SystemWideEnterpriseUserRoleAssignment.objects.all().delete()

        raised = at_once(*[lambda: links.link(acme, mia.email), lambda: links.link(bolt, mia.email)] * 3)

        assert raised == []
        assert EnterpriseCustomerUser.all_objects.count() == 2
        assert EnterpriseCustomerUser.objects.filter(active=True).count() == 1
        assert roles_of(mia) == [("enterprise_learner", "acme"), ("enterprise_learner", "bolt")]


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_linking_and_unlinking_many_learners_at_the_same_time_neither_deadlocks_nor_drifts(acme, bolt):
    accounts = [factories.UserFactory() for _ in range(20)]

    def toggle(customer, turn):
        for step in range(5):
            chosen = accounts[:: 1 if turn % 2 else -1]
            links.link_accounts(customer, chosen)
            if step % 2:
                links.unlink_accounts(customer, [account.pk for account in chosen])

    raised = at_once(*[lambda turn=turn: toggle((acme, bolt)[turn % 2], turn) for turn in range(4)])

    assert raised == []
    for account in accounts:
        linked = EnterpriseCustomerUser.objects.filter(user_id=account.pk)
        assert linked.filter(active=True).count() <= 1
        assert roles_of(account) == sorted(("enterprise_learner", link.enterprise_customer.slug) for link in linked)


@pytest.mark.django_db(transaction=True)
@concurrent_writers
def test_pending_learners_made_at_the_same_time_are_one(acme):
    raised = at_once(*[lambda: links.link(acme, "New@acme.test"), lambda: links.link(acme, "new@acme.test")] * 3)

    assert raised == []
    pending = PendingEnterpriseCustomerUser.objects.get()
    assert changes(pending) == "+"
