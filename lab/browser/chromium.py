"""Finds the Chromium of this machine. Nothing is downloaded."""

from __future__ import annotations

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Root has no sandbox in Chromium, and CI is root. The pages are our own.
ARGUMENTS = ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu")


class ChromiumIsMissing(RuntimeError):
    """One line for a person: what to install."""


def find_chromium() -> str:
    """Return the path of the browser: that of CHROMIUM, else the first of its usual names that is installed."""
    given = os.environ.get("CHROMIUM", "")
    for name in (given,) if given else NAMES:
        if path := shutil.which(name):
            return path
    if given:
        raise ChromiumIsMissing(f"CHROMIUM={given} cannot be run: name the path of a Chromium or Chrome")
    raise ChromiumIsMissing(
        "make browser needs a Chromium: apt-get install chromium, or name one: make browser CHROMIUM=/path/to/chrome"
    )
