"""Whether the static files of this version are collected. Without them a production server answers pages with 500."""

from __future__ import annotations

import filecmp
import os
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.exceptions import ImproperlyConfigured


def refuse_missing_static_files() -> None:
    """
    Raise ImproperlyConfigured unless every static file is collected as it is now. For the start of a server.

    Elsewhere the files are looked up where they are, so only production needs them.
    """
    if not settings.PRODUCTION:
        return
    missing = _missing()
    if missing:
        others = f" and {len(missing) - 1} others" if missing[1:] else ""
        raise ImproperlyConfigured(
            f"{settings.STATIC_ROOT} lacks static files of this version: {missing[0]}{others}. "
            "Run `manage.py collectstatic --clear --noinput`; whoever runs the server must be able to read them "
            "(qhse.E012)."
        )


def _missing() -> list[str]:
    """
    Return the names of files that were not collected, that have changed since then, or that cannot be read.

    Times say nothing: an installed package may be younger than its files.
    """
    try:
        manifest: dict[str, str] = staticfiles_storage.hashed_files  # type: ignore[attr-defined]
    except (OSError, ValueError):  # it cannot be read, or is cut off
        manifest = {}
    return [name for name, source in _sources().items() if not _is_collected(name, source, manifest)]


def _sources() -> dict[str, str]:
    """Return name and path of each file that `collectstatic` would take: of several with one name the first."""
    ignored = apps.get_app_config("staticfiles").ignore_patterns  # type: ignore[attr-defined]
    sources: dict[str, str] = {}
    for finder in get_finders():
        for name, storage in finder.list(ignored):
            sources.setdefault(name, storage.path(name))
    return sources


def _is_collected(name: str, source: str, manifest: dict[str, str]) -> bool:
    """Look at the copy, which is as its source, and at the file that is served, which has its digest in its name."""
    served = manifest.get(name)
    try:
        return (
            served is not None
            and os.access(Path(settings.STATIC_ROOT) / served, os.R_OK)
            and filecmp.cmp(source, Path(settings.STATIC_ROOT) / name, shallow=False)
        )
    except OSError:
        return False
