"""A server that could store no file does not start."""

from __future__ import annotations

import os

import pytest
from django.core.exceptions import ImproperlyConfigured

from qhse.deployment.storage_checks import refuse_unwritable_directory


@pytest.fixture
def directory(settings, tmp_path):
    settings.ATTACHMENTS_DIR = tmp_path / "var" / "attachments"
    settings.ATTACHMENTS_INCOMING = settings.ATTACHMENTS_DIR / "incoming"
    return settings.ATTACHMENTS_DIR


def test_the_directories_are_made_for_nobody_else(directory):
    refuse_unwritable_directory()
    refuse_unwritable_directory()

    assert (directory / "incoming").is_dir()
    assert directory.stat().st_mode & 0o007 == 0


def test_one_that_cannot_be_made_is_refused(directory):
    directory.parent.write_bytes(b"a file")

    with pytest.raises(ImproperlyConfigured, match=r"cannot be made .* \(qhse.E013\)"):
        refuse_unwritable_directory()


def test_one_that_cannot_be_written_is_refused(directory, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)

    with pytest.raises(ImproperlyConfigured, match="cannot be written"):
        refuse_unwritable_directory()


def test_a_store_elsewhere_needs_no_directory(directory, settings):
    directory.parent.write_bytes(b"a file")
    del settings.ATTACHMENTS_DIR

    refuse_unwritable_directory()
