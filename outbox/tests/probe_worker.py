"""The real worker command with one more handler, whose effects can be counted: for tests that kill processes."""

from __future__ import annotations

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qhse.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 (needs the apps)

from outbox.registry import handles  # noqa: E402
from outbox.tests.conftest import GaugeCalibrated, leave_effect  # noqa: E402

if __name__ == "__main__":
    from outbox.events import register

    register(GaugeCalibrated)
    handles(GaugeCalibrated, name="test.effect")(leave_effect)
    call_command("run_outbox_worker", *sys.argv[1:])
