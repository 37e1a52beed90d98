"""
Charts as geometry: plain series in, marks out. `adminsite/chart.html` draws them as SVG, `charts.css` colours them.

Places along a chart are in per cent of its width, and heights in em. So it fills any window without a script, and its
letters keep the reader's size. Kinds of marks differ by pattern or shape as well as by colour. None is a gap.
"""

from qhse.adminsite.charts.grids import Grid, grid
from qhse.adminsite.charts.lying import adding_up, pareto
from qhse.adminsite.charts.parts import Chart, Label
from qhse.adminsite.charts.upright import beside, chart, line, months, plain, stacked

__all__ = [
    "Chart", "Grid", "Label", "adding_up", "beside", "chart", "grid", "line", "months", "pareto", "plain", "stacked",
]  # fmt: skip
