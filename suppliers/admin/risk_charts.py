"""The score of a supplier as charts: what it is made of, and how it went."""

from __future__ import annotations

from qhse.adminsite.charts import Chart, adding_up, chart, line, months
from suppliers.models import Supplier
from suppliers.selectors import scores_by_month

MOST_POINTS = 100  # the caps of all lines sum to it


def score_chart(supplier: Supplier) -> Chart | None:
    """Return the lines that have points, each beginning where the one before it ended. The panel has their table."""
    parts = [(each.detail, each.points) for each in supplier.lines if each.points]
    return adding_up(
        "chart-score", "The lines of the score, which add up to it", parts,
        total="Score", most=MOST_POINTS, of="What", count="Points",
    )  # fmt: skip


def score_line(supplier: Supplier) -> Chart | None:
    """Return the score at the end of each of twelve months. Months before the first conclusion are a gap."""
    told = scores_by_month(supplier.pk)
    labels = months(f"{each.month:%Y-%m}" for each in told)
    scores = line({"Score": [each.score for each in told]}, most=MOST_POINTS)
    return chart("chart-scores", "Score at the end of each month, of 100", labels, scores, of="Month")
