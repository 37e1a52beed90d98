"""`manage.py seed_demo`: a first look at the product, and never a way into a real one."""

from __future__ import annotations

import io

import pytest
from django.core.management import CommandError, call_command

from ncs.models import NonConformity
from qhse.accounts.errors import UsernameIsTaken
from qhse.accounts.models import User
from suppliers.models import Supplier

pytestmark = pytest.mark.django_db


def run(*options):
    """Run the command and return what it printed."""
    printed = io.StringIO()
    call_command("seed_demo", *options, stdout=printed)
    return printed.getvalue().strip()


class TestSeedDemo:
    def test_makes_users_suppliers_and_ncs(self):
        assert run("--suppliers=3", "--ncs=5") == "3 suppliers and 5 non-conformities seeded"

        assert (User.objects.count(), Supplier.objects.count(), NonConformity.objects.count()) == (4, 3, 5)

    def test_lets_procurement_record_suppliers_and_quality_open_ncs(self):
        run("--suppliers=1", "--ncs=1")

        assert NonConformity.objects.get().reported_by.username == "quality"

    def test_adds_to_what_is_there_unless_told_to_leave_it(self, make_supplier):
        make_supplier()

        assert run("--if-empty") == "there is data already, nothing seeded"
        assert Supplier.objects.count() == 1

        run("--suppliers=2", "--ncs=1")
        assert Supplier.objects.count() == 3

    def test_that_finds_somebody_elses_half_of_it_says_so_and_leaves_nothing(self, monkeypatch):
        def taken(number, *, actor):
            raise UsernameIsTaken("There is a user quality already.")

        monkeypatch.setattr("kpi.demo.seed_suppliers", taken)

        with pytest.raises(CommandError, match="There is a user quality already"):
            run("--suppliers=1", "--ncs=1")

        assert not User.objects.exists()

    def test_refuses_in_production_because_its_passwords_are_known(self, settings):
        settings.PRODUCTION = True

        with pytest.raises(CommandError, match="refused in production"):
            run("--suppliers=1", "--ncs=1")

        assert not User.objects.exists()

    @pytest.mark.parametrize("option", ["--suppliers=0", "--suppliers=-1", "--ncs=0", "--ncs=many", "--ncs=100001"])
    def test_refuses_a_number_that_makes_no_sense(self, option):
        with pytest.raises(CommandError, match="must be a whole number from 1 to 100000"):
            run(option)
