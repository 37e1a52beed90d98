"""A report shows a few pictures, as they were attached. Of each other one it says why not."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings

from ncs.report import pictures
from ncs.report.content import report_of
from ncs.report.pictures import MOST, read_pictures, without
from ncs.tests.reports import png, put
from qhse.attachments.services import void_attachment
from qhse.attachments.tests.files import HEIC, JPEG, PDF

pytestmark = pytest.mark.django_db


@pytest.fixture
def nc(make_nc):
    return make_nc()


def pictures_of(nc):
    return read_pictures(report_of(nc.pk).files)


def path_of(attachment) -> Path:
    return Path(settings.ATTACHMENTS_DIR) / attachment.stored_as


class TestReadPictures:
    def test_shows_what_was_attached_with_its_description(self, nc, users):
        put(nc, png(), users, description="The bore")

        (shown,) = pictures_of(nc).shown

        assert (shown.content, shown.media_type) == (png(), "image/png")
        assert shown.caption.startswith("bore.png · The bore · quality, ")

    def test_shows_six_and_names_the_others(self, nc, users):
        for number in range(MOST + 2):
            put(nc, png(), users, name=f"{number}.png")

        found = pictures_of(nc)

        assert [each.name for each in found.shown] == [f"{number}.png" for number in range(MOST)]
        assert found.notes == tuple(f"{number}.png is not shown: a report shows 6 pictures." for number in (6, 7))

    def test_leaves_void_ones_and_other_kinds_out(self, nc, users):
        mistake = put(nc, png(), users)
        void_attachment(attachment_id=mistake.pk, reason="Another lot", actor=users["quality"])
        put(nc, HEIC, users, name="IMG.HEIC")
        put(nc, PDF, users, name="measured.pdf")

        assert pictures_of(nc) == pictures.Pictures()

    def test_lets_no_bomb_through(self, nc, users):
        put(nc, png(50_000, 50_000, data=b"x"), users, name="bomb.png")
        put(nc, png(8_000, 5_001, data=b"x"), users, name="large.png")

        found = pictures_of(nc)

        assert found.shown == ()
        assert found.notes == (
            "bomb.png is not shown: it has too many pixels.",
            "large.png is not shown: it has too many pixels.",
        )

    def test_bounds_the_pixels_of_all_together(self, nc, users):
        for number in range(3):
            put(nc, png(8_000, 5_000, data=b"x"), users, name=f"{number}.png")

        found = pictures_of(nc)

        assert (len(found.shown), found.notes) == (2, ("2.png is not shown: it has too many pixels.",))

    def test_bounds_the_bytes_of_all_together(self, nc, users, monkeypatch):
        monkeypatch.setattr(pictures, "MOST_BYTES", len(png()) + 5)
        put(nc, png(), users, name="first.png")
        put(nc, png(), users, name="second.png")

        found = pictures_of(nc)

        assert found.notes == ("second.png is not shown: the pictures would be too large together.",)

    def test_names_what_has_no_size(self, nc, users):
        put(nc, JPEG, users, name="bore.jpg")

        assert pictures_of(nc).notes == ("bore.jpg is not shown: its size cannot be read.",)

    def test_shows_nothing_else_than_what_was_attached(self, nc, users):
        attachment = put(nc, png(), users)
        path_of(attachment).chmod(0o600)
        path_of(attachment).write_bytes(png(61))

        found = pictures_of(nc)

        assert found.notes == ("bore.png is not shown: the stored file is not the one that was attached.",)
        assert found.is_whole

    def test_says_when_a_file_could_not_be_read(self, nc, users):
        path_of(put(nc, png(), users)).unlink()

        found = pictures_of(nc)

        assert found.notes == ("bore.png could not be read when this report was made.",)
        assert not found.is_whole


class TestWithout:
    def test_names_what_could_not_be_painted(self, nc, users):
        for number in range(3):
            put(nc, png(), users, name=f"{number}.png")

        left = without(pictures_of(nc), [1])

        assert [each.name for each in left.shown] == ["0.png", "2.png"]
        assert left.notes == ("1.png is not shown: it cannot be painted.",)
