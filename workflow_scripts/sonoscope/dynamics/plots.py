"""The published plots of experiment 2: one quantity against the step, a line per mode."""

from functools import partial
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from sonoscope.report import style

QUANTITIES = {
    "dnll": "ΔNLL (nats per frame)",
    "cos": "cosine of expected to true difference",
    "mag_ratio": "length of expected over true difference",
    "state_err": "distance to the true frame before the step",
    "energy_score": "energy score of sampled rollouts",
}


def draw_per_step(folder: Path, table: pd.DataFrame) -> None:
    """Write ``{quantity}_per_step`` as SVG and PNG for the first model of the table."""
    first = table[(table.predictor == table.predictor.iloc[0]) & (table.part == table.part.iloc[0])]
    folder.mkdir(parents=True, exist_ok=True)
    for name in QUANTITIES:
        style.save(partial(lines, first, name), folder / f"{name}_per_step")


def lines(table: pd.DataFrame, quantity: str) -> Figure:
    """One quantity of one model, in the current style."""
    figure, ax = style.axes()
    ends = []
    for i, (mode, own) in enumerate(table.groupby("mode", sort=False)):
        colour = style.ink(f"c{i}")
        ax.plot(own.step, own[quantity], color=colour, marker="o", markersize=3)
        known = own.dropna(subset=[quantity])
        if len(known):
            ends.append((float(known.step.iloc[-1]), float(known[quantity].iloc[-1]), str(mode), colour))
    ax.set_xlabel("step of the rollout")
    ax.set_ylabel(QUANTITIES[quantity])
    style.label_lines(ax, ends)
    return figure
