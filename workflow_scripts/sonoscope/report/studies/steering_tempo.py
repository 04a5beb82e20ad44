"""What a dose-response table of tempo says: whether the heard tempo follows the coefficient."""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from sonoscope.report.blocks import Number, Verdict
from sonoscope.report.numbers import show
from sonoscope.report.sources import Source
from sonoscope.report.studies.steering_outcome import UNITS, show_coefficient
from sonoscope.scorecard import Row


@dataclass(frozen=True)
class TempoOutcome:
    """The comparison for one model: the rank correlation of coefficient and heard tempo, and that of the null."""

    model: str
    concept: str
    target: str
    unit: str
    measure_unit: str
    row: Row
    ends: tuple[tuple[float, float], tuple[float, float]]
    """Coefficient and mean heard tempo at both ends of the judged estimator's curve."""

    @classmethod
    def from_rows(cls, model: str, frame: pd.DataFrame, rows: Sequence[Row]) -> "TempoOutcome | None":
        """The outcome of one table and its scorecard; None if that has no rank correlation."""
        found = next((r for r in rows if r.name.endswith(".spearman")), None)
        pushed = frame[~frame.estimator.isin(["none", "random", "shuffled_rfm"])]
        if found is None or pushed.empty:
            return None
        estimator = "rfm" if (pushed.estimator == "rfm").any() else pushed.estimator.iloc[0]
        own = pushed[pushed.estimator == estimator].sort_values("coefficient")
        ends = tuple((float(r.coefficient), float(r.accuracy)) for r in (own.iloc[0], own.iloc[-1]))
        first = frame.iloc[0]
        unit = UNITS.get(str(first.coefficient_unit), str(first.coefficient_unit))
        return cls(model, str(first.concept), str(first.target), unit, str(first.unit), found, (ends[0], ends[1]))

    @property
    def verdict(self) -> tuple[Verdict, str]:
        """Recovered if the bar is met and single clips follow the coefficient better than under a random direction."""
        told = f"The rank correlation is {_with_interval(self.row)}; the bar is {show(self.row.target or 0.0, 2)}."
        return ("recovered", told) if self.row.met else ("not recovered", told)

    @property
    def sentence(self) -> str:
        """What pushing does, and what the null does."""
        (low, slow), (high, fast) = self.ends
        null = "" if self.row.null is None else f"; a random direction's is {show(self.row.null, 2)}"
        return (
            f"From coefficient {show_coefficient(low)} to {show_coefficient(high)} ({self.unit}) mean heard tempo goes "
            f"from {show(slow, 0)} to {show(fast, 0)} {self.measure_unit}. The rank correlation of coefficient and "
            f"mean tempo over {self.row.n} coefficients is {_with_interval(self.row)}{null}."
        )

    def numbers(self, source: Source | None) -> tuple[Number, ...]:
        """The rank correlation."""
        r = self.row
        return (Number("Rank correlation", r.value, r.low, r.high, r.n, null=r.null, places=2, source=source),)


def _with_interval(row: Row) -> str:
    if row.low is None or row.high is None:
        return show(row.value, 2)
    return f"{show(row.value, 2)} [{show(row.low, 2)}, {show(row.high, 2)}]"
