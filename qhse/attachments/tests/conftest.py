"""Files as people have them, and a case to put them on."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from qhse.attachments.services import attach
from qhse.attachments.tests.files import PNG


@pytest.fixture
def nc(make_nc):
    return make_nc()


@pytest.fixture
def put(users, nc):
    """Attach a picture to the case through the service, by quality."""

    def put_file(**overrides: Any):
        values = {
            "entity_type": "nonconformity", "entity_id": str(nc.pk), "name": "bore.png", "content": io.BytesIO(PNG),
            "actor": users["quality"],
        } | overrides  # fmt: skip
        return attach(**values)

    return put_file


@pytest.fixture
def upload(api, nc):
    """Send a picture to the API, by quality."""

    def send(*, by: str = "quality", name: str = "bore.png", content: bytes = PNG, headers=None, **fields: Any):
        form = {"entity_type": "nonconformity", "entity_id": str(nc.pk)} | fields
        file = {"file": SimpleUploadedFile(name, content, content_type="application/octet-stream")}
        form = {field: value for field, value in (file | form).items() if value is not None}
        return api(by).post("/attachments", form, format="multipart", headers=headers)

    return send


@pytest.fixture(autouse=True)
def stored() -> Any:
    """List the stored files, and begin with none."""
    root = Path(settings.ATTACHMENTS_DIR)
    assert root.name.startswith("qhse-files-")

    def files() -> list[str]:
        return sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())

    for name in files():
        (root / name).unlink()
    return files
