"""Every bar of the study with its verdict, and where one is missed what limits it, all computed from results."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from sonoscope import scorecard
from sonoscope.contracts.steering import CALIBRATION
from sonoscope.report.blocks import Block, Column, Table, present
from sonoscope.report.numbers import SPACE, percent, show
from sonoscope.report.results import Results
from sonoscope.scorecard import Row
from sonoscope.steering.names import ASKED, CODEC, LOG_MEL

_TWICE = "steering.note_accuracy.random"
"""The same number as steering.random_direction."""

CONCEPTS = {
    "notes": "Notes", "intervals": "Intervals", "scales": "Modes", "chords": "Chord types",
    "simple_progressions": "Progressions", "tempos": "Tempo", "time_signatures": "Metres",
}  # fmt: skip

_BARS = {
    "steering.note_accuracy.unsteered": "unsteered clips seldom show the note",
    "steering.note_accuracy.steered": "steered clips show the note",
    "steering.note_accuracy.nll_less_best_baseline": "NLL it costs, less that of the best baseline at equal accuracy",
    "steering.matched_quality.notes.rfm_less_best_linear": "RFM less the best linear baseline at matched quality",
    "steering.random_direction": "a random direction of the same size does nothing",
    "steering.tempo.spearman": "mean tempo rises with the coefficient (rank correlation)",
    "steering.slowdown": "time of steered over unsteered generation",
    "steering.seconds": "seconds of all jobs of the study, overlaps counted once",
}
"""What each bar asks, in the order of the table; the headlines of the other concepts come after the notes."""


def verdicts(results: Results) -> Block | None:
    """The table of bars; None where nothing was judged."""
    paths = [
        *results.find("steering/analyse_steering/*/*/scorecard.json"),
        *results.find("steering/time_steering/*/scorecard.json"),
    ]
    rows = [row for path in paths for row in scorecard.read(path) if row.target is not None and row.name != _TWICE]
    heard = Heard.of(results)
    shown = pd.DataFrame([_cells(row, heard) for row in sorted(rows, key=_order)])
    if shown.empty:
        return None
    columns = {
        "concept": Column("Concept"), "asked": Column("Asked for"), "verdict": Column("Verdict"),
        "value": Column("Found"), "bar": Column("Bar"), "null": Column("Null"), "limit": Column("What limits it"),
    }  # fmt: skip
    caption = (
        "Each bar was set before anything was generated. A steered share counts as met only if its interval also lies "
        "above that of a random direction. What limits a missed one is read off three measured ceilings: what the "
        "measure hears in true renders, what it hears of them after the codec, and how often the model plays the right "
        "value when a prompt asks for it."
    )
    sources = present(*(results.source(p) for p in (*paths, *heard.paths)))
    return Table("steering-verdicts", "Bars and verdicts", shown, columns, caption, sources=sources)


def _order(row: Row) -> tuple[float, str]:
    known = list(_BARS)
    return (known.index(row.name) if row.name in known else 3.5 if row.name.endswith(".headline") else 9.0, row.name)


def _cells(row: Row, heard: "Heard") -> dict[str, str]:
    key = row.name.split(".")[1]
    is_tempo = row.name.endswith(".spearman")
    concept = "tempos" if is_tempo else key.split("-")[0] if key.split("-")[0] in CONCEPTS else ""
    if key in ("note_accuracy", "matched_quality", "random_direction"):
        concept = "notes"
    is_share = row.name.endswith((".headline", ".steered", ".unsteered", "random_direction"))
    higher = not row.name.endswith(("unsteered", "random_direction", "slowdown", "seconds", "best_baseline"))
    asked = _BARS.get(row.name, "steered clips show the value, at three times chance")
    if is_tempo:
        asked = _BARS["steering.tempo.spearman"] + ("" if key == "tempo" else f", {key}")
    elif row.name.endswith("headline") and not concept:
        name = row.name.removeprefix("steering.").removesuffix(".headline").replace(".", ", ")
        asked, higher = f"{name}: less of the target than unsteered and under a random direction", False
    return {
        "concept": CONCEPTS.get(concept, ""),
        "asked": asked,
        "value": _number(row.value, row.low, row.high, is_share),
        "bar": f"{'≥' if higher else '≤'}{SPACE}{_number(row.target or 0.0, None, None, is_share)}",
        "null": "" if row.null is None else _number(row.null, None, None, is_share),
        "verdict": "met" if row.met else "missed",
        "limit": "" if row.met else heard.limit(concept, row),
    }


def _number(value: float, low: float | None, high: float | None, is_share: bool) -> str:
    if is_share:
        return percent(value, low, high) if low is not None and high is not None else percent(value)
    places = 0 if abs(value) >= 10 else 2
    told = show(value, places)
    return told if low is None or high is None else f"{told} [{show(low, places)}, {show(high, places)}]"


@dataclass(frozen=True)
class Heard:
    """Measured ceilings of each concept, and where they come from."""

    of_concept: Mapping[str, Mapping[str, "pd.Series"]]
    paths: tuple[Path, ...] = ()

    @classmethod
    def of(cls, results: Results) -> "Heard":
        """All calibration tables, and what was heard through the codec and of the model when it was asked."""
        paths = [
            *results.find("steering/calibrate_measure/*/calibration.parquet"),
            *results.find("steering/measure_limits/*/*/limits.parquet"),
        ]
        found: dict[str, dict[str, pd.Series]] = {}
        for path in paths:
            for _, row in CALIBRATION.read(path).iterrows():
                if row["measure"] == LOG_MEL:
                    continue
                name = row["measure"] if row["measure"] in (CODEC, ASKED) else "renders"
                found.setdefault(str(row["concept"]), {})[str(name)] = row
        return cls(found, tuple(paths))

    def limit(self, concept: str, row: Row) -> str:
        """What limits a missed bar, in sentences made of the measured ceilings; they never claim more than these."""
        if row.name == "steering.slowdown":
            return "The hook adds one product per layer and step; the rest is noise of the clock: repeat it alone."
        if row.name == "steering.seconds":
            return "The machine and what else ran on it: each job's seconds stand in the results table."
        if row.name == "steering.matched_quality.notes.rfm_less_best_linear":
            apart = row.high is not None and row.high < 0
            return (
                "RFM is worse than the best linear baseline at matched quality."
                if apart
                else "RFM is below the best linear baseline, by less than these clips can tell from nothing."
            )
        if row.name == "steering.note_accuracy.nll_less_best_baseline":
            apart = row.low is not None and row.low > 0
            return (
                "The best baseline buys the same accuracy more cheaply."
                if apart
                else "The difference cannot be told from nothing with these clips."
            )
        if not concept:
            return "The interval does not lie below those of unsteered clips and of the random direction."
        return " ".join(self._sentences(concept, row))

    def _sentences(self, concept: str, row: Row) -> Iterator[str]:
        ceilings = self.of_concept.get(concept, {})
        bar = row.target if row.target is not None and row.name.endswith(("headline", "steered")) else None
        low = {name: one for name, one in ceilings.items() if bar is not None and one["score"] < bar}
        if row.null is not None and row.low is not None and bar is not None and row.value >= bar:
            yield "The bar is reached, but the interval does not lie above the random direction's: too few clips."
        for name, words in (
            ("renders", "The measure hears {} of true renders"),
            (CODEC, "of these after the codec {}"),
            (ASKED, "of the model's clips that are asked for in words {}"),
        ):
            one = ceilings.get(name)
            if one is not None:
                stop = " (under the bar)." if name in low else "."
                told = percent(float(one["score"]), float(one["low"]), float(one["high"]))
                text = words.format(told) + stop
                yield text[0].upper() + text[1:]
        if not ceilings:
            yield "The ceilings were not measured in this run (steering.listening.limits)."
            return
        chance = float(next(iter(ceilings.values()))["chance"])
        asked, codec = ceilings.get(ASKED), ceilings.get(CODEC)
        if "renders" in low:
            yield "So the measure limits it."
        elif codec is not None and (CODEC in low or float(codec["low"]) <= chance):
            yield "So the codec limits it: its tokens lose what would be heard."
        elif asked is not None and (ASKED in low or float(asked["low"]) <= chance):
            yield "So the model limits it: asked in plain words it does not play the value reliably either."
        elif asked is not None:
            yield "None of the three explains it: the model can play the value, the direction does not make it."
        else:
            yield (
                "Codec and model were not measured in this run; steering.listening.limits above 0 does so, as preset "
                "laptop has it."
            )
