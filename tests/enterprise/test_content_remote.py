"""A catalog service of its own in place of the local index (setting CATALOG_SERVICE_URL)."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from config.api.exceptions import Refusal
from enterprise.content import language
from enterprise.queries.content import catalogs_containing, contains, effective_filter, holds, search
from tests import factories

pytestmark = pytest.mark.django_db
RUN = "course-v1:Far+Off+T1"
PROGRAM = "eeeeeeee-0000-4000-8000-0000000000a1"
DOCUMENTS = [
    {"content_type": "course", "key": "Far+Off", "uuid": "c", "aggregation_key": "course:Far+Off", "org": "Far"},
    {"content_type": "courserun", "key": RUN, "uuid": "r", "aggregation_key": "courserun:Far+Off", "org": "Away"},
    {"content_type": "program", "uuid": PROGRAM, "aggregation_key": f"program:{PROGRAM}"},
    *({"content_type": "course", "key": f"Far+C{number}", "org": "Many"} for number in range(150)),
]


class Service(ThreadingHTTPServer):
    """A catalog service on loopback; it remembers what it was asked, or gives a prepared answer."""

    def __init__(self):
        self.asked = []
        self.answer = None
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                content_filter = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                parameters = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
                service.asked.append((urlsplit(self.path).path, content_filter, parameters))
                status, body = service.answer or (200, service.found(content_filter, parameters))
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(body if isinstance(body, bytes) else json.dumps(body).encode())

            def log_message(self, *args):
                pass

        super().__init__(("127.0.0.1", 0), Handler)

    def found(self, content_filter, parameters):
        parsed = language.read(content_filter)
        found = [document for document in DOCUMENTS if parsed.matches(document)]
        size = int(parameters["page_size"])
        first = (int(parameters["page"]) - 1) * size
        return {"count": len(found), "results": found[first : first + size]}


@pytest.fixture
def service(settings):
    server = Service()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    settings.CATALOG_SERVICE_URL = f"http://127.0.0.1:{server.server_port}/api/v1/"
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def catalog(content_filter):
    return factories.CatalogFactory(content_filter=content_filter)


def test_a_search_is_passed_on_and_its_answer_kept(service, settings):
    first = search(catalog({"org": "Many"}), page=2, page_size=100, ordering="title", exclude_expired=True)
    again = search({"org": "Many"}, page=2, page_size=100, ordering="title", exclude_expired=True)

    assert (first.count, len(first.documents)) == (150, 50)
    assert again == first
    parameters = {"page": "2", "page_size": "100", "ordering": "title", "exclude_expired_course_run": "true"}
    assert service.asked == [("/api/v1/search/all/", {"org": "Many"}, parameters)]

    settings.ENTERPRISE_API_CACHE_TIMEOUT = 0
    for _ in range(2):
        search({"org": "Many"}, page=1, page_size=5)
    assert len(service.asked) == 3


def test_rule_one(service):
    far, runs, explicit = catalog({"org": "Far"}), catalog({"content_type": "courserun"}), catalog({"key": ["A+B"]})
    many = catalog({"org": "Many"})

    assert contains([effective_filter(far)], [RUN], [])
    assert contains([effective_filter(far)], ["Far+Off"], [])
    assert not contains([effective_filter(far)], [RUN, "Far+C1"], [])
    assert not contains([effective_filter(runs)], [RUN], [])
    assert contains([effective_filter(far), {}], [RUN], [PROGRAM])
    assert not contains([effective_filter(far), effective_filter(runs)], [RUN], [PROGRAM])
    assert contains([effective_filter(many)], [f"Far+C{number}" for number in range(150)], [])
    before = len(service.asked)
    assert contains([effective_filter(explicit)], ["course-v1:A+B+C"], [])
    assert not contains([effective_filter(explicit)], [RUN], [])
    assert len(service.asked) == before


def test_rule_two(service):
    course, run = catalog({"org": "Far"}), catalog({"content_type": "courserun", "key": [RUN]})

    assert all(holds(each, key) for each in (course, run) for key in ("Far+Off", RUN))
    assert holds(catalog({"content_type": "program"}), PROGRAM)
    assert not holds(course, PROGRAM)
    assert not holds(catalog({"org": "Many"}), RUN)


def test_runs_in_the_catalogs_of_a_customer(service):
    by_course = catalog({"org": "Far"})
    customer = by_course.enterprise_customer
    factories.CatalogFactory(enterprise_customer=customer, content_filter={"org": "Many"})
    by_name = factories.CatalogFactory(enterprise_customer=customer, content_filter={"key": ["Not+Here"]})

    found = catalogs_containing(customer, [RUN, "course-v1:Not+Here+T1", "course-v1:Un+Known+T1"])

    assert found == {RUN: [by_course.pk], "course-v1:Not+Here+T1": [by_name.pk]}


@pytest.mark.parametrize(
    "answer",
    [(500, {}), (404, {}), (200, b"no json"), (200, {}), (200, []), (200, {"count": 1, "results": ["x"]}), (302, {})],
)
def test_a_service_that_fails_is_a_502_and_is_not_kept(service, answer, as_user):
    customer = catalog({"org": "Far"}).enterprise_customer
    boss = as_user(factories.customer_admin(customer))
    path = f"/enterprise/api/v1/enterprise-customer/{customer.pk}/contains_content_items/"
    service.answer = answer

    refused = boss.get(path, {"course_run_ids": RUN})

    assert (refused.status_code, refused.json()) == (
        502,
        {"detail": "The catalog service does not answer as it should."},
    )
    service.answer = None
    assert boss.get(path, {"course_run_ids": RUN}).json() == {"contains_content_items": True}


def test_a_service_that_cannot_be_reached_is_a_refusal(settings):
    settings.CATALOG_SERVICE_URL = "http://127.0.0.1:9"

    with pytest.raises(Refusal) as refusal:
        search({}, page=1, page_size=10)
    assert refusal.value.status == 502
