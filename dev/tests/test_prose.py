"""The measure of docstrings counts what a reader reads."""

from __future__ import annotations

import pytest

from dev.prose import PACKAGES, docstrings, lengths_by_package, sentence_lengths, summary
from qhse.tests.test_deployment_files import own_apps


class TestSentenceLengths:
    @pytest.mark.parametrize(
        ("docstring", "lengths"),
        [
            ("Close a non-conformity, once.", [4]),
            ("Close it. Publish its event!", [2, 3]),
            ("No full stop at the end", [6]),
            ("A sentence over\ntwo lines. Another.", [5, 1]),
            ("A paragraph\n\nAnother paragraph.", [2, 2]),
            ("See `select_for_update(no_key=True)` and ``a b``.", [4]),
            ("It waits 1.5 s. Then it ends.", [4, 3]),
            ("Formats, e.g. CSV, are refused.", [5]),
            ('It says "no." Then it ends.', [3, 3]),
            ("Two things:\n- the first one\n- the second", [2, 3, 2]),
            ("Old — new.", [2]),
            ("", []),
        ],
    )
    def test_counts_words_of_each_sentence(self, docstring, lengths):
        assert sentence_lengths(docstring) == lengths

    @pytest.mark.parametrize(
        "docstring",
        [
            "Close it.\n\nRaises NonConformityHasOpenActions, SupplierNotFound.",
            "Close it. Raises SupplierNotFound.",
            "Close it.\n\nRaises:\n    SupplierNotFound: it is not there.",
            "Close it.\n\nArgs:\n    nc_id: which one.",
            "Close it.\n\n    an example, indented",
            "Close it.\n\n>>> close(1)",
            "Close it.\n\n| a | table |\n|---|---|",
        ],
    )
    def test_leaves_out_lists_and_examples(self, docstring):
        assert sentence_lengths(docstring) == [2]


class TestDocstrings:
    def test_are_of_modules_classes_and_functions_alone(self):
        source = '"""Module."""\nclass A:\n    """Class."""\n    def b(self):\n        """Method."""\n        "text"\n'

        assert sorted(docstrings(source)) == ["Class.", "Method.", "Module."]


class TestLengthsByPackage:
    def test_reads_every_package_without_its_migrations(self, tmp_path):
        (tmp_path / "kpi" / "migrations").mkdir(parents=True)
        (tmp_path / "kpi" / "formulas.py").write_text('"""Three plain words."""')
        (tmp_path / "kpi" / "migrations" / "0001_initial.py").write_text('"""Made by Django."""')

        assert lengths_by_package(tmp_path)["kpi"] == [3]

    def test_covers_every_app(self):
        assert set(PACKAGES) == own_apps() | {"lab", "dev"}


class TestSummary:
    def test_names_the_median_of_all_and_of_each(self):
        line = summary({"kpi": [2, 4], "ncs": [10], "dev": []})

        assert "a median of 4 words" in line
        assert line.endswith("(kpi 3, ncs 10)")
