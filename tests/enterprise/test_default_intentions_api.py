"""Default enrollment intentions over HTTP (contract: enterprise-learners, default-enterprise-enrollment-intentions)."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from enrollments.models import Course, CourseMode, CourseOverview
from enterprise.models import DefaultEnterpriseEnrollmentIntention
from tests import factories
from tests.enterprise.subsidies import RUN, callers, enrolled

pytestmark = pytest.mark.django_db
LIST = "/enterprise/api/v1/default-enterprise-enrollment-intentions/"
STATUS = f"{LIST}learner-status/"
PERMISSION = "enterprise.can_view_default_enterprise_enrollment_intentions"
REQUIRED = {"detail": "enterprise_customer_uuid is a required query parameter."}
NO_UUID = {"detail": "enterprise_customer_uuid query parameter is not a valid UUID."}
CUSTOMER_ID = UUID("77c1d2e3-4f50-4a6b-8c7d-9e0fa1b2c3d4")


@pytest.fixture
def customer():
    return factories.EnterpriseCustomerFactory(uuid=CUSTOMER_ID)


@pytest.fixture
def catalog(customer):
    return factories.CatalogFactory(enterprise_customer=customer, content_filter={"key": ["Acme+Sail"]})


@pytest.fixture
def run():
    course = factories.CourseFactory(key="Acme+Sail", advertised_run_key=RUN)
    return factories.CourseRunFactory(id=RUN, course=course, modes=["audit", "verified"])


@pytest.fixture
def learner(customer):
    user = factories.UserFactory(email="mia@acme.test")
    factories.LearnerFactory(enterprise_customer=customer, user=user)
    factories.RoleAssignmentFactory(user=user, role="enterprise_learner", enterprise_customer=customer)
    return user


@pytest.fixture
def mia(as_user, learner):
    return as_user(learner)


@pytest.fixture
def link(learner, customer):
    return customer.enterprise_customer_users.get(user_id=learner.pk)


def intention(customer, key="Acme+Sail", **fields):
    return factories.IntentionFactory(enterprise_customer=customer, content_key=key, **fields)


def of(customer, **parameters):
    return {"enterprise_customer_uuid": str(getattr(customer, "pk", customer)), **parameters}


# --- the object ---------------------------------------------------------------------------------------------------


def test_an_intention_says_what_it_leads_to(mia, customer, catalog, run):
    moments = {
        "start": datetime(2031, 1, 1, tzinfo=UTC),
        "end": datetime(2031, 6, 1, tzinfo=UTC),
        "enrollment_start": datetime(2020, 12, 1, tzinfo=UTC),
        "enrollment_end": datetime(2031, 4, 1, tzinfo=UTC),
    }
    CourseOverview.objects.filter(pk=RUN).update(**moments)
    CourseMode.objects.filter(course_id=RUN, mode_slug="verified").update(
        min_price=149, expiration_datetime=datetime(2031, 3, 1, tzinfo=UTC)
    )
    moment = datetime(2031, 1, 2, 3, 4, 5, tzinfo=UTC)
    made = intention(customer, "acme+SAIL", created=moment, modified=moment)
    shown = {
        "uuid": str(made.pk),
        "content_key": "acme+SAIL",
        "enterprise_customer": str(CUSTOMER_ID),
        "course_key": "Acme+Sail",
        "course_run_key": RUN,
        "is_course_run_enrollable": True,
        "best_mode_for_course_run": "verified",
        "applicable_enterprise_catalog_uuids": [str(catalog.pk)],
        "course_run_normalized_metadata": {
            "start_date": "2031-01-01T00:00:00Z",
            "end_date": "2031-06-01T00:00:00Z",
            "enroll_by_date": "2031-03-01T00:00:00Z",
            "enroll_start_date": "2020-12-01T00:00:00Z",
            "content_price": 149,
        },
        "created": "2031-01-02T03:04:05Z",
        "modified": "2031-01-02T03:04:05Z",
    }

    assert mia.get(f"{LIST}{made.pk}/", of(customer)).json() == shown
    assert mia.get(f"{LIST}{made.pk}.json", of(customer)).json() == shown
    assert mia.get(LIST, of(customer)).json() == {
        "next": None, "previous": None, "count": 1, "num_pages": 1, "current_page": 1, "start": 0, "results": [shown],
    }  # fmt: skip


def test_an_intention_that_leads_nowhere_says_so(mia, customer, catalog):
    made = intention(customer, "Acme+Gone")

    shown = mia.get(f"{LIST}{made.pk}/", of(customer)).json()

    assert {name: shown[name] for name in list(shown)[3:9]} == {
        "course_key": None,
        "course_run_key": None,
        "is_course_run_enrollable": False,
        "best_mode_for_course_run": None,
        "applicable_enterprise_catalog_uuids": [],
        "course_run_normalized_metadata": {},
    }


def test_a_run_is_named_by_its_own_key_and_what_is_unknown_is_null(mia, customer, run):
    CourseMode.objects.filter(course_id=RUN).delete()
    CourseOverview.objects.filter(pk=RUN).update(start=None)
    made = intention(customer, RUN.upper())

    shown = mia.get(f"{LIST}{made.pk}/", of(customer)).json()

    assert (shown["course_key"], shown["course_run_key"]) == ("Acme+Sail", RUN)
    assert shown["best_mode_for_course_run"] == "audit"
    assert shown["applicable_enterprise_catalog_uuids"] == []
    assert set(shown["course_run_normalized_metadata"].values()) == {None}


@pytest.mark.parametrize(
    ("entitlements", "price"),
    [
        ([{"mode": "verified", "price": "49.50"}], 49.5),
        ([{"mode": "verified", "price": "199.00", "sku": "A"}], 199),
        ([{"mode": "verified", "price": None}, {"price": 5}], 5),
        ([{"price": "NaN"}, "odd", {}], None),
        ([], None),
    ],
)
def test_without_a_paid_seat_the_price_is_that_of_the_courses_entitlement(mia, customer, run, entitlements, price):
    CourseMode.objects.filter(course_id=RUN, mode_slug="verified").delete()
    Course.objects.update(entitlements=entitlements)
    made = intention(customer)

    assert mia.get(f"{LIST}{made.pk}/", of(customer)).json()["course_run_normalized_metadata"]["content_price"] == price


def test_a_closed_run_cannot_be_enrolled_in(mia, customer):
    factories.CourseRunFactory(id=RUN, closed=True)
    made = intention(customer, RUN)

    assert mia.get(f"{LIST}{made.pk}/", of(customer)).json()["is_course_run_enrollable"] is False


# --- the list -----------------------------------------------------------------------------------------------------


def test_the_list_is_in_order_of_creation_without_removed_ones(mia, customer, run):
    late = intention(customer, "B", created=datetime(2031, 1, 2, tzinfo=UTC))
    early = intention(customer, "A", created=datetime(2031, 1, 1, tzinfo=UTC))
    removed = intention(customer, "C", is_removed=True)
    intention(factories.EnterpriseCustomerFactory(), "D")

    page = mia.get(LIST, of(customer, page_size=1)).json()

    assert [each["uuid"] for each in mia.get(LIST, of(customer)).json()["results"]] == [str(early.pk), str(late.pk)]
    assert (page["count"], page["num_pages"], page["results"][0]["uuid"]) == (2, 2, str(early.pk))
    assert mia.get(LIST, of(customer, page=9)).json() == {"detail": "Invalid page."}
    assert mia.get(f"{LIST}{removed.pk}/", of(customer)).status_code == 404


def test_who_may_list_and_what_they_see(client, as_user, customer):
    intention(customer)
    seen = {"learner": 1, "admin": 1, "operator": 1, "superuser": 1, "foreign learner": 0, "foreign admin": 0,
            "staff": 0, "staff with a role elsewhere": 0}  # fmt: skip
    for name, account in callers(customer).items():
        caller = client if account is None else as_user(account)
        answer = caller.get(LIST, of(customer))
        if name in seen:
            assert (answer.status_code, answer.json().get("count")) == (200, seen[name]), name
        elif name == "anonymous":
            assert answer.status_code == caller.get(LIST).status_code == 401
        else:
            assert answer.status_code == caller.get(LIST).status_code == 403, name
            assert answer.json() == {"detail": "You do not have permission to perform this action."}


def test_an_uuid_in_capitals_names_the_customer_too_and_an_unknown_one_nobody(mia, as_user, customer):
    intention(customer)

    assert mia.get(LIST, of(str(CUSTOMER_ID).upper())).json()["count"] == 1
    assert as_user(factories.operator()).get(LIST, of(uuid4())).json()["count"] == 0


@pytest.mark.parametrize("path", [LIST, f"{LIST}{CUSTOMER_ID}/", STATUS])
@pytest.mark.parametrize(
    ("query", "body"),
    [({}, REQUIRED), ({"enterprise_customer_uuid": ""}, REQUIRED), ({"enterprise_customer_uuid": "nope"}, NO_UUID)],
)
def test_the_customer_must_be_named(client, mia, path, query, body):
    answer = mia.get(path, query)

    assert (answer.status_code, answer.json()) == (400, body)
    assert client.get(path, query).status_code == 401


def test_the_parameter_is_looked_at_before_the_permission_except_on_the_list(as_user):
    nobody = as_user(factories.UserFactory())

    assert nobody.get(STATUS).status_code == nobody.get(f"{LIST}{uuid4()}/").status_code == 400
    assert nobody.get(LIST).status_code == 403


def test_who_may_see_one_intention(client, as_user, customer):
    made = intention(customer)
    for name, account in callers(customer).items():
        answer = (client if account is None else as_user(account)).get(f"{LIST}{made.pk}/", of(customer))
        expected = {"learner": 200, "admin": 200, "operator": 200, "superuser": 200, "anonymous": 401}.get(name, 403)
        assert answer.status_code == expected, name
        if expected == 403:
            assert answer.json() == {"detail": f"MISSING: {PERMISSION}"}


def test_what_is_not_this_customers_is_not_found(mia, as_user, customer):
    foreign = intention(factories.EnterpriseCustomerFactory())
    no_match = {"detail": "No DefaultEnterpriseEnrollmentIntention matches the given query."}

    for uuid, body in ((foreign.pk, no_match), (uuid4(), no_match), ("nope", {"detail": "Not found."})):
        answer = mia.get(f"{LIST}{uuid}/", of(customer))
        assert (answer.status_code, answer.json()) == (404, body)
    assert mia.get(f"{LIST}{foreign.pk}/", of(foreign.enterprise_customer)).status_code == 403


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_intentions_are_read_only(mia, customer, method):
    made = intention(customer)

    for path in (LIST, f"{LIST}{made.pk}/", STATUS):
        assert getattr(mia, method)(f"{path}?enterprise_customer_uuid={CUSTOMER_ID}").status_code == 405
    assert DefaultEnterpriseEnrollmentIntention.objects.exists()


# --- where a learner stands ---------------------------------------------------------------------------------------


def status_of(client, customer, **parameters):
    answer = client.get(STATUS, of(customer, **parameters))
    assert answer.status_code == 200, answer.content
    return answer.json()


def standing(body):
    """list, and the three values about the existing enrollment, of the only intention."""
    lists = {
        "enrollable": body["enrollment_statuses"]["needs_enrollment"]["enrollable"],
        "not_enrollable": body["enrollment_statuses"]["needs_enrollment"]["not_enrollable"],
        "already_enrolled": body["enrollment_statuses"]["already_enrolled"],
    }
    (found,) = [(name, each) for name, rows in lists.items() for each in rows]
    name, row = found
    return (
        name,
        row["has_existing_enrollment"],
        row["is_existing_enrollment_active"],
        row["is_existing_enrollment_audit"],
    )


NOTHING = (False, None, None)
PAID, PAID_LEFT, BARE = (True, True, False), (True, False, False), (True, False, None)
AUDIT, AUDIT_LEFT = (True, True, True), (True, False, True)


def paid(**facts):
    return {"mode": "verified", **facts}


def audit(**facts):
    return {"mode": "audit", **facts}


@pytest.mark.parametrize(
    ("existing", "is_open", "modes", "in_catalog", "expected"),
    [
        # 1: paid and active, whatever else.
        (paid(), True, ["verified"], True, ("already_enrolled", *PAID)),
        (paid(), False, ["verified"], False, ("already_enrolled", *PAID)),
        (paid(unenrolled=True), True, ["verified"], True, ("already_enrolled", *PAID)),
        # 2: paid and deliberately left.
        (paid(is_active=False, unenrolled=True), True, ["verified"], True, ("not_enrollable", *PAID_LEFT)),
        ({"mode": None, "unenrolled": True}, True, ["verified"], True, ("not_enrollable", *BARE)),
        # 3: closed; a paid enrollment is not shown.
        (None, False, ["verified"], True, ("not_enrollable", *NOTHING)),
        (paid(is_active=False), False, ["verified"], True, ("not_enrollable", *NOTHING)),
        (audit(), False, ["verified"], True, ("not_enrollable", *AUDIT)),
        # 4, 5: in audit, and there is better.
        (audit(), True, ["audit", "verified"], True, ("enrollable", *AUDIT)),
        (audit(is_active=False, unenrolled=True), True, ["verified"], True, ("enrollable", *AUDIT_LEFT)),
        ({"mode": "honor"}, True, ["verified"], True, ("enrollable", *AUDIT)),
        (audit(), True, ["verified"], False, ("not_enrollable", *AUDIT)),
        # 6: in audit, and there is no better.
        (audit(), True, ["audit"], False, ("already_enrolled", *AUDIT)),
        (audit(), True, [], True, ("already_enrolled", *AUDIT)),
        # 7: in no catalog.
        (None, True, ["verified"], False, ("not_enrollable", *NOTHING)),
        (paid(is_active=False), True, ["verified"], False, ("not_enrollable", *PAID_LEFT)),
        (audit(is_active=False), True, ["audit"], False, ("not_enrollable", *AUDIT_LEFT)),
        ({"mode": None}, True, ["verified"], False, ("not_enrollable", *BARE)),
        # 8: otherwise.
        (None, True, ["verified"], True, ("enrollable", *NOTHING)),
        (paid(is_active=False), True, ["verified"], True, ("enrollable", *PAID_LEFT)),
        (audit(is_active=False), True, ["audit"], True, ("enrollable", *AUDIT_LEFT)),
        ({"mode": None}, True, ["verified"], True, ("enrollable", *BARE)),
    ],
)
def test_the_first_rule_that_fits_decides(mia, link, customer, existing, is_open, modes, in_catalog, expected):
    key = "Acme+Sail" if in_catalog else "Acme+Other"
    factories.CatalogFactory(enterprise_customer=customer, content_filter={"key": [key]})
    factories.CourseRunFactory(
        id=RUN, course=factories.CourseFactory(key="Acme+Sail"), modes=modes, **({} if is_open else {"closed": True})
    )
    intention(customer, RUN)
    if existing is not None:
        enrolled(customer, user=link.user_fk, link=link, **existing)

    assert standing(status_of(mia, customer)) == expected


def test_the_whole_answer_and_its_totals(mia, learner, link, customer, catalog, run):
    already, gone = intention(customer, RUN), intention(customer, "Acme+Gone")
    enrolled(customer, user=learner, link=link)

    body = status_of(mia, customer)

    shown = mia.get(f"{LIST}{already.pk}/", of(customer)).json()
    missing = mia.get(f"{LIST}{gone.pk}/", of(customer)).json()
    about = ("has_existing_enrollment", "is_existing_enrollment_active", "is_existing_enrollment_audit")
    assert body == {
        "lms_user_id": learner.pk,
        "user_email": "mia@acme.test",
        "enterprise_customer_uuid": str(CUSTOMER_ID),
        "enrollment_statuses": {
            "needs_enrollment": {
                "enrollable": [],
                "not_enrollable": [{**missing, **dict(zip(about, NOTHING, strict=True))}],
            },
            "already_enrolled": [{**shown, **dict(zip(about, PAID, strict=True))}],
        },
        "metadata": {
            "total_default_enterprise_enrollment_intentions": 2,
            "total_needs_enrollment": {"enrollable": 0, "not_enrollable": 1},
            "total_already_enrolled": 1,
        },
    }


def test_a_customer_without_intentions_has_empty_lists(mia, customer):
    body = status_of(mia, customer)

    assert body["enrollment_statuses"] == {
        "needs_enrollment": {"enrollable": [], "not_enrollable": []},
        "already_enrolled": [],
    }
    assert body["metadata"]["total_default_enterprise_enrollment_intentions"] == 0


def test_enrollments_for_other_customers_and_in_other_runs_do_not_count(mia, learner, link, customer, catalog, run):
    intention(customer, RUN)
    elsewhere = factories.LearnerFactory(user=learner, active=False)
    enrolled(elsewhere.enterprise_customer, user=learner, link=elsewhere)
    enrolled(customer, "course-v1:Acme+Sail+T2", user=learner, link=link)

    assert standing(status_of(mia, customer)) == ("enrollable", *NOTHING)


def test_only_staff_may_ask_about_another_learner(as_user, mia, learner, customer):
    other = factories.LearnerFactory(enterprise_customer=customer).user_fk
    staff = as_user(factories.customer_admin(customer, is_staff=True))

    assert status_of(staff, customer, lms_user_id=other.pk)["lms_user_id"] == other.pk
    assert status_of(mia, customer, lms_user_id=other.pk)["lms_user_id"] == learner.pk
    assert status_of(mia, customer, lms_user_id="nope")["lms_user_id"] == learner.pk
    for unknown in ("99999999", "nope", "-1", "1.5", "9" * 30):
        answer = staff.get(STATUS, of(customer, lms_user_id=unknown))
        assert (answer.status_code, answer.json()) == (
            400,
            {"detail": f"User with lms_user_id {unknown} not found."},
        )


def test_whoever_is_not_linked_to_the_customer_is_told_so(as_user, customer):
    unlinked = factories.LearnerFactory(enterprise_customer=customer, linked=False, active=False).user_fk
    factories.RoleAssignmentFactory(user=unlinked, role="enterprise_learner", enterprise_customer=customer)
    root = factories.UserFactory(is_superuser=True, is_staff=True)
    op = factories.operator()

    for caller, asked_for, named in ((unlinked, {}, unlinked), (root, {"lms_user_id": op.pk}, op), (op, {}, op)):
        answer = as_user(caller).get(STATUS, of(customer, **asked_for))
        assert (answer.status_code, answer.json()) == (
            400,
            {
                "detail": f"User with lms_user_id {named.pk} is not associated with the enterprise customer "
                f"{CUSTOMER_ID}."
            },
        )


def test_who_may_ask_where_they_stand(client, as_user, customer):
    expected = {"learner": 200, "admin": 200, "operator": 400, "superuser": 400, "anonymous": 401}
    for name, account in callers(customer).items():
        answer = (client if account is None else as_user(account)).get(STATUS, of(customer))
        assert answer.status_code == expected.get(name, 403), name
        if answer.status_code == 403:
            assert answer.json() == {"detail": f"MISSING: {PERMISSION}"}


def statements(client, path, customer):
    with CaptureQueriesContext(connection) as captured:
        assert client.get(path, of(customer, page_size=100)).status_code == 200
    return len(captured)


@pytest.mark.parametrize(("path", "most"), [(LIST, 14), (STATUS, 16)])
def test_the_number_of_statements_does_not_depend_on_that_of_intentions(mia, link, customer, catalog, path, most):
    counts = []
    for _ in range(2):
        for _ in range(3):
            run = factories.CourseRunFactory(modes=["audit", "verified"])
            intention(customer, run.pk)
            intention(customer, run.course.key)
            enrolled(customer, run, user=link.user_fk, link=link)
        statements(mia, path, customer)  # what was just written is indexed when it is first asked about
        counts.append(statements(mia, path, customer))

    assert counts[0] == counts[1] <= most
