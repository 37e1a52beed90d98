"""What Prometheus is told of the replica."""

from __future__ import annotations

import math

import pytest
from django.db import connections

from qhse.replica.breaker import breaker
from qhse.replica.gauges import replica_gauges
from qhse.replica.models import Beat
from qhse.replica.router import REPLICA


def figures():
    return {metric.name: metric.samples[0].value for metric in replica_gauges()}


@pytest.mark.postgres
class TestFigures:
    def test_tell_the_age_of_the_last_beat_there(self, replica):
        found = figures()

        assert found["qhse_replica_up"] == 1
        assert 0 <= found["qhse_replica_lag_seconds"] < 20

    def test_tell_that_it_does_not_answer_and_break_no_others(self, replica):
        connections[REPLICA].settings_dict["NAME"] = "postgres"

        assert figures() == {"qhse_replica_up": 0, "qhse_replica_lag_seconds": math.inf}

    def test_tell_nothing_of_one_that_was_never_beaten_for(self, replica):
        Beat.objects.all().delete()
        replica.catch_up()

        assert figures()["qhse_replica_up"] == 0

    def test_do_not_wait_for_one_that_is_left_alone(self, replica):
        connections[REPLICA].close()
        breaker.open("away")

        assert figures()["qhse_replica_up"] == 0
        assert connections[REPLICA].connection is None
