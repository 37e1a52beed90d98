"""A production server starts only with the static files of its version. Else it would answer each page with 500."""

from __future__ import annotations

import json
import shutil

import pytest
from django.core.exceptions import ImproperlyConfigured

from qhse.deployment.static_checks import refuse_missing_static_files
from qhse.deployment.tests.collected import collected_files
from qhse.deployment.tests.test_settings_checks import run

NAME = "adminsite/theme.css"
MANIFEST = "staticfiles.json"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory):
    directory = tmp_path_factory.mktemp("static")
    collected_files(directory)
    return directory


@pytest.fixture
def collected(fresh, tmp_path, settings):
    """Return a directory of its own, to be spoilt, of a production."""
    directory = tmp_path / "static"
    shutil.copytree(fresh, directory)
    settings.PRODUCTION = True
    settings.STATIC_ROOT = directory
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}
    }
    return directory


def change_manifest(directory, change):
    manifest = json.loads((directory / MANIFEST).read_text())
    change(manifest["paths"])
    (directory / MANIFEST).write_text(json.dumps(manifest))


def served(directory):
    return directory / json.loads((directory / MANIFEST).read_text())["paths"][NAME]


def test_those_of_this_version_are_fine(collected):
    refuse_missing_static_files()


def test_outside_production_none_are_needed(collected, settings):
    settings.PRODUCTION = False
    shutil.rmtree(collected)

    refuse_missing_static_files()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda directory: (directory / NAME).write_text("/* of an earlier version */"),
        lambda directory: (directory / NAME).unlink(),
        lambda directory: change_manifest(directory, lambda paths: paths.pop(NAME)),
        lambda directory: served(directory).unlink(),
        lambda directory: (directory / NAME).write_bytes(b""),
    ],
    ids=["copy of an earlier version", "no copy", "not in the manifest", "nothing to serve", "emptied"],
)
def test_one_that_is_missing_or_of_another_version_is_named(collected, spoil):
    spoil(collected)

    with pytest.raises(ImproperlyConfigured, match=rf"{NAME}\. Run `manage\.py collectstatic --clear --noinput`"):
        refuse_missing_static_files()


@pytest.mark.parametrize(
    "spoil",
    [
        shutil.rmtree,
        lambda directory: (directory / MANIFEST).unlink(),
        lambda directory: (directory / MANIFEST).write_text(""),
        lambda directory: (directory / MANIFEST).write_text('{"version": "1.1", "paths": {"a'),
        lambda directory: (directory / MANIFEST).write_bytes(bytes(range(256))),
    ],
    ids=["no directory", "no manifest", "empty manifest", "manifest cut off", "no text"],
)
def test_without_a_manifest_all_are_missing(collected, spoil):
    spoil(collected)

    with pytest.raises(ImproperlyConfigured, match=r"and [0-9]+ others\. Run"):
        refuse_missing_static_files()


def test_the_server_says_what_to_do(tmp_path):
    nowhere = f"import pathlib, qhse.settings; qhse.settings.STATIC_ROOT = pathlib.Path({str(tmp_path)!r}); "

    answer = run(["-c", f"{nowhere}import qhse.wsgi"])

    assert answer.returncode != 0
    assert "Run `manage.py collectstatic --clear --noinput`" in answer.stderr.splitlines()[-1]
