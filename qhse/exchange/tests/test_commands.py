"""`manage.py import_records` and `run_imports`."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from qhse.exchange.models import ImportJob, ImportStatus
from qhse.exchange.tests.conftest import suppliers_csv
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db


@pytest.fixture
def run(users, tmp_path):
    """Run the command on a file. Return its exit code and what it said."""

    def call(content: bytes, *options: str, name: str = "suppliers.csv", kind: str = "suppliers", user="procurement"):
        path, out, err = tmp_path / name, io.StringIO(), io.StringIO()
        path.write_bytes(content)
        try:
            call_command("import_records", kind, str(path), "--as-user", user, *options, stdout=out, stderr=err)
        except SystemExit as end:
            return end.code, out.getvalue() + err.getvalue()
        except CommandError as error:
            return error.returncode, out.getvalue() + err.getvalue() + str(error)
        return 0, out.getvalue() + err.getvalue()

    return call


def test_all_rows_are_imported(run):
    code, said = run(suppliers_csv(3))

    assert (code, Supplier.objects.count()) == (0, 3)
    assert "3 new, 0 changed, 0 as they were, 0 refused" in said


def test_a_dry_run_says_every_error_and_stores_nothing_at_all(run):
    code, said = run(suppliers_csv(3, bad=(1,)), "--dry-run")

    assert (code, Supplier.objects.count(), ImportJob.objects.count()) == (1, 0, 0)
    assert "row 3: Zertifikat gültig bis: There is no such day" in said
    assert run(suppliers_csv(3), "--dry-run")[0] == 0


def test_good_rows_end_with_one_when_others_were_refused(run):
    code, said = run(suppliers_csv(3, bad=(1,)), "--mode", "good_rows")

    assert (code, Supplier.objects.count()) == (1, 2)
    assert "row 3: " in said


@pytest.mark.parametrize(
    ("content", "more"),
    [
        (suppliers_csv(3, bad=(1,)), {}),
        (b"Wer;Land\nHansa;DE\n", {}),
        (b"", {}),
        (suppliers_csv(1), {"name": "a.pdf"}),
        (suppliers_csv(1), {"user": "quality"}),
        (suppliers_csv(1), {"user": "nobody"}),
    ],
)
def test_what_cannot_be_imported_ends_with_two_and_stores_nothing(run, content, more):
    code, _ = run(content, **more)

    assert (code, Supplier.objects.count(), ImportJob.objects.count()) == (2, 0, 0)


def test_a_file_that_is_not_there_ends_with_two(users):
    with pytest.raises(CommandError) as error:
        call_command("import_records", "suppliers", "/no/such.csv", "--as-user", "admin")
    assert error.value.returncode == 2


def test_run_imports_runs_what_waits(started):
    job = started()

    call_command("run_imports", stdout=io.StringIO())

    job.refresh_from_db()
    assert job.status == ImportStatus.DONE
