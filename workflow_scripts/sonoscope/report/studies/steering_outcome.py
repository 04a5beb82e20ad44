"""What a dose-response table says: unsteered, steered, and the random direction that it must beat."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import pandas as pd

from sonoscope.report.blocks import Answer, Number, Verdict
from sonoscope.report.numbers import percent, show, signed
from sonoscope.report.sources import Source

CONTROLS = ("random", "shuffled_rfm")
"""Estimators that know nothing of the concept: a random direction, and the method on shuffled labels."""

_LABELS = {
    "rfm": "RFM",
    "difference_in_means": "Difference in means",
    "ridge": "Ridge",
    "logistic": "Logistic",
    "lda": "LDA",
    "pca": "PCA",
    "sae": "SAE feature",
    "random": "Random direction",
    "shuffled_rfm": "RFM, shuffled labels",
}

UNITS = {"relative": "×\u00a0mean\u00a0norm", "sigma": "σ of the projection"}


def label(estimator: str) -> str:
    """Name of an estimator as it is shown."""
    return _LABELS.get(estimator, estimator.replace("_", " "))


def rank(estimator: str) -> tuple[int, str]:
    """Order in which estimators are shown: RFM, the other methods by name, then the controls."""
    return (0 if estimator == "rfm" else 2 if estimator in CONTROLS else 1, estimator)


@dataclass(frozen=True)
class Point:
    """One row of the table."""

    estimator: str
    coefficient: float
    n: int
    accuracy: float
    low: float
    high: float
    nll: float | None

    @property
    def words(self) -> str:
        """Accuracy with its interval."""
        return percent(self.accuracy, self.low, self.high)


@dataclass(frozen=True)
class Outcome:
    """The comparison that the study is about, for one model, concept and target.

    All are judged at the headline coefficient, which the settings named before anything was generated: the best of
    several coefficients would flatter all sides.
    """

    model: str
    concept: str
    target: str
    measure: str
    unit: str
    chance: float
    unsteered: Point | None
    steered: Point | None
    random: Point | None

    @classmethod
    def from_table(cls, model: str, frame: pd.DataFrame) -> "Outcome":
        """The outcome of one dose-response table, which holds one concept, target and measure."""
        first = frame.iloc[0]
        pushed = frame[frame.is_headline & (frame.coefficient != 0)]
        methods = pushed[~pushed.estimator.isin(CONTROLS)]
        main = methods[methods.estimator == "rfm"] if (methods.estimator == "rfm").any() else methods
        return cls(
            model,
            str(first.concept),
            str(first.target),
            str(first.measure),
            UNITS.get(str(first.coefficient_unit), str(first.coefficient_unit)),
            float(first.chance),
            _point(frame[frame.coefficient == 0]),
            _point(main),
            _point(pushed[pushed.estimator == "random"]),
        )

    @property
    def verdict(self) -> tuple[Verdict, str]:
        """Recovered if the interval lies above those of the random direction and of the unsteered clips; and why."""
        if self.steered is None or self.random is None or self.unsteered is None:
            lacking = [
                name
                for name, point in (("unsteered", self.unsteered), ("steered", self.steered), ("random", self.random))
                if point is None
            ]
            return "not judged", f"There are no {' and no '.join(lacking)} clips to compare with."
        below = [
            f"{name} {p.words}"
            for name, p in (("the random direction's", self.random), ("that of unsteered clips,", self.unsteered))
            if self.steered.low <= p.high
        ]
        own = f"The interval {percent(self.steered.low)} to {percent(self.steered.high)}"
        if below:
            return "not recovered", f"{own} does not lie above {' nor '.join(below)}."
        above = max(self.random.high, self.unsteered.high)
        return (
            "recovered",
            f"{own} lies above those of the random direction and of unsteered clips, which end at {percent(above)}.",
        )

    @property
    def sentence(self) -> str:
        """Two sentences computed from the table: what pushing does, and what it costs."""
        if self.steered is None or self.unsteered is None:
            return f"The table of {self.target} ({self.concept}) holds no steered or no unsteered clips."
        s, u = self.steered, self.unsteered
        null = f"; a random direction of the same size reaches {self.random.words}" if self.random else ""
        way = _way(s, u)
        first = (
            f"Pushing along the {label(s.estimator)} direction of {self.target} ({self.concept}) "
            f"{way} the share of clips that show it from {u.words} unsteered to {s.words} "
            f"at coefficient {show_coefficient(s.coefficient)} ({self.unit}){null}."
        )
        if s.nll is None or u.nll is None:
            return first + " What it costs in quality was not measured."
        cost = signed(s.nll - u.nll)
        return (
            f"{first} The negative log-likelihood under the unsteered model changes by {cost} nats per token, "
            f"from {show(u.nll, 2)} to {show(s.nll, 2)}."
        )

    def numbers(self, source: Source | None) -> tuple[Number, ...]:
        """The four numbers of the study's strip."""
        found = [
            _accuracy(name, point, self, source)
            for name, point in (
                ("Unsteered", self.unsteered),
                (f"Steered by {label(self.steered.estimator)}" if self.steered else "", self.steered),
                ("Random direction", self.random),
            )
            if point is not None
        ]
        s, u = self.steered, self.unsteered
        if s and u and s.nll is not None and u.nll is not None:
            note = f"at coefficient {show_coefficient(s.coefficient)}, against unsteered {show(u.nll, 2)}"
            found.append(
                Number(
                    "Change of NLL",
                    s.nll - u.nll,
                    n=s.n,
                    unit="nats per token",
                    places=2,
                    change=True,
                    note=note,
                    source=source,
                )
            )
        return tuple(found)


class Judged(Protocol):
    """What an answer needs to know of an outcome."""

    @property
    def model(self) -> str:
        """Name of the model."""

    @property
    def concept(self) -> str:
        """Concept that was steered."""

    @property
    def target(self) -> str:
        """Value that was steered to."""

    @property
    def verdict(self) -> tuple[Verdict, str]:
        """The verdict and its reason."""

    @property
    def sentence(self) -> str:
        """What was found."""

    def numbers(self, source: Source | None) -> tuple[Number, ...]:
        """The numbers behind it."""


def answer_of(outcome: Judged, source: Source | None) -> Answer:
    """The answer for one target."""
    verdict, reason = outcome.verdict
    return Answer(outcome.sentence, verdict, reason, outcome.numbers(source))


def answer_of_all(outcomes: Sequence[Judged]) -> Answer:
    """The answer for several targets: how many were recovered, and which."""
    verdicts = [o.verdict[0] for o in outcomes]
    judged = [v for v in verdicts if v != "not judged"]
    won = [f"{o.target} ({o.concept}, {o.model})" for o, v in zip(outcomes, verdicts, strict=True) if v == "recovered"]
    text = (
        f"Of {len(judged)} targets that could be judged, steering recovers {len(won)}, where it beats both the random "
        f"direction and the unsteered clips. Recovered: {', '.join(won) or 'none'}."
    )
    lost = len(judged) - len(won)
    verdict: Verdict = "not recovered" if not won else "partly recovered" if lost else "recovered"
    reason = (
        f"{lost} of {len(judged)} intervals do not lie above their null."
        if lost
        else "Every interval lies above its null."
    )
    return Answer(text, verdict, reason) if judged else Answer(text, "not judged", "There is nothing to compare with.")


def show_coefficient(value: float) -> str:
    """A coefficient in as few digits as it needs."""
    return f"{value:g}".replace("-", "\u2212")


def _way(s: Point, u: Point) -> str:
    if s.low > u.high:
        return "raises"
    return "lowers" if s.high < u.low else "does not clearly change"


def _accuracy(name: str, point: Point, outcome: Outcome, source: Source | None) -> Number:
    is_steered = point is outcome.steered
    return Number(
        name,
        point.accuracy,
        point.low,
        point.high,
        point.n,
        null=outcome.random.accuracy if is_steered and outcome.random else outcome.chance,
        baseline=outcome.unsteered.accuracy if is_steered and outcome.unsteered else None,
        share=True,
        note=f"at coefficient {show_coefficient(point.coefficient)}"
        if point.coefficient
        else f"chance {percent(outcome.chance)}",
        source=source,
    )


def _point(frame: pd.DataFrame) -> Point | None:
    """The first row, if there is one; rows of several methods come in the order of their names."""
    if frame.empty:
        return None
    row = frame.iloc[0]
    nll = None if pd.isna(row.nll) else float(row.nll)
    return Point(
        str(row.estimator),
        float(row.coefficient),
        int(row.n),
        float(row.accuracy),
        float(row.low),
        float(row.high),
        nll,
    )
