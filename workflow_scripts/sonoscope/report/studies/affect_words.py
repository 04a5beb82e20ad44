"""What the tables of the affect study say, in sentences that follow from their numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from sonoscope.report.blocks import Answer, Number, Verdict
from sonoscope.report.numbers import interval, percent, show, signed
from sonoscope.report.sources import Source

DIMENSIONS: Final = ("valence", "arousal")
CORPORA: Final = {"emopia": "EMOPIA's layout", "vgmidi": "VGMIDI's layout"}
MODELS: Final = (
    ("both", "latents + side channel"),
    ("both_median5", "the same, median of 5 bars"),
    ("side", "side channel alone"),
    ("latents", "latents alone"),
    ("both_expression", "both without tonality"),
    ("side_expression", "side channel without tonality"),
    ("untrained", "random encoder + side channel"),
    ("untrained_latents", "random encoder alone"),
    ("dequantised", "both, sum of codes"),
    ("prequantised", "both, before quantisation"),
    ("codes", "both, codes"),
    ("mlp", "both, perceptron per bar"),
    ("pooled", "both, pooled over the clip"),
    ("causal", "both, past bars only"),
    ("bag_mean", "both, mean of the bag"),
    ("bag_attention", "both, attention over the bag"),
    ("loss_smooth_l1", "both, smooth L1"),
    ("loss_mse", "both, squared error"),
    ("loss_l1", "both, absolute error"),
    ("loss_combined", "both, squared + absolute"),
    ("loss_ccc", "both, 1 − CCC"),
    ("plan", "the plan's perceptron"),
    ("plan_pooled", "the plan's perceptron, pooled"),
    ("shuffled", "null: shuffled labels"),
    ("hand", "baseline: ridge on features by hand"),
    ("boosting", "baseline: boosted trees"),
    ("prior", "baseline: formula, not fitted"),
    ("majority", "baseline: commonest quadrant"),
    ("constant_median", "baseline: median label"),
    ("constant", "baseline: mean label"),
)
"""Names of models as they are shown, in order."""


def label(model: str) -> str:
    """Name of a model as it is shown."""
    return dict(MODELS).get(model, model.replace("_", " "))


@dataclass(frozen=True)
class Measured:
    """One metric."""

    value: float
    low: float | None
    high: float | None
    songs: int

    @property
    def words(self) -> str:
        """Value with its interval."""
        text = show(self.value, 2)
        return text if self.low is None else f"{text} {interval(self.low, self.high, 2)}"


def pick(
    metrics: pd.DataFrame, model: str, dimension: str, metric: str, level: str = "bar", against: str = "labels"
) -> Measured | None:
    """One metric of a table; None where it is not there."""
    rows = metrics[(metrics.model == model) & (metrics.dimension == dimension) & (metrics.metric == metric)]
    rows = rows[(rows.level == level) & (rows.against == against)]
    if rows.empty:
        return None
    r = rows.iloc[0]
    low, high = (None, None) if pd.isna(r.low) else (float(r.low), float(r.high))
    return Measured(float(r.value), low, high, int(r.songs))


def numbers(metrics: pd.DataFrame, source: Source | None) -> tuple[Number, ...]:
    """CCC and absolute error of the recommended model, with the constant and the null beside."""
    found = []
    for metric, word in (("ccc", "CCC"), ("mae", "absolute error")):
        for d in DIMENSIONS:
            own = pick(metrics, "both", d, metric)
            if own is None:
                continue
            base, null = pick(metrics, "constant_median", d, metric), pick(metrics, "shuffled", d, metric)
            found.append(
                Number(
                    f"{d.capitalize()}, {word}", own.value, own.low, own.high, own.songs,
                    null=null.value if null else None, baseline=base.value if base and metric == "mae" else None,
                    note="songs; per bar", source=source,
                )
            )  # fmt: skip
    return tuple(found)


def verdict_of(metrics: pd.DataFrame, differences: pd.DataFrame) -> tuple[Verdict, str]:
    """Recovered if both dimensions lie above what shuffled labels give, with the reason."""
    above, reasons = [], []
    for d in DIMENSIONS:
        own, null = pick(metrics, "both", d, "ccc"), pick(metrics, "shuffled", d, "ccc")
        if own is None or null is None or own.low is None:
            return "not judged", "There is no model trained on shuffled labels, or no interval, to compare with."
        top = null.value if null.high is None else null.high
        above.append(own.low > top)
        side = "above" if own.low > top else "not above"
        reasons.append(f"{d} {own.words}, {side} that of shuffled labels, {null.words}")
    verdict: Verdict = "recovered" if all(above) else "partly recovered" if any(above) else "not recovered"
    return verdict, "; ".join(reasons) + "."


def compared(differences: pd.DataFrame, other: str) -> str:
    """How the recommended model differs from another in concordance, as a sentence; empty where it is not there."""
    parts = []
    for d in DIMENSIONS:
        rows = differences[(differences.other == other) & (differences.dimension == d) & (differences.metric == "ccc")]
        if rows.empty:
            return ""
        r = rows.iloc[0]
        way = "better" if r.low > 0 else "worse" if r.high < 0 else "not clearly different"
        parts.append(f"for {d} {way} ({signed(float(r.difference))} {interval(float(r.low), float(r.high), 2)})")
    return f"Against {label(other)}, latents + side channel are {' and '.join(parts)}."


def reading(metrics: pd.DataFrame, differences: pd.DataFrame) -> str:
    """What the comparison shows: whether latents add anything, and whether that was learned."""
    said = [compared(differences, other) for other in ("side", "untrained", "hand")]
    within = [pick(metrics, "both", d, "pearson", "within") for d in DIMENSIONS]
    text = " ".join(s for s in said if s)
    if all(within):
        pair = " and ".join(f"{w.words} for {d}" for d, w in zip(DIMENSIONS, within, strict=True) if w)
        text += f" Within songs, deviations from the song's mean correlate by {pair}."
    shrink = [pick(metrics, "both", d, "sd_ratio") for d in DIMENSIONS]
    if all(shrink):
        pair = " and ".join(f"{show(s.value, 2)} ({d})" for d, s in zip(DIMENSIONS, shrink, strict=True) if s)
        text += f" Predictions spread {pair} times as far as labels."
    covered = [pick(metrics, "both", d, "coverage") for d in DIMENSIONS]
    if all(covered):
        pair = " and ".join(f"{percent(c.value)} ({d})" for d, c in zip(DIMENSIONS, covered, strict=True) if c)
        text += f" Conformal intervals hold {pair} of the bars of an unseen song."
    return text


def answer(corpus: str, metrics: pd.DataFrame, differences: pd.DataFrame, source: Source | None) -> Answer:
    """The answer of the study from one corpus."""
    both = {d: pick(metrics, "both", d, "ccc") for d in DIMENSIONS}
    verdict, reason = verdict_of(metrics, differences)
    if not all(both.values()):
        return Answer("The recommended model was not among those trained.", verdict, reason)
    words = " and ".join(f"{d} with CCC {m.words}" for d, m in both.items() if m)
    errors = {d: (pick(metrics, "both", d, "mae"), pick(metrics, "constant_median", d, "mae")) for d in DIMENSIONS}
    pairs = " and ".join(
        f"{show(own.value, 2)} instead of {show(base.value, 2)} for {d}"
        for d, (own, base) in errors.items()
        if own and base
    )
    text = (
        f"On unseen songs in {CORPORA[corpus]}, latents + side channel predict {words} per bar. "
        f"The mean absolute error is {pairs}, the best constant being the second number."
    )
    return Answer(text, verdict, reason, numbers(metrics, source))


def annotation_text(summary: Mapping[str, Any], trained_on: str) -> str:
    """What was annotated, and how far it is to be trusted."""
    share = {d: summary[d] for d in DIMENSIONS}
    within = " and ".join(f"{percent(float(s['share_within_songs']))} of {d}" for d, s in share.items())
    quadrants = ", ".join(f"{name} {percent(float(v))}" for name, v in summary["quadrants"].items())
    return (
        f"{summary['songs']:,} songs with {summary['bars']:,} bars, each title of an artist once; "
        f"{summary['skipped']:,} files could not be annotated. {summary['trusted']:,} songs keep to a grid and are "
        f"like those the model learned from ({trained_on}); {percent(float(summary['off_grid']))} keep to no grid, "
        f"{percent(float(summary['beyond_training']))} lie beyond the training songs. Of the variance over bars, "
        f"{within} lies within songs. Songs by quadrant: {quadrants}."
    )


def styles_text(table: pd.DataFrame) -> str:
    """Which styles differ from all others after adjustment, and whether that holds for the trusted songs."""
    sentences = []
    for d in DIMENSIONS:
        rows = table[(table.songs == "all") & (table.dimension == d)].sort_values("g")
        sure = rows[rows.p_holm < 0.05]
        trusted = table[(table.songs == "trusted") & (table.dimension == d) & (table.p_holm < 0.05)]
        if rows.empty:
            continue
        if sure.empty:
            sentences.append(f"No style differs from the others in {d} after adjustment over all tests.")
            continue
        ends = [sure.iloc[-1], sure.iloc[0]] if len(sure) > 1 else [sure.iloc[0]]
        named = " and ".join(f"{r['style']} (g {signed(float(r.g))} {interval(float(r.g_low), float(r.g_high), 2)})"
                             for r in ends)  # fmt: skip
        held = len(set(sure["style"]) & set(trusted["style"]))
        sentences.append(
            f"In {d}, {len(sure)} of {len(rows)} styles differ from the other songs after adjustment (Holm, 5 %), most "
            f"{named}; {held} of them also among the trusted songs."
        )
    return " ".join(sentences) or "No style has enough songs to be compared."
