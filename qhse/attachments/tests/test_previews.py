"""Previews: who gets one, what is never unpacked, and what two workers leave."""

from __future__ import annotations

import io
import threading

import pytest
from django.core.files.base import File
from django.db import connection
from django.test import Client

from ncs.tests.reports import jpeg_head, png
from qhse.attachments import previews, storage
from qhse.attachments.models import Attachment
from qhse.attachments.orphans import orphans
from qhse.attachments.previews import make_preview
from qhse.attachments.services import void_attachment
from qhse.attachments.tests.files import CSV, HEIC, JPEG, WEBP, Torn

pytestmark = pytest.mark.django_db
PHOTO = png(900, 300)


@pytest.fixture(autouse=True)
def _nothing_was_refused(monkeypatch):
    monkeypatch.setattr(previews, "_refused", previews._Refused())


@pytest.fixture
def later(monkeypatch):
    """Let the time pass after which refused pictures are asked for again."""

    def pass_by() -> None:
        monkeypatch.setattr(previews._refused, "again_at", 0.0)

    return pass_by


@pytest.fixture
def refuse(settings):
    """Have the storage refuse a file: a folder stands in its place."""

    def stand_in(picture: Attachment) -> None:
        stored = settings.ATTACHMENTS_DIR / picture.stored_as
        stored.rename(stored.with_suffix(".away"))
        stored.mkdir()

    yield stand_in
    for folder in settings.ATTACHMENTS_DIR.glob("??/" + "?" * 32):
        if folder.is_dir():
            folder.rmdir()


def body_of(response) -> bytes:
    return b"".join(response.streaming_content)


def preview_as(attachment: Attachment) -> str | None:
    return Attachment.objects.values_list("preview_as", flat=True).get(pk=attachment.pk)


class TestMakePreview:
    def test_makes_one_picture_smaller_at_a_time_the_oldest_first(self, put):
        first, second = put(content=io.BytesIO(PHOTO)), put(content=io.BytesIO(PHOTO))

        assert make_preview() is True
        assert preview_as(first)
        assert preview_as(second) is None
        assert (make_preview(), make_preview()) == (True, False)
        with storage.opened(preview_as(second)) as stored:
            content = stored.read()
        assert content.startswith(b"\x89PNG")
        assert [int.from_bytes(content[place : place + 4], "big") for place in (16, 20)] == [320, 320]

    def test_looks_at_no_other_kind_of_file_and_at_no_void_one(self, put, users):
        for name, content in (("a.csv", CSV), ("b.heic", HEIC)):
            put(name=name, content=io.BytesIO(content))
        void = put(content=io.BytesIO(PHOTO))
        void_attachment(attachment_id=void.pk, reason="Another lot", actor=users["quality"])

        assert make_preview() is False

    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("torn.jpg", JPEG),
            ("torn.webp", WEBP),
            ("bomb.png", png(20_000, 20_000, data=b"")),
            ("head.jpg", jpeg_head(60, 40)),
        ],
    )
    def test_what_cannot_be_unpacked_has_none_and_is_tried_once(self, put, name, content):
        picture = put(name=name, content=io.BytesIO(content))

        assert (make_preview(), preview_as(picture), make_preview()) == (True, "", False)

    def test_a_bomb_is_not_unpacked(self, put, monkeypatch):
        put(name="bomb.png", content=io.BytesIO(png(20_000, 20_000, data=b"")))
        monkeypatch.setattr(previews.subprocess, "run", None)

        assert make_preview() is True

    def test_one_whose_painter_does_not_end_has_none(self, put, monkeypatch):
        picture = put(content=io.BytesIO(PHOTO))
        monkeypatch.setattr(previews, "SECONDS", 0.0)

        assert (make_preview(), preview_as(picture)) == (True, "")

    def test_one_that_is_not_what_was_attached_has_none(self, put, settings):
        picture = put(content=io.BytesIO(PHOTO))
        (settings.ATTACHMENTS_DIR / picture.stored_as).write_bytes(png(10, 10))

        assert (make_preview(), preview_as(picture)) == (True, "")

    def test_one_of_too_many_bytes_has_none_and_is_not_read(self, put, monkeypatch):
        picture = put(content=io.BytesIO(PHOTO))
        monkeypatch.setattr(previews, "MOST_BYTES", picture.size - 1)
        monkeypatch.setattr(storage, "reading", None)

        assert (make_preview(), preview_as(picture)) == (True, "")

    def test_one_whose_file_is_gone_has_none_while_others_are_there(self, put, settings):
        gone, there = put(content=io.BytesIO(PHOTO)), put(content=io.BytesIO(PHOTO))
        (settings.ATTACHMENTS_DIR / gone.stored_as).unlink()

        assert (make_preview(), preview_as(gone)) == (True, "")
        assert make_preview() is True
        assert preview_as(there)

    def test_one_that_is_refused_does_not_hold_up_those_behind(self, put, refuse, later, settings):
        refused, there = put(content=io.BytesIO(PHOTO)), put(content=io.BytesIO(PHOTO))
        refuse(refused)

        assert (make_preview(), make_preview(), make_preview()) == (True, True, False)
        assert preview_as(refused) is None
        assert preview_as(there)

        stored = settings.ATTACHMENTS_DIR / refused.stored_as
        stored.rmdir()
        stored.with_suffix(".away").rename(stored)
        later()
        assert make_preview() is True
        assert preview_as(refused)

    def test_pauses_after_several_refusals_and_goes_on_behind_them(self, put, refuse):
        pictures = [put(content=io.BytesIO(PHOTO)) for _ in range(previews.MOST_REFUSED + 1)]
        for each in pictures[:-1]:
            refuse(each)

        assert [make_preview() for _ in pictures[:-1]] == [True] * (previews.MOST_REFUSED - 1) + [False]
        assert make_preview() is True
        assert preview_as(pictures[-1])

    def test_one_that_fails_in_the_middle_of_reading_counts_as_refused(self, put, monkeypatch):
        picture = put(content=io.BytesIO(PHOTO))
        monkeypatch.setattr(storage.DirectoryStorage, "_open", lambda *args: File(Torn()))

        assert (make_preview(), preview_as(picture)) == (True, None)

    def test_a_storage_without_any_file_may_not_be_mounted_and_is_asked_again(self, put, later, settings):
        pictures = [put(content=io.BytesIO(PHOTO)) for _ in range(2)]
        away = settings.ATTACHMENTS_DIR.with_suffix(".away")
        settings.ATTACHMENTS_DIR.rename(away)
        try:
            assert (make_preview(), make_preview(), make_preview()) == (True, True, False)
        finally:
            away.rename(settings.ATTACHMENTS_DIR)
        assert [preview_as(each) for each in pictures] == [None, None]

        later()
        assert make_preview() is True
        assert preview_as(pictures[0])

    def test_who_comes_second_removes_their_own(self, put, stored, monkeypatch):
        picture = put(content=io.BytesIO(PHOTO))
        painted = previews._painted

        def overtaken(each: Attachment) -> bytes:
            Attachment.objects.filter(pk=each.pk).update(preview_as="ab/of-another")
            return painted(each)

        monkeypatch.setattr(previews, "_painted", overtaken)
        assert make_preview() is True
        assert preview_as(picture) == "ab/of-another"
        assert stored() == [picture.stored_as]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_two_workers_who_are_woken_at_once_paint_two_pictures(put, stored, monkeypatch):
    pictures = [put(content=io.BytesIO(PHOTO)) for _ in range(2)]
    painted, paint, together = [], previews._painted, threading.Barrier(2)

    def painting(each: Attachment) -> bytes:
        painted.append(each.pk)
        together.wait(10)  # the other one paints meanwhile
        return paint(each)

    def work() -> None:
        make_preview()
        connection.close()

    monkeypatch.setattr(previews, "_painted", painting)
    workers = [threading.Thread(target=work) for _ in range(2)]
    for each in workers:
        each.start()
    for each in workers:
        each.join()

    assert sorted(painted) == [each.pk for each in pictures]
    assert stored() == sorted([each.stored_as for each in pictures] + [preview_as(each) for each in pictures])


class TestPreviewRoute:
    def test_gives_the_preview_to_whoever_may_read_the_record(self, put, api):
        number = put(content=io.BytesIO(PHOTO)).pk
        make_preview()

        response = api("auditor").get(f"/attachments/{number}/preview")

        assert body_of(response).startswith(b"\x89PNG")
        assert response.headers.items() >= {
            "Content-Type": "image/png", "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
        }.items()  # fmt: skip

    def test_says_whether_there_will_be_one(self, put, api, problem_of):
        waiting, never = put(content=io.BytesIO(PHOTO)), put(name="a.csv", content=io.BytesIO(CSV))

        for each, said in ((waiting, "not been made yet"), (never, "has no preview")):
            problem = problem_of(api("quality").get(f"/attachments/{each.pk}/preview"), 404)
            assert (problem["code"], said in problem["detail"]) == ("preview_not_found", True)

    def test_of_a_void_file_is_gone(self, put, api, users, problem_of):
        number = put(content=io.BytesIO(PHOTO)).pk
        make_preview()
        void_attachment(attachment_id=number, reason="Another lot", actor=users["quality"])

        assert problem_of(api("quality").get(f"/attachments/{number}/preview"), 410)["code"] == "file_voided"


def test_the_page_of_a_case_shows_it(put, nc, users):
    def get(role: str, address: str):
        client = Client()
        client.force_login(users[role])
        return client.get(address)

    put(content=io.BytesIO(PHOTO))
    url = f"/admin/ncs/nonconformity/{nc.pk}/change/"
    assert b'class="preview"' not in get("quality", url).content

    make_preview()
    page = get("quality", url).content.decode()
    source = page.split('class="preview" src="')[1].split('"')[0]
    assert body_of(get("auditor", source)).startswith(b"\x89PNG")


def test_a_preview_is_no_orphan(put):
    put(content=io.BytesIO(PHOTO))
    make_preview()
    assert list(orphans(older_than_hours=-1)) == []
