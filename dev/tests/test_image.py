"""`.dockerignore` is read as Docker reads it. The examples are those of Docker's reference and of its matcher."""

from __future__ import annotations

import pytest

from dev.image import context_files, copied_sources, image_files, is_ignored, read_rules


class TestIsIgnored:
    @pytest.mark.parametrize(
        ("dockerignore", "path", "ignored"),
        [
            ("*/temp*", "somedir/temporary.txt", True),
            ("*/temp*", "somedir/temp/below", True),
            ("*/temp*", "temporary.txt", False),
            ("*/*/temp*", "somedir/subdir/temporary.txt", True),
            ("temp?", "tempa", True),
            ("temp?", "temp", False),
            ("temp?", "temp/", False),
            ("/foo/bar", "foo/bar", True),
            ("foo/bar", "other/foo/bar", False),
            ("foo/bar/", "foo/bar/baz", True),
            ("./foo/../bar", "bar", True),
            ("  foo  ", "foo", True),
            ("**/*.go", "a.go", True),
            ("**/*.go", "a/b/c.go", True),
            ("**/tests", "a/b/tests/test_c.py", True),
            ("**/tests", "a/contests/c.py", False),
            ("a/**", "a/b/c", True),
            ("a/**/c", "a/c", True),
            ("a/**/c", "a/b/b/c", True),
            ("[a-c].txt", "b.txt", True),
            ("[^a-c].txt", "b.txt", False),
            ("a.txt", "abtxt", False),
            (r"a\*b", "a*b", True),
            (r"a\*b", "axb", False),
            ("# foo\nfoo", "# foo", False),
            (".", "foo", False),
            ("*.md\n!README.md", "README.md", False),
            ("*.md\n!README*.md\nREADME-secret.md", "README-secret.md", True),
            ("*.md\nREADME-secret.md\n!README*.md", "README-secret.md", False),
            ("*\n!qhse", "qhse/api/viewsets.py", False),
            ("*\n!qhse\n**/tests", "qhse/api/tests/test_lists.py", True),
            ("*\n!qhse", "lab/bench/run.py", True),
            ("*\n!docs/api.md", "docs/audit.md", True),
        ],
    )
    def test_follows_the_last_line_that_matches(self, dockerignore, path, ignored):
        assert is_ignored(path, read_rules(dockerignore)) is ignored


class TestContextFiles:
    def test_are_those_on_disk_also_below_a_directory_that_is_ignored(self, tmp_path):
        for name in ("docs/api.md", "docs/audit.md", "var/db.sqlite3", "manage.py"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).touch()

        found = sorted(context_files(tmp_path, read_rules("*\n!manage.py\n!docs/api.md")))

        assert found == ["docs/api.md", "manage.py"]


class TestCopiedSources:
    def test_are_those_of_the_last_stage_and_of_the_context(self):
        dockerfile = (
            "FROM a AS build\nCOPY lock.txt .\nFROM b\nCOPY --from=build /venv /venv\nCOPY --chown=1 qhse kpi /app/\n"
        )

        assert copied_sources(dockerfile) == ["qhse", "kpi"]


class TestImageFiles:
    def test_are_what_is_let_in_and_copied(self, tmp_path):
        for name in ("qhse/urls.py", "kpi/urls.py", "qhse/tests/test_urls.py"):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        (tmp_path / ".dockerignore").write_text("**/tests\n")
        (tmp_path / "Dockerfile").write_text("FROM a\nCOPY ./qhse /app/qhse\n")

        assert image_files(tmp_path) == ["qhse/urls.py"]
