"""`/attachments`: what is answered, to whom, with which headers; and what is refused."""

from __future__ import annotations

import hashlib
import io

import pytest

from audit.models import AuditEntry
from ncs.services import close_nonconformity
from qhse.attachments import registry
from qhse.attachments.tests.files import CSV, PNG

pytestmark = pytest.mark.django_db


class TestContent:
    def test_is_the_file_as_an_attachment(self, upload, api):
        number = upload().json()["id"]

        response = api("auditor").get(f"/attachments/{number}/content")

        assert b"".join(response.streaming_content) == PNG
        assert response.headers.items() >= {
            "Content-Type": "image/png", "Content-Length": str(len(PNG)),
            "Content-Disposition": 'attachment; filename="bore.png"', "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'", "ETag": f'"{hashlib.sha256(PNG).hexdigest()}"',
        }.items()  # fmt: skip
        assert "no-store" in response["Cache-Control"]

    @pytest.mark.parametrize(
        ("name", "said"),
        [
            ("Prüfbericht Ø 40 €.csv", "attachment; filename*=utf-8''Pr%C3%BCfbericht%20%C3%98%2040%20%E2%82%AC.csv"),
            ('a"b;.csv', 'attachment; filename="a\\"b;.csv"'),
        ],
    )
    def test_its_name_is_said_whatever_is_in_it(self, put, api, name, said):
        attachment = put(name=name, content=io.BytesIO(CSV))

        response = api("quality").get(f"/attachments/{attachment.pk}/content")
        assert b"".join(response) == CSV
        assert response["Content-Disposition"] == said

    def test_a_void_one_is_gone(self, upload, api, problem_of):
        number = upload().json()["id"]
        api("quality").patch(f"/attachments/{number}/void", {"reason": "Photo of another lot"})

        response = api("quality").get(f"/attachments/{number}/content")
        assert response.status_code == 410
        problem = problem_of(response, 410)
        assert (problem["code"], "Photo of another lot" in problem["detail"]) == ("file_voided", True)

    def test_one_that_the_storage_lacks_is_503(self, upload, api, problem_of, stored, settings):
        number = upload().json()["id"]
        (settings.ATTACHMENTS_DIR / stored()[0]).unlink()

        assert problem_of(api("quality").get(f"/attachments/{number}/content"), 503)["code"] == "storage_unavailable"


class TestList:
    def test_has_the_files_of_one_record(self, upload, api, nc, make_nc):
        numbers = [upload().json()["id"] for _ in range(2)]
        upload(entity_id=str(make_nc().pk))

        page = api("procurement").get(f"/attachments?entity_type=nonconformity&entity_id={nc.pk}").json()
        assert ([each["id"] for each in page["results"]], page["count"]) == (numbers[::-1], 2)

    @pytest.mark.parametrize("query", ["", "?entity_type=nonconformity", "?entity_id=1"])
    def test_asks_for_both(self, api, problem_of, query):
        errors = problem_of(api("quality").get(f"/attachments{query}"), 400)["errors"]

        assert {error["code"] for error in errors} == {"required"}

    @pytest.mark.parametrize(
        "query",
        ["verbose=1", "limit=0", "limit=101", "limit=x", "offset=-1", "entity_id=1", "ordering=id", "after=x", "%ff=1"],
    )
    def test_its_query_is_as_closed_as_that_of_other_lists(self, api, problem_of, query):
        problem_of(api("quality").get(f"/attachments?entity_type=action&entity_id=2&{query}"), 400)

    @pytest.mark.parametrize("query", ["entity_type=&entity_id=1", "entity_type=action&entity_id=a%00b"])
    def test_its_values_are_texts(self, api, problem_of, query):
        problem_of(api("quality").get(f"/attachments?{query}"), 400)

    def test_its_pages_together_are_the_list(self, put, api, nc):
        numbers = [put().pk for _ in range(5)]
        url, seen = f"/attachments?entity_type=nonconformity&entity_id={nc.pk}&limit=2", []
        while url:
            page = api("auditor").get(url).json()
            seen += [each["id"] for each in page["results"]]
            url = page["next"]

        assert seen == numbers[::-1]

    def test_knows_no_other_kind(self, api, problem_of):
        problem = problem_of(api("quality").get("/attachments?entity_type=user&entity_id=1"), 400)

        assert problem["code"] == "unknown_entity_type"


class TestVoid:
    def test_is_done_once(self, upload, api, users):
        number = upload().json()["id"]
        client = api("admin")

        first, again = (client.patch(f"/attachments/{number}/void", {"reason": "Another lot"}) for _ in range(2))
        assert (first.status_code, first["ETag"], first.json()) == (200, '"2"', again.json())
        assert (first.json()["voided_by"], first.json()["void_reason"]) == (users["admin"].pk, "Another lot")
        assert AuditEntry.objects.filter(action="FILE_VOIDED").count() == 1

    def test_asks_for_a_reason(self, upload, api, problem_of):
        number = upload().json()["id"]

        for body in ({}, {"reason": ""}, {"reason": " \u200b"}, {"reason": "x", "name": "y"}):
            problem_of(api("quality").patch(f"/attachments/{number}/void", body), 400)

    def test_on_a_stale_version_is_412(self, upload, api, problem_of):
        number = upload().json()["id"]
        client = api("quality")

        problem_of(client.patch(f"/attachments/{number}/void", {"reason": "x"}, headers={"If-Match": '"7"'}), 412)
        given = client.patch(f"/attachments/{number}/void", {"reason": "x"}, headers={"If-Match": '"1"'})
        assert given.status_code == 200

    def test_is_refused_once_the_case_is_closed(self, upload, api, problem_of, nc, users):
        number = upload().json()["id"]
        close_nonconformity(nc_id=nc.pk, actor=users["quality"])

        problem_of(api("quality").patch(f"/attachments/{number}/void", {"reason": "Another lot"}), 409)

    def test_of_none_is_404(self, api, problem_of):
        for path in ("/attachments/999999", "/attachments/999999/content"):
            assert problem_of(api("quality").get(path), 404)["code"] == "attachment_not_found"
        problem_of(api("quality").patch("/attachments/999999/void", {"reason": "x"}), 404)


class TestRoles:
    @pytest.mark.parametrize("role", ["procurement", "auditor"])
    def test_who_may_not_write_the_record_attaches_nothing(self, upload, api, problem_of, role, stored):
        number = upload().json()["id"]

        assert problem_of(upload(by=role), 403)["code"] == "permission_denied"
        problem_of(api(role).patch(f"/attachments/{number}/void", {"reason": "x"}), 403)
        assert len(stored()) == 1
        assert AuditEntry.objects.filter(action="ACCESS_DENIED").count() == 2

    def test_the_table_of_the_record_decides(self, users, put, api, problem_of, monkeypatch):
        attachment = put()
        kind = registry.RecordKind("nonconformity", {"retrieve": frozenset({"admin"})}, "retrieve", "correct", print)
        monkeypatch.setitem(registry._kinds, "nonconformity", kind)

        for path in (f"/attachments/{attachment.pk}", f"/attachments/{attachment.pk}/content",
                     f"/attachments?entity_type=nonconformity&entity_id={attachment.entity_id}"):  # fmt: skip
            problem_of(api("quality").get(path), 403)
            answer = api("admin").get(path)
            assert b"".join(answer) and answer.status_code == 200
        problem_of(api("admin").patch(f"/attachments/{attachment.pk}/void", {"reason": "x"}), 403)

    def test_nobody_without_a_token_is_read(self, anonymous, problem_of, stored):
        problem_of(anonymous.post("/attachments", {"file": "x" * 100_000}, format="multipart"), 401)
