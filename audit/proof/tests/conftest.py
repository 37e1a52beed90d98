"""An export of the small trail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command


@pytest.fixture
def export(trail, tmp_path) -> Callable[..., Path]:
    def run(*options: str) -> Path:
        directory = tmp_path / "export"
        call_command("export_audit_trail", "--output", str(directory), *options, verbosity=0)
        return directory

    return run
