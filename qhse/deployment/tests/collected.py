"""Static files as `collectstatic` leaves them, without its compression, which takes longest."""

from __future__ import annotations

from pathlib import Path

from django.apps import apps
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage


def collected_files(directory: Path) -> None:
    """Collect those of this version there."""
    target = ManifestStaticFilesStorage(location=str(directory), base_url="/static/")
    ignored = apps.get_app_config("staticfiles").ignore_patterns
    found = {path: (storage, path) for finder in get_finders() for path, storage in finder.list(ignored)}
    for path, (storage, _) in found.items():
        with storage.open(path) as source:
            target.save(path, source)
    problems = [problem for _, _, problem in target.post_process(found) if isinstance(problem, Exception)]
    assert not problems
