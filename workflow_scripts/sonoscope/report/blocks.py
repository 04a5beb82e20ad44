"""What a page is built of. A study returns blocks; the site writes their files and the templates show them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd
from matplotlib.figure import Figure as Drawing

from sonoscope.report.sources import Source


@dataclass(frozen=True)
class Number:
    """One estimate with all that is needed to judge it. Shares are shown as percentages.

    A ``change`` keeps its sign. ``places`` after the point follow from the interval unless they are given.
    """

    label: str
    value: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    null: float | None = None
    baseline: float | None = None
    unit: str = ""
    share: bool = False
    places: int | None = None
    change: bool = False
    note: str = ""
    source: Source | None = None
    kind: ClassVar[str] = "number"


@dataclass(frozen=True)
class Numbers:
    """A strip of numbers that are read together."""

    numbers: tuple[Number, ...]
    kind: ClassVar[str] = "numbers"

    @property
    def sources(self) -> tuple[Source, ...]:
        """Jobs behind the numbers."""
        return tuple(n.source for n in self.numbers if n.source)


@dataclass(frozen=True)
class Prose:
    """A paragraph."""

    text: str
    kind: ClassVar[str] = "prose"
    sources: ClassVar[tuple[Source, ...]] = ()


@dataclass(frozen=True)
class Figure:
    """A drawing, the numbers behind it, and optionally an interactive form of it.

    Attributes
    ----------
    name
        Name of its files, unique on the site.
    draw
        Draws it in the style that is current when it is called (see `sonoscope.report.style`).
    caption
        What is shown, what to look for, n, and what the intervals are.
    alt
        What somebody who cannot see it needs to know.
    chart
        Vega-Lite specification of the interactive form.
    """

    name: str
    title: str
    draw: Callable[[], Drawing]
    data: pd.DataFrame
    caption: str
    alt: str
    chart: Mapping[str, Any] | None = None
    sources: tuple[Source, ...] = ()
    kind: ClassVar[str] = "figure"


@dataclass(frozen=True)
class Column:
    """How one column of a table is shown: ``scale`` times its numbers, with ``places`` digits after the point.

    ``places`` is None for text.
    """

    label: str
    places: int | None = None
    unit: str = ""
    scale: float = 1.0


@dataclass(frozen=True)
class Table:
    """A sortable table; the CSV beside it holds all columns and rows of ``data``."""

    name: str
    title: str
    data: pd.DataFrame
    columns: Mapping[str, Column]
    caption: str = ""
    folded: bool = False
    sources: tuple[Source, ...] = ()
    kind: ClassVar[str] = "table"

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The shown columns, one dictionary per row."""
        records: list[dict[str, Any]] = self.data[list(self.columns)].to_dict("records")  # type: ignore[assignment]
        return records


@dataclass(frozen=True)
class Clip:
    """One piece of sound. ``flags`` are what is wrong with it, such as silent."""

    path: Path
    label: str
    facts: tuple[str, ...] = ()
    hit: bool | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True)
class AudioRow:
    """Clips that share prompt and seed, one per column; None where there is none."""

    label: str
    detail: str
    clips: tuple[Clip | None, ...]


@dataclass(frozen=True)
class AudioGrid:
    """Clips aligned for comparison."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[AudioRow, ...]
    caption: str
    sources: tuple[Source, ...] = ()
    kind: ClassVar[str] = "audio"


@dataclass(frozen=True)
class Missing:
    """Results that are not there, and the target that makes them."""

    what: str
    target: str
    kind: ClassVar[str] = "missing"
    sources: ClassVar[tuple[Source, ...]] = ()


Verdict = Literal["recovered", "partly recovered", "not recovered", "not judged"]


@dataclass(frozen=True)
class Answer:
    """What the results say, in at most two sentences, and the verdict against the null with its reason."""

    text: str
    verdict: Verdict
    reason: str
    numbers: tuple[Number, ...] = ()
    kind: ClassVar[str] = "answer"

    @property
    def headline(self) -> Number | None:
        """The number that stands beside the verdict: the first one with an interval."""
        return next((n for n in self.numbers if n.low is not None), None)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Jobs behind the numbers."""
        return tuple(n.source for n in self.numbers if n.source)


Block = Number | Numbers | Answer | Prose | Figure | Table | AudioGrid | Missing


@dataclass(frozen=True)
class Section:
    """A part of a page under one heading; ``level`` 2 opens a new subject, 3 belongs to the one before."""

    slug: str
    title: str
    blocks: tuple[Block, ...]
    level: Literal[2, 3] = 2

    @property
    def stale(self) -> tuple[Source, ...]:
        """Jobs behind the section that were done with other settings than today's."""
        return tuple(s for s in unique(self.sources) if s.differences)

    @property
    def sources(self) -> tuple[Source, ...]:
        """Jobs behind the section."""
        return unique(s for b in self.blocks for s in ((b.source,) if isinstance(b, Number) else b.sources) if s)


@dataclass(frozen=True)
class Study:
    """The page of one study; its answer and its highlight also stand on the opening page."""

    slug: str
    title: str
    question: str
    target: str
    answer: Answer | None = None
    sections: tuple[Section, ...] = ()
    highlight: AudioGrid | None = None

    @property
    def sources(self) -> tuple[Source, ...]:
        """Jobs behind the page."""
        return unique(s for section in self.sections for s in section.sources)

    @property
    def stale(self) -> tuple[Source, ...]:
        """Jobs behind the page that were done with other settings than today's."""
        return tuple(s for s in self.sources if s.differences)


def unique(sources: Any) -> tuple[Source, ...]:
    """Each job once, in order of first appearance."""
    return tuple({s.identity: s for s in sources}.values())


def present(*sources: Source | None) -> tuple[Source, ...]:
    """The jobs that are known."""
    return unique(s for s in sources if s is not None)


def blocks_of(studies: Sequence[Study]) -> list[Block]:
    """All blocks of all pages."""
    inside = [b for study in studies for section in study.sections for b in section.blocks]
    return [*inside, *(study.highlight for study in studies if study.highlight)]
