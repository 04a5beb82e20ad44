"""The scorecard: one row for every target and bar of every study, computed from results and never typed in.

A study writes its rows with `write` beside the results that they are computed from; the rule ``gather_scorecard``
brings together those of all studies that have run. Rows of a study that has not run are absent, not passed.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from sonoscope.contracts import read_json, write_json
from sonoscope.contracts.errors import ContractError
from sonoscope.files import replacing

Better = Literal["higher", "lower"]

_HEADINGS = ("name", "value", "95 % interval", "n", "null", "baseline", "target", "met")


class Row(BaseModel):
    """One measured quantity and the bar it is held against. Make it with `measure`, which decides ``met``."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[A-Za-z0-9_-]+)+$")]
    """Stable dotted name: study, quantity, condition."""
    value: float
    """The estimate."""
    low: float | None = None
    """Lower end of the 95 % interval."""
    high: float | None = None
    """Upper end of the 95 % interval."""
    n: Annotated[int, Field(ge=0)] | None = None
    """Number of independent items behind the estimate."""
    null: float | None = None
    """The same quantity under the null, such as a random direction."""
    baseline: float | None = None
    """The same quantity by the simplest method that could do it."""
    target: float | None = None
    """The bar; None where there is none."""
    met: bool | None = None
    """Whether the value reaches the target, and beats its null where that is asked for; None without a target."""
    sources: tuple[str, ...] = ()
    """The rule and the files that it was computed from, relative to the results."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("low and high go together; one of them is missing")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        if (self.target is None) != (self.met is None):
            raise ValueError("target and met go together; one of them is missing")
        return self


def measure(
    name: str,
    value: float,
    *,
    low: float | None = None,
    high: float | None = None,
    n: int | None = None,
    null: float | None = None,
    baseline: float | None = None,
    target: float | None = None,
    better: Better = "higher",
    provided: bool = True,
    sources: Sequence[str] = (),
) -> Row:
    """Make a row; ``met`` follows from ``value``, ``target`` and which way is ``better``.

    With ``provided`` false a further condition fails, such as that the interval lies above that of the null: the target
    is not met, whatever the value.

    Raises
    ------
    ContractError
        The name is not dotted lower case, a number is not finite, or the interval is half given or upside down.
    """
    met = None if target is None else provided and (value >= target if better == "higher" else value <= target)
    fields = {"low": low, "high": high, "n": n, "null": null, "baseline": baseline, "target": target, "met": met}
    return _row({"name": name, "value": value, **fields, "sources": tuple(sources)}, None)


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write ``{"rows": […]}`` in the order given.

    Raises
    ------
    ContractError
        Two rows have one name.
    """
    rows = list(rows)
    _refuse_duplicates([(row, path) for row in rows])
    write_json(path, {"rows": [row.model_dump(mode="json") for row in rows]})


def read(path: Path) -> list[Row]:
    """The rows of one file.

    Raises
    ------
    ContractError
        The file does not have the form that `write` gives it.
    """
    content = read_json(path)
    if not isinstance(content, dict) or set(content) != {"rows"} or not isinstance(content["rows"], list):
        raise ContractError("scorecard", 'expected {"rows": […]}', path)
    return [_row(fields, path) for fields in content["rows"]]


def gather(paths: Iterable[Path]) -> list[Row]:
    """The rows of all files, sorted by name.

    Raises
    ------
    ContractError
        One name stands in two files, or twice in one.
    """
    found = [(row, path) for path in paths for row in read(path)]
    _refuse_duplicates(found)
    return sorted((row for row, _ in found), key=lambda row: row.name)


def as_table(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table with padded columns, which also reads well on a terminal."""
    cells = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(3, *(len(line[i]) for line in cells)) for i in range(len(_HEADINGS))]
    text = [
        _line([c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(x, widths, strict=True))])
        for x in cells
    ]
    rule = _line(["-" * w if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(widths)])
    held = [row.met for row in rows if row.met is not None]
    summary = f"{len(rows)} rows; {sum(held)} of {len(held)} targets met"
    return "\n".join([text[0], rule, *text[1:], "", summary]) + "\n"


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write `as_table` to a file."""
    with replacing(path) as temporary:
        temporary.write_text(as_table(rows), encoding="utf-8")


def _row(fields: Any, path: Path | None) -> Row:
    try:
        return Row.model_validate(fields)
    except ValidationError as error:
        name = fields.get("name", "?") if isinstance(fields, dict) else "?"
        problems = "; ".join(
            ".".join(map(str, (*e["loc"], e["msg"]))).replace(".Value error, ", "") for e in error.errors()
        )
        raise ContractError("scorecard", f"row {name}: {problems}", path) from None


def _refuse_duplicates(found: Iterable[tuple[Row, Path]]) -> None:
    first: dict[str, Path] = {}
    for row, path in found:
        if row.name in first:
            raise ContractError("scorecard", f"row {row.name} stands in {first[row.name]} and again", path)
        first[row.name] = path


def _cells(row: Row) -> tuple[str, ...]:
    interval = "" if row.low is None else f"[{row.low:.3g}, {row.high:.3g}]"
    numbers = ["" if x is None else f"{x:.3g}" for x in (row.null, row.baseline, row.target)]
    met = {True: "yes", False: "no", None: ""}[row.met]
    return (row.name, f"{row.value:.3g}", interval, "" if row.n is None else str(row.n), *numbers, met)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
