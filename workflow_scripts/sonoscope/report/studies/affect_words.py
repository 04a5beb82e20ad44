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
                    null=null.value if null else None, baseline=_constant(metric, base) if null else None,
                    note="songs, per bar", source=source,
                )
            )  # fmt: skip
    return tuple(found)


def _constant(metric: str, found: Measured | None) -> float | None:
    """What the best constant reaches; the concordance of a constant is 0."""
    return 0.0 if metric == "ccc" else found.value if found else None


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


STEPS: Final = {
    "side": "Adding the latents to the side channel",
    "untrained": "A trained encoder in place of one with random weights",
    "both_expression": "Tonality in the side channel",
    "hand": "The head in place of ridge regression on features by hand",
}
"""What it means to go from another model to the recommended one."""


def steps(differences: pd.DataFrame) -> list[dict[str, str]]:
    """What each step to the recommended model changes in concordance, one line per step, with how clear it is."""
    found = []
    for other, step in STEPS.items():
        line = {"step": step}
        for d in DIMENSIONS:
            rows = differences[(differences.other == other) & (differences.dimension == d)]
            rows = rows[rows.metric == "ccc"]
            if rows.empty:
                break
            r = rows.iloc[0]
            way = "better" if r.low > 0 else "worse" if r.high < 0 else "no clear change"
            line[d] = f"{signed(float(r.difference))} {interval(float(r.low), float(r.high), 2)}, {way}"
        else:
            found.append(line)
    return found


def _pair(metrics: pd.DataFrame, metric: str, model: str = "both", level: str = "bar", places: int = 2) -> str:
    """A measure of both dimensions as words; empty where one is missing."""
    found = [pick(metrics, model, d, metric, level) for d in DIMENSIONS]
    if not all(found):
        return ""
    return " and ".join(f"{show(x.value, places)} for {d}" for d, x in zip(DIMENSIONS, found, strict=True) if x)


def calibration(metrics: pd.DataFrame) -> str:
    """Range, slope, intervals and smoothness of the recommended model, in sentences."""
    said = []
    if spread := _pair(metrics, "sd_ratio"):
        said.append(f"Predictions spread {spread} times as far as labels (below 1 they are drawn to the mean).")
    if slope := _pair(metrics, "slope"):
        said.append(f"Where a prediction is higher by 1, labels are higher by {slope}.")
    covered = [pick(metrics, "both", d, "coverage") for d in DIMENSIONS]
    if all(covered):
        pair = " and ".join(f"{percent(c.value)} of {d}" for d, c in zip(DIMENSIONS, covered, strict=True) if c)
        said.append(
            f"Conformal intervals of half width {_pair(metrics, 'half_width')} hold {pair} of a new song’s bars."
        )
    within = [pick(metrics, "both", d, "pearson", "within") for d in DIMENSIONS]
    if all(within):
        pair = " and ".join(f"{w.words} for {d}" for d, w in zip(DIMENSIONS, within, strict=True) if w)
        said.append(f"Within songs, deviations from the song’s mean correlate with those of the labels by {pair}.")
    rough, labels, smooth = (_pair(metrics, *which) for which in (
        ("lag1",), ("lag1_labels",), ("lag1", "both_median5")))  # fmt: skip
    if rough and labels:
        said.append(
            f"Neighbouring bars correlate around their song’s mean by {labels} in the labels, by {rough} in the "
            "predictions" + (f", and by {smooth} after a running median of five bars." if smooth else ".")
        )
    return " ".join(said)


def robustness(
    metrics: pd.DataFrame, seeds: pd.DataFrame | None, repeats: pd.DataFrame | None, raters: Mapping[str, Any]
) -> list[dict[str, str]]:
    """Lines of a table: the same number by other seeds, other divisions of the songs, and what raters allow."""
    found: list[dict[str, str]] = []

    def line(what: str, texts: list[str]) -> None:
        found.append({"what": what, **dict(zip(DIMENSIONS, texts, strict=True))})

    own = [pick(metrics, "both", d, "ccc") for d in DIMENSIONS]
    if all(own):
        line("The model of this page", [m.words for m in own if m])
    other = [pick(metrics, "both", d, "ccc", against="russell") for d in DIMENSIONS]
    if all(other):
        line("The same against Russell’s points (±0.71)", [m.words for m in other if m])
    if seeds is not None and (seeds.model == "both").any():
        each = [seeds[(seeds.model == "both") & (seeds.dimension == d) & (seeds.metric == "ccc")].value
                for d in DIMENSIONS]  # fmt: skip
        line(f"Its {len(each[0])} members, each alone", [_range(v) for v in each])
    for model in () if repeats is None else dict.fromkeys(repeats.model[repeats.model != "constant_median"]):
        rows = repeats[(repeats.model == model) & (repeats.metric == "ccc")] if repeats is not None else pd.DataFrame()
        texts, times = [], 0
        for d in DIMENSIONS:
            own_rows = rows[rows.dimension == d]
            mean: dict[Any, Any] = own_rows[own_rows["repeat"] == -1].to_dict("records")[0]
            each_time = own_rows[own_rows["repeat"] >= 0].value
            times = len(each_time)
            text = f"{show(float(mean['value']), 2)} {interval(float(mean['low']), float(mean['high']), 2)}"
            texts.append(text + (f"; {_range(each_time)}" if times > 1 else ""))
        line(f"Songs divided anew, {times} ×: {label(model).removeprefix('baseline: ')}", texts)
    if raters:
        line(f"Ceiling: correlation with the mean of {raters['raters']:.0f} raters",
             [show(float(raters[d]["ceiling"]), 2) for d in DIMENSIONS])  # fmt: skip
        halves = [raters[d]["within"] for d in DIMENSIONS]
        if None not in halves:
            line("Half of the raters with the other half, within a piece", [show(float(h), 2) for h in halves])
    return found


def _range(values: Any) -> str:
    return f"{show(float(min(values)), 2)} to {show(float(max(values)), 2)}"


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


def course_text(table: pd.DataFrame, summary: Mapping[str, Any]) -> str:
    """Where along a song its affect leaves the mean, and how alike neighbouring bars are."""
    sentences = []
    for d in DIMENSIONS:
        rows = table[table.dimension == d].sort_values("part")
        clear = rows[(rows.low > 0) | (rows.high < 0)]
        away = [f"{'above' if value > 0 else 'below'} it in the {ORDINALS[int(part)]} tenth ({signed(float(value))})"
                for part, value in zip(clear.part, clear.deviation, strict=True)]  # fmt: skip
        said = "; ".join(away) if away else "nowhere clearly away from it"
        lag = summary[d].get("lag1")
        tail = f" Neighbouring bars correlate by {show(float(lag), 2)}." if lag is not None else ""
        sentences.append(f"{d.capitalize()}, against the song’s mean: {said}.{tail}")
    return " ".join(sentences)


ORDINALS: Final = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "last")
