"""Figures of the steering study: accuracy and cost against the coefficient, and the scores of the layers."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import MaxNLocator, PercentFormatter

from sonoscope.report import style
from sonoscope.report.blocks import Figure
from sonoscope.report.charts import lines_with_intervals
from sonoscope.report.numbers import percent, show
from sonoscope.report.sources import Source
from sonoscope.report.studies.steering_outcome import CONTROLS, Outcome, label, rank, show_coefficient
from sonoscope.report.studies.steering_tempo import TempoOutcome

Drawer = Callable[[], Drawing]


def dose_response(name: str, outcome: Outcome, frame: pd.DataFrame, sources: tuple[Source, ...]) -> Figure:
    """Accuracy against the coefficient, one line per estimator, with the null and chance."""
    curves = with_origin(frame)
    counts = sorted(set(frame.n))
    n = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    ends = curves.sort_values("coefficient").groupby("estimator", sort=False).last()
    told = "; ".join(f"{label(str(e))} {percent(r.accuracy)} at {r.coefficient:g}" for e, r in ends.iterrows())
    shown = curves.assign(direction=[label(e) for e in curves.estimator])
    shown = shown[["direction", "coefficient", "accuracy", "low", "high", "n"]]
    return Figure(
        name=f"{name}-dose-response",
        title="Dose and response",
        draw=partial(_draw_dose, curves, outcome),
        data=frame,
        caption=(
            f"Share of clips in which {outcome.measure} hears {outcome.target}, against the coefficient of the "
            f"injected direction. Points: {n} clips each, at 0 the unsteered ones; bars: 95 % intervals. A direction "
            "that carries the concept leaves the "
            "grey line of the random direction, and leaves it further the harder one pushes."
        ),
        alt=(
            f"Line chart of accuracy against coefficient. At the largest coefficient: {told}. "
            f"Chance is {percent(outcome.chance)}."
        ),
        chart=lines_with_intervals(
            shown,
            x="coefficient",
            y="accuracy",
            low="low",
            high="high",
            series="direction",
            inks=list(inks(curves).values()),
            x_title=f"coefficient ({outcome.unit})",
            y_title=f"clips that show {outcome.target}",
            share=True,
            level=outcome.chance,
        ),
        sources=sources,
    )


def number_response(name: str, outcome: TempoOutcome, frame: pd.DataFrame, sources: tuple[Source, ...]) -> Figure:
    """Heard number against the coefficient, one line per estimator."""
    curves = with_origin(frame)
    ends = curves.sort_values("coefficient").groupby("estimator", sort=False)["accuracy"].agg(["first", "last"])
    told = "; ".join(f"{label(str(e))} from {r['first']:.0f} to {r['last']:.0f}" for e, r in ends.iterrows())
    return Figure(
        name=f"{name}-dose-response",
        title="Dose and response",
        draw=partial(_draw_number, curves, outcome),
        data=frame,
        caption=(
            f"Mean heard {outcome.measure_unit} against the coefficient; negative coefficients push to slower. Points: "
            f"{_counts(curves)} clips each; bars: 95 % intervals over prompts. A clip without a beat counts as 0."
        ),
        alt=f"Line chart of heard {outcome.measure_unit} against coefficient: {told}.",
        sources=sources,
    )


def quality_cost(name: str, outcome: Outcome, frame: pd.DataFrame, sources: tuple[Source, ...]) -> Figure:
    """Negative log-likelihood under the unsteered model, against the coefficient."""
    curves = with_origin(frame.dropna(subset=["nll"]))
    ends = curves.sort_values("coefficient").groupby("estimator", sort=False).last()
    told = "; ".join(f"{label(str(e))} {show(r.nll, 2)} at {r.coefficient:g}" for e, r in ends.iterrows())
    return Figure(
        name=f"{name}-cost",
        title="What it costs",
        draw=partial(_draw_cost, curves, outcome),
        data=frame[
            ["concept", "target", "estimator", "coefficient", "coefficient_unit", "n", "nll", "nll_low", "nll_high"]
        ],
        caption=(
            "Mean negative log-likelihood of the generated tokens under the unsteered model: how unusual the clips "
            f"have become. Points: {_counts(curves)} clips each; bars: 95 % intervals where they were computed. "
            "Compare directions at equal cost, not at equal coefficient."
        ),
        alt=f"Line chart of negative log-likelihood in nats per token against coefficient. At the largest: {told}.",
        sources=sources,
    )


def layers(name: str, target: str, frame: pd.DataFrame, sources: tuple[Source, ...]) -> Figure:
    """Held-out score of the direction at every layer."""
    best = frame.loc[frame[frame.estimator == frame.estimator.iloc[0]].score.idxmax()]
    measure = str(frame.measure.iloc[0]).replace("_", " ")
    return Figure(
        name=f"{name}-layers",
        title="Where the concept is",
        draw=partial(_draw_layers, frame, measure),
        data=frame,
        caption=(
            f"{measure.capitalize()} on held-out clips of the direction of {target} at each layer's output, "
            f"n = {_counts(frame)}. Bands: 95 % intervals; dashed: chance. That a layer tells the concept apart does "
            "not yet show that the model uses it."
        ),
        alt=(
            f"Line chart of {measure} against layer. {label(str(best.estimator))} is best at layer {best.layer} "
            f"with {show(best.score, 2)}."
        ),
        sources=sources,
    )


def with_origin(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows in the order of drawing; each estimator begins at the unsteered clips."""
    unsteered = frame[frame.coefficient == 0].head(1)
    pushed = frame[frame.coefficient != 0]
    ordered = sorted(set(pushed.estimator), key=rank)
    parts = []
    for estimator in ordered:
        own = pushed[pushed.estimator == estimator]
        zero = frame[(frame.coefficient == 0) & (frame.estimator == estimator)]
        zero = zero if len(zero) else unsteered.assign(estimator=estimator)
        parts.append(pd.concat([zero, own]).sort_values("coefficient"))
    return pd.concat(parts, ignore_index=True) if parts else frame.iloc[:0]


def inks(frame: pd.DataFrame) -> dict[str, str]:
    """Colour of each estimator: controls are grey, methods take the palette in order."""
    methods = [e for e in dict.fromkeys(frame.estimator) if e not in CONTROLS]
    return {e: f"c{methods.index(e)}" if e in methods else "muted" for e in dict.fromkeys(frame.estimator)}


def _counts(frame: pd.DataFrame) -> str:
    counts = sorted(set(frame.n))
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


def _draw_dose(frame: pd.DataFrame, outcome: Outcome) -> Drawing:
    figure, ax = style.axes()
    ax.set_ylim(-0.015, 1.03)
    ax.axhline(outcome.chance, color=style.ink("muted"), linewidth=0.9, linestyle=(0, (4, 4)))
    _curves(ax, frame, "accuracy", "low", "high", outcome.chance)
    ax.set_yticks([0, 0.2, 0.4, 0.6, 0.8, 1])
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    ax.set_xlabel(f"coefficient ({outcome.unit})")
    ax.set_ylabel(f"clips that show {outcome.target}")
    return figure


def _draw_number(frame: pd.DataFrame, outcome: TempoOutcome) -> Drawing:
    figure, ax = style.axes()
    low, high = _extent(frame, "accuracy", "low", "high")
    ax.set_ylim(low - 0.08 * (high - low) - 1, high + 0.08 * (high - low) + 1)
    _curves(ax, frame, "accuracy", "low", "high")
    ax.set_xlabel(f"coefficient ({outcome.unit})")
    ax.set_ylabel(outcome.measure_unit)
    return figure


def _draw_cost(frame: pd.DataFrame, outcome: Outcome) -> Drawing:
    figure, ax = style.axes(2.5)
    low, high = _extent(frame, "nll", "nll_low", "nll_high")
    margin = 0.08 * (high - low) or 0.1
    ax.set_ylim(low - margin, high + margin)
    _curves(ax, frame, "nll", "nll_low", "nll_high")
    ax.set_xlabel(f"coefficient ({outcome.unit})")
    ax.set_ylabel("NLL (nats per token)")
    return figure


def _draw_layers(frame: pd.DataFrame, measure: str) -> Drawing:
    figure, ax = style.axes(2.5)
    colours = inks(frame)
    low, high = _extent(frame, "score", "low", "high")
    chance = frame.chance.dropna()
    if len(chance):
        low = min(low, float(chance.iloc[0]))
        ax.axhline(chance.iloc[0], color=style.ink("muted"), linewidth=0.9, linestyle=(0, (4, 4)))
    margin = 0.06 * (high - low) or 0.1
    ax.set_ylim(low - margin, high + margin)
    ends = [(0.0, float(chance.iloc[0]), "Chance", style.ink("muted"))] if len(chance) else []
    for estimator, own in frame.groupby("estimator", sort=False):
        colour = style.ink(colours[str(estimator)])
        ax.plot(own.layer, own.score, color=colour, marker="o", markersize=3.5)
        if own.low.notna().all():
            ax.fill_between(own.layer, own.low, own.high, color=colour, alpha=0.13, linewidth=0)
        ends.append((own.layer.iloc[-1], own.score.iloc[-1], label(str(estimator)), colour))
    style.label_lines(ax, ends)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set_xlabel("layer")
    ax.set_ylabel(measure)
    return figure


def _extent(frame: pd.DataFrame, *columns: str) -> tuple[float, float]:
    """Smallest and largest number in some columns, NaN aside."""
    values = frame[list(columns)].to_numpy(dtype=float)
    return float(np.nanmin(values)), float(np.nanmax(values))


def _curves(ax: Axes, frame: pd.DataFrame, y: str, low: str, high: str, chance: float | None = None) -> None:
    """Lines with points and bars, set a little apart so that bars at one coefficient do not hide each other.

    All lines begin at the same unsteered clips, drawn once.
    """
    colours = inks(frame)
    spread = 0.006 * (frame.coefficient.max() - frame.coefficient.min())
    ends = [] if chance is None else [(0.0, chance, "Chance", style.ink("muted"))]
    for i, (estimator, own) in enumerate(frame.groupby("estimator", sort=False)):
        colour = style.ink(colours[str(estimator)])
        x = own.coefficient + spread * (i - (len(colours) - 1) / 2) * (own.coefficient != 0)
        control = str(estimator) in CONTROLS
        pushed = own.coefficient != 0
        ax.plot(x, own[y], color=colour, linewidth=1.4 if control else 2.0, zorder=2 if control else 3)
        ax.vlines(x[pushed], own[low][pushed], own[high][pushed], color=colour, linewidth=1.1, zorder=2)
        ax.plot(x[pushed], own[y][pushed], "o", color=colour, markersize=4.5, zorder=4)
        ends.append((float(x.iloc[-1]), float(own[y].iloc[-1]), label(str(estimator)), colour))
    for point in frame[frame.coefficient == 0].drop_duplicates([y, low, high]).itertuples():
        ax.vlines(0, getattr(point, low), getattr(point, high), color=style.ink("ink"), linewidth=1.1, zorder=5)
        ax.plot(0, getattr(point, y), "o", color=style.ink("ink"), markersize=4.5, zorder=6)
    style.label_lines(ax, ends)
    tried = sorted(set(frame.coefficient))
    if len(tried) <= 9:
        ax.set_xticks(tried, [show_coefficient(c) for c in tried])
    ax.margins(x=0.03)
