"""Figures and tables of experiments that compare schemes or push several directions: variants, traces, cosines."""

from functools import partial

import pandas as pd
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import PercentFormatter

from sonoscope.report import style
from sonoscope.report.blocks import Column, Figure, Table
from sonoscope.report.numbers import percent
from sonoscope.report.sources import Source
from sonoscope.report.studies.steering_outcome import label, show_coefficient

Sources = tuple[Source, ...]


def variants_table(name: str, dose: pd.DataFrame, sources: Sources) -> Table:
    """Every arm and target."""
    shown = dose.assign(
        scheme=[v if v != "none" else "unsteered" for v in dose.variant],
        direction=[label(e) if e != "none" else "–" for e in dose.estimator],
        listened=[f"{t} ({c})" for c, t in zip(dose.concept, dose.target, strict=True)],
    )
    columns = {
        "scheme": Column("Variant"),
        "direction": Column("Direction"),
        "coefficient": Column("Coefficient", 2),
        "listened": Column("Listened for"),
        "n": Column("n", 0),
        "accuracy": Column("Accuracy", 0, "%", 100),
        "low": Column("95 % from", 0, "%", 100),
        "high": Column("to", 0, "%", 100),
        "listener": Column("Log-mel classifier", 0, "%", 100),
        "probe": Column("Probe (circular)", 0, "%", 100),
        "nll_change": Column("Change of NLL", 3, "nats per token"),
        "divergence": Column("KL", 3, "nats per token"),
        "frechet": Column("Fréchet distance", 0),
        "silent": Column("Silent", 0),
        "clipped": Column("Clipped", 0),
    }
    return Table(f"{name}-variants", "Variants", shown, columns, caption=_embedding(dose), sources=sources)


def interference_table(name: str, dose: pd.DataFrame, sources: Sources) -> Table:
    """Variants down, targets across, at the headline coefficient: how far each target survives its partner."""
    judged = dose[dose.is_headline]
    cells = judged.assign(
        row=[
            "unsteered" if v == "none" else f"{v}, {label(e)}"
            for v, e in zip(judged.variant, judged.estimator, strict=True)
        ],
        column=[f"{t} ({c})" for c, t in zip(judged.concept, judged.target, strict=True)],
        share=[percent(a, low, high) for a, low, high in zip(judged.accuracy, judged.low, judged.high, strict=True)],
    )
    targets = list(dict.fromkeys(cells.column))
    matrix = pd.DataFrame(
        [{"row": row, **dict(zip(own.column, own.share, strict=True))} for row, own in cells.groupby("row", sort=False)]
    )
    columns = {"row": Column("Pushed")} | {target: Column(f"Heard: {target}") for target in targets}
    caption = (
        "Read a column: a target that both pushes are on for should be heard as often as when it is pushed alone. "
        "95 % intervals in brackets."
    )
    return Table(f"{name}-interference", "Interference", matrix, columns, caption=caption, sources=sources)


def quality_table(name: str, dose: pd.DataFrame, sources: Sources) -> Table:
    """Other ears and other costs of a dose-response curve."""
    shown = dose.assign(direction=[label(e) if e != "none" else "Unsteered" for e in dose.estimator])
    columns = {
        "direction": Column("Direction"),
        "coefficient": Column("Coefficient", 2),
        "n": Column("n", 0),
        "accuracy": Column("By the measure", 0, "%", 100),
        "listener": Column("By the log-mel classifier", 0, "%", 100),
        "probe": Column("By the probe (circular)", 0, "%", 100),
        "nll_change": Column("Change of NLL", 3, "nats per token"),
        "nll_change_low": Column("95 % from", 3),
        "nll_change_high": Column("to", 3),
        "divergence": Column("KL", 3, "nats per token"),
        "frechet": Column("Fréchet distance", 0),
        "onset_rate": Column("Onsets", 1, "per second"),
        "silent": Column("Silent", 0),
        "clipped": Column("Clipped", 0),
    }
    if (dose["unit"] != "share").any():
        columns["accuracy"] = Column("Heard", 0, "beats per minute")
        columns.pop("listener"), columns.pop("probe")
    if dose["adherence"].notna().any():
        columns["adherence"] = Column("Clip and prompt (cosine)", 3)
    caption = (
        "The classifier was trained on log-mel spectra of renders and has never seen the model. The probe reads the "
        "model's own states, so it hears in part what was put in: a trend, no evidence. Changes of NLL are paired with "
        f"the unsteered clip of the same prompt and seed. {_embedding(dose)}"
    )
    return Table(f"{name}-quality", "Other ears, other costs", shown, columns, caption=caption, sources=sources)


def matched_table(name: str, matched: pd.DataFrame, sources: Sources) -> Table:
    """Estimators and schemes at equal cost."""
    shown = matched.assign(direction=[label(e) for e in matched.estimator])
    budget, level = matched["budget"].iloc[0], matched["level"].iloc[0]
    columns = {
        "direction": Column("Direction"),
        "variant": Column("Variant"),
        "target": Column("Target"),
        "n": Column("n", 0),
        "accuracy": Column("Accuracy within the budget", 0, "%", 100),
        "low": Column("95 % from", 0, "%", 100),
        "high": Column("to", 0, "%", 100),
        "cost": Column("Cost of the level", 3, "nats per token"),
        "cost_low": Column("95 % from", 3),
        "cost_high": Column("to", 3),
    }
    caption = (
        f"Coefficients do not compare across estimators; costs do. Budget: {budget:g} nats per token of NLL. "
        f"Level: {level:.0%} accuracy, nine tenths of what every judged direction reaches; an empty cell never reaches "
        "it. Between coefficients the curves are joined by straight lines."
    )
    return Table(f"{name}-matched", "At matched quality", shown, columns, caption=caption, sources=sources)


def traces(name: str, frame: pd.DataFrame, sources: Sources) -> list[Figure]:
    """One figure per variant: how strongly each target sounds over time."""
    found = []
    for (variant, estimator, coefficient), part in frame.groupby(["variant", "estimator", "coefficient"], sort=False):
        arm = (
            "unsteered"
            if variant == "none"
            else f"{variant}, {label(str(estimator))} {show_coefficient(float(str(coefficient)))}"
        )
        ends = (
            part.sort_values("time").groupby("target", sort=False).agg(first=("share", "first"), last=("share", "last"))
        )
        told = "; ".join(f"{t} from {r['first']:.0%} to {r['last']:.0%}" for t, r in ends.iterrows())
        found.append(
            Figure(
                name=f"{name}-trace-{variant}-{estimator}-{coefficient:g}".replace(".", "_"),
                title=f"Over time: {arm}",
                draw=partial(_draw_traces, part),
                data=part,
                caption=(
                    f"Share of each window's energy at the target's pitch class, mean of {int(part.n.max())} clips; "
                    "bands: 95 % intervals over prompts; dashed: one twelfth."
                ),
                alt=f"Line chart of energy share over time: {told}.",
                sources=sources,
            )
        )
    return found


def divergence(name: str, frame: pd.DataFrame, sources: Sources) -> Figure:
    """Divergence per step at the largest coefficient of each arm."""
    largest = frame.groupby(["variant", "estimator"])["coefficient"].transform(lambda c: c.abs().max())
    shown = frame[frame["coefficient"].abs() == largest]
    shown = shown.assign(
        arm=[
            f"{v}, {label(e)}" if v != "plain" else label(e)
            for v, e in zip(shown.variant, shown.estimator, strict=True)
        ]
    )
    means = shown.groupby("arm", sort=False)["divergence"].mean()
    told = "; ".join(f"{a} {v:.2f}" for a, v in means.items())
    return Figure(
        name=f"{name}-divergence",
        title="Divergence from the unsteered model",
        draw=partial(_draw_divergence, shown),
        data=frame,
        caption=(
            "Kullback-Leibler divergence of the steered from the unsteered next-token law, same tokens, in nats "
            f"per token, at the largest coefficient; mean of {int(shown.n.max())} clips."
        ),
        alt=f"Line chart of divergence over time; means: {told}.",
        sources=sources,
    )


def cosines_table(name: str, frame: pd.DataFrame, sources: Sources) -> Table:
    """Pairwise cosines of directions that are pushed together."""
    columns = {
        "first": Column("Direction"),
        "second": Column("with"),
        "estimator": Column("Estimator"),
        "layer": Column("Layer", 0),
        "cosine": Column("Cosine", 2),
    }
    return Table(f"{name}-cosines", "Cosines of the directions", frame, columns, folded=True, sources=sources)


def _embedding(dose: pd.DataFrame) -> str:
    return f"Fréchet distance from the unsteered clips, embedding: {dose['embedding'].iloc[0]}."


def _draw_traces(frame: pd.DataFrame) -> Drawing:
    figure, ax = style.axes(2.5)
    ax.axhline(1 / 12, color=style.ink("muted"), linewidth=0.9, linestyle=(0, (4, 4)))
    ax.set_ylim(0, max(0.2, 1.05 * float(frame.high.max())))
    ends = []
    for k, (target, own) in enumerate(frame.groupby("target", sort=False)):
        colour = style.ink(f"c{k}")
        own = own.sort_values("time")
        ax.plot(own.time, own.share, color=colour, marker="o", markersize=3.5)
        ax.fill_between(own.time, own.low, own.high, color=colour, alpha=0.13, linewidth=0)
        ends.append((float(own.time.iloc[-1]), float(own.share.iloc[-1]), str(target), colour))
    style.label_lines(ax, ends)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0, symbol=" %"))
    ax.set_xlabel("time (s)")
    ax.set_ylabel("share of energy")
    return figure


def _draw_divergence(frame: pd.DataFrame) -> Drawing:
    figure, ax = style.axes(2.5)
    ax.set_ylim(0, 1.05 * float(frame.divergence.max()) or 1.0)
    ends = []
    for k, (arm, own) in enumerate(frame.groupby("arm", sort=False)):
        colour = style.ink(f"c{k}")
        ax.plot(own.time, own.divergence, color=colour, linewidth=1.2)
        ends.append((float(own.time.iloc[-1]), float(own.divergence.iloc[-1]), str(arm), colour))
    style.label_lines(ax, ends)
    ax.set_xlabel("time (s)")
    ax.set_ylabel("KL (nats per token)")
    return figure
