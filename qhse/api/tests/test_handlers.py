"""What goes wrong behind a view: the database, a defect, an unknown route."""

from __future__ import annotations

import pytest
from django.db import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    transaction,
)
from django.test import override_settings
from django.urls import path
from rest_framework.exceptions import ErrorDetail, NotAcceptable, Throttled, ValidationError
from rest_framework.permissions import AllowAny
from rest_framework.views import APIView

from audit.models import AuditEntry
from audit.services import record
from qhse.api.problems import handlers as problems
from qhse.errors import DomainError

FAULTS = {
    "operational": OperationalError("terminating connection due to administrator command"),
    "interface": InterfaceError("connection already closed"),
    "integrity": IntegrityError("violates a constraint nobody translated"),
    "data": DataError("value out of range"),
    "defect": RuntimeError("secret-of-the-traceback"),
    "throttled": Throttled(wait=17),
    "acceptable": NotAcceptable(),
    "domain": DomainError("The gauge is sealed."),
    "nested": ValidationError(
        {"lots": [{"number": [ErrorDetail("Required.", code="required")]}, {}], "message": ["x"], "code": ["y"]}
    ),
}


class FaultyView(APIView):
    """Writes something and then fails, as a service would: in one transaction."""

    permission_classes = [AllowAny]
    authentication_classes = []

    def get(self, request, fault):
        with transaction.atomic():
            record(actor=None, action="HALF_DONE", entity_type="gauge", entity_id=1, changes={})
            raise FAULTS[fault]


class _Urls:
    urlpatterns = [path("faulty/<str:fault>", FaultyView.as_view())]
    handler400 = staticmethod(problems.bad_request)
    handler403 = staticmethod(problems.permission_denied)
    handler404 = staticmethod(problems.not_found)
    handler500 = staticmethod(problems.server_error)


@pytest.fixture
def faulty(anonymous):
    anonymous.raise_request_exception = False
    with override_settings(ROOT_URLCONF=_Urls):
        yield lambda fault: anonymous.get(f"/faulty/{fault}", HTTP_X_REQUEST_ID="gauge-7")


@pytest.mark.django_db
class TestFaultsOfAView:
    @pytest.mark.parametrize("fault", ["operational", "interface"])
    def test_a_database_that_is_away_is_503_with_retry_after(self, faulty, problem_of, fault):
        response = faulty(fault)

        problem = problem_of(response, 503)
        assert (problem["code"], problem["request_id"]) == ("database_unavailable", "gauge-7")
        assert int(response["Retry-After"]) >= 1
        assert "terminating" not in problem["detail"]

    @pytest.mark.parametrize(
        ("fault", "status", "code"),
        [
            ("integrity", 409, "constraint_violated"),
            ("data", 400, "invalid"),
            ("domain", 409, "refused"),
            ("throttled", 429, "throttled"),
            ("acceptable", 406, "not_acceptable"),
        ],
    )
    def test_each_has_its_status(self, faulty, problem_of, fault, status, code):
        assert problem_of(faulty(fault), status)["code"] == code

    def test_too_many_requests_says_when_to_come_back(self, faulty):
        assert faulty("throttled")["Retry-After"] == "17"

    def test_a_defect_is_500_without_a_word_about_the_code(self, faulty, problem_of, caplog):
        response = faulty("defect")

        problem = problem_of(response, 500)
        assert problem["code"] == "internal_error"
        for word in (b"Traceback", b"secret-of-the-traceback", b"RuntimeError", b".py"):
            assert word not in response.content
        assert "secret-of-the-traceback" in caplog.text

    @pytest.mark.parametrize("fault", FAULTS)
    def test_whatever_fails_leaves_nothing_half_done(self, faulty, fault):
        faulty(fault)

        assert not AuditEntry.objects.filter(action="HALF_DONE").exists()

    def test_nested_errors_name_their_place(self, faulty, problem_of):
        problem = problem_of(faulty("nested"), 400)

        assert [(error["field"], error["code"], error["detail"]) for error in problem["errors"]] == [
            ("lots.number", "required", "Required."),
            ("message", "invalid", "x"),
            ("code", "invalid", "y"),
        ]


@pytest.mark.django_db
class TestTheDatabaseIsAway:
    @pytest.fixture
    def broken(self):
        def refuse(execute, sql, params, many, context):
            raise OperationalError("server closed the connection unexpectedly")

        with connection.execute_wrapper(refuse):
            yield

    @pytest.mark.parametrize(
        ("method", "url", "body"),
        [
            ("GET", "/suppliers", None),
            ("POST", "/suppliers", {"name": "Hansa Forge"}),
            ("GET", "/kpi", None),
            ("GET", "/auth/me", None),
            ("POST", "/auth/login", {"username": "admin", "password": "correct-horse-admin"}),
            ("POST", "/auth/refresh", {"refresh_token": "x.y.z"}),
        ],
    )
    def test_every_route_that_needs_it_says_503(self, api, problem_of, method, url, body, request):
        client = api("admin")
        if url == "/auth/refresh":
            from qhse.accounts.models import User
            from qhse.accounts.services.tokens import issue_tokens

            body = {"refresh_token": issue_tokens(User.objects.get(username="admin")).refresh_token}
        request.getfixturevalue("broken")

        response = getattr(client, method.lower())(url, body)

        assert problem_of(response, 503)["code"] == "database_unavailable"
        assert response["Retry-After"]

    def test_health_stays_ok_and_readiness_says_what_is_wrong(self, anonymous, broken):
        assert anonymous.get("/healthz").json() == {"status": "ok"}
        response = anonymous.get("/readyz")
        assert response.status_code == 503
        assert response.json() == {
            "status": "not ready",
            "checks": {"database": "not reachable", "migrations": "unknown"},
            "remarks": {"workers": "unknown"},
        }

    def test_the_contract_and_its_page_need_no_database(self, anonymous, broken):
        assert anonymous.get("/openapi.json").status_code == 200
        assert anonymous.get("/docs").status_code == 200


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestALockThatIsNotGiven:
    def test_is_503_within_the_lock_timeout_and_nothing_is_written(self, api, make_supplier, problem_of, row_counts):
        supplier = make_supplier()
        client = api("procurement")
        before = row_counts()
        holder = connection.copy()
        try:
            holder.set_autocommit(False)
            with holder.cursor() as cursor:
                cursor.execute("SELECT 1 FROM suppliers_supplier WHERE id = %s FOR UPDATE", [supplier.pk])
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '50ms'")

            response = client.patch(f"/suppliers/{supplier.pk}/certification", {"certification_expiry": "2029-06-30"})
        finally:
            holder.close()

        problem_of(response, 503)
        assert row_counts() == before
        assert client.patch(
            f"/suppliers/{supplier.pk}/certification", {"certification_expiry": "2029-06-30"}
        ).status_code == 200  # fmt: skip


class TestUnknownRoutes:
    @pytest.mark.parametrize(
        "path",
        ["/nope", "/suppliers/", "/Suppliers", "/suppliers/1/", "/api/suppliers", "/suppliers/abc",
         "/suppliers/-1", "/ncs/1/open", "/audit-log/1", "/.env",
         "/static/nope.css", "/suppliers;v=1"],
    )  # fmt: skip
    def test_are_404_problems_for_everybody(self, anonymous, problem_of, path):
        for method in ("GET", "POST", "DELETE", "OPTIONS"):
            assert problem_of(anonymous.generic(method, path), 404)["code"] == "not_found"


def test_database_errors_are_the_ones_that_the_handler_knows():
    """A new kind of DatabaseError in Django would need a decision; the rest are defects of ours and stay 500."""
    known = {OperationalError, IntegrityError, DataError}
    defects = {"ProgrammingError", "InternalError", "NotSupportedError"}

    assert {cls.__name__ for cls in DatabaseError.__subclasses__() if cls.__module__ == "django.db.utils"} == {
        cls.__name__ for cls in known
    } | defects
