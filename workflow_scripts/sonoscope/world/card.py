"""The measures of a model card, from rows of the scorecard."""

from collections.abc import Sequence
from pathlib import Path

from sonoscope.contracts.errors import ContractError
from sonoscope.files import replacing
from sonoscope.scorecard import Row

BEGIN, END = "<!-- measures -->", "<!-- /measures -->"
"""Between these two lines of a card its measures stand."""

SAYS: dict[str, str] = {
    "note": 'dominant pitch class of "on INSTRUMENT a repeated X", prompts that training never had',
    "new_note": "the same of combinations of note and instrument that training never had, in either order of words",
    "mode": "major or minor, by key profiles on the tonic that the prompt names",
    "tempo_within_8pct": "tempo of a click within 8 %, prompts that training never had; half and double are wrong",
    "new_tempo": "the same of combinations of tempo and click that training never had",
    "tempo_rank_corr": "rank correlation of asked and heard tempo",
    "loudness": "of a soft and a loud clip, the loud one is louder",
    "register": "of a low and a high clip, the high one is higher",
    "instrument": "instrument family, by a classifier that has heard renders alone (altered by tilt and noise)",
    "note_entropy": "evenness of the notes of open prompts (1 is even)",
    "codec_pitch_20c": "codec alone: pitch of a note within 20 cents of the original's",
    "codec_note": "codec alone: dominant pitch class",
    "codec_instrument": "codec alone: instrument family, by the same classifier",
    "codec_log_mel": "codec alone: mean difference of the log-mel spectra, in nepers of power (lower is better)",
}
"""What each row ``world.model.*`` says."""

_HEADINGS = ("measure", "value", "95 % interval", "n", "chance", "true renders", "bar", "met")


def measures(rows: Sequence[Row]) -> str:
    """The rows ``world.model.*`` as a Markdown table, and a line for each bar that is missed."""
    own = {row.name.removeprefix("world.model."): row for row in rows if row.name.startswith("world.model.")}
    lines = [_line(_HEADINGS), _line(["---"] + ["---:"] * (len(_HEADINGS) - 1))]
    lines += [_line(_cells(SAYS[name], own[name])) for name in SAYS if name in own]
    missed = [
        f"- {SAYS[name]}: {row.target - row.value:.2f} below the bar of {row.target:g}."
        for name, row in own.items()
        if row.met is False and row.target is not None
    ]
    if missed:
        lines += ["", "Bars that are missed:", "", *missed]
    return "\n".join(lines) + "\n"


def write_measures(path: Path, rows: Sequence[Row]) -> None:
    """Write `measures` as a file of its own."""
    with replacing(path) as temporary:
        temporary.write_text(measures(rows), encoding="utf-8")


def write_card(path: Path, rows: Sequence[Row]) -> None:
    """Put `measures` between the two marks of a model card, and leave the rest of it as it is.

    Raises
    ------
    ContractError
        The card does not have both marks, each once and in order.
    """
    text = path.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(BEGIN) > text.index(END):
        raise ContractError("model card", f"expected one line {BEGIN} and after it one line {END}", path)
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    with replacing(path) as temporary:
        temporary.write_text(f"{head}{BEGIN}\n\n{measures(rows)}\n{END}{tail}", encoding="utf-8")


def _cells(says: str, row: Row) -> list[str]:
    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.2f}"

    interval = "" if row.low is None else f"{number(row.low)} to {number(row.high)}"
    met = {True: "yes", False: "no", None: ""}[row.met]
    count = "" if row.n is None else str(row.n)
    return [says, number(row.value), interval, count, number(row.null), number(row.baseline), number(row.target), met]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
