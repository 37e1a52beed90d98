"""The same promises with the files in a store that speaks S3. Moto's server stands for it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.storage import storages
from django.core.management import CommandError, call_command

from qhse.attachments.models import Attachment
from qhse.attachments.tests.files import PNG
from qhse.attachments.tests.test_remove_orphaned_files import run
from qhse.tests.test_settings import read

pytestmark = [pytest.mark.s3, pytest.mark.django_db]
KEYS = {"AWS_ACCESS_KEY_ID": "a-key", "AWS_SECRET_ACCESS_KEY": "its-secret", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(autouse=True)
def bucket(endpoint, settings, monkeypatch) -> Any:
    """An empty bucket, and the settings that lead to it, read from the environment."""
    import boto3

    with pytest.MonkeyPatch.context() as environment:
        chosen = read(
            environment, ATTACHMENTS_S3_BUCKET="qhse-files", ATTACHMENTS_S3_ENDPOINT=endpoint,
            ATTACHMENTS_S3_REGION="us-east-1",
        )["STORAGES"]["attachments"]  # fmt: skip
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1")
    client.create_bucket(Bucket="qhse-files")
    for found in client.list_objects_v2(Bucket="qhse-files").get("Contents", ()):
        client.delete_object(Bucket="qhse-files", Key=found["Key"])
    settings.STORAGES = settings.STORAGES | {"attachments": chosen}
    yield client
    client.close()


def keys(client: Any) -> list[str]:
    return [found["Key"] for found in client.list_objects_v2(Bucket="qhse-files").get("Contents", ())]


def test_a_file_goes_there_and_comes_back(upload, api, bucket, stored):
    number = upload().json()["id"]

    response = api("quality").get(f"/attachments/{number}/content")
    assert b"".join(response.streaming_content) == PNG
    assert response["Content-Type"] == "image/png"
    assert keys(bucket) == [Attachment.objects.get().stored_as]
    assert stored() == []


def test_nothing_is_overwritten(put, bucket):
    attachment = put()

    assert storages["attachments"].save(attachment.stored_as, io.BytesIO(b"another")) != attachment.stored_as
    assert bucket.get_object(Bucket="qhse-files", Key=attachment.stored_as)["Body"].read() == PNG


def test_a_refused_row_leaves_nothing(upload, bucket):
    assert upload(entity_id="999999").status_code == 400

    assert keys(bucket) == []


def test_orphans_are_found_by_their_age(put, bucket, monkeypatch):
    attachment = put()
    bucket.put_object(Bucket="qhse-files", Key="ab/ab" + "0" * 30, Body=b"left behind")
    assert run() == (0, ["nothing to remove"])

    monkeypatch.setattr("qhse.attachments.orphans.timedelta", lambda hours: timedelta(hours=-1))
    assert run() == (0, ["ab/ab" + "0" * 30, "1 file removed"])
    assert keys(bucket) == [attachment.stored_as]


def test_a_check_reads_them_all(put, bucket):
    gone, other = put(), put()
    bucket.delete_object(Bucket="qhse-files", Key=gone.stored_as)
    bucket.put_object(Bucket="qhse-files", Key=other.stored_as, Body=b"x")

    code, said = run("--check")
    assert (code, [line.rpartition(other.stored_as)[2] or line for line in said][1:]) == (
        1, [" is not what was attached", "2 files read: 2 files not as attached"],
    )  # fmt: skip
    assert said[0].endswith("is missing")


def test_a_store_that_is_away_is_503_and_leaves_no_row(upload, api, problem_of, bucket, put):
    number = put().pk
    for found in keys(bucket):
        bucket.delete_object(Bucket="qhse-files", Key=found)
    bucket.delete_bucket(Bucket="qhse-files")

    assert problem_of(upload(), 503)["code"] == "storage_unavailable"
    problem_of(api("quality").get(f"/attachments/{number}/content"), 503)
    with pytest.raises(CommandError) as refusal:
        call_command("remove_orphaned_files")
    assert refusal.value.returncode == 2
    assert Attachment.objects.count() == 1
