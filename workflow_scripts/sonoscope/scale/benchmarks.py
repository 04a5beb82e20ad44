"""Stored benchmark runs as a page and as rows of the scorecard."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sonoscope import scorecard
from sonoscope.contracts import read_json
from sonoscope.files import replacing
from sonoscope.scale.page import table
from sonoscope.scorecard import Better, Row, measure

SOURCES = ("make bench", "docs/measured/benchmarks")
SCALE_SOURCES = ("make scale, make soak", "docs/measured/scale.json")
KILLS = 30
"""Kills that `make soak` must survive."""

_INTRO = """\
# Benchmarks

`make bench` times ours and a peer in turn, in one process, on one thread, and stores what it found below
`docs/measured/benchmarks`; `python workflow_scripts/docs/write_benchmarks_page.py` wrote this page from it. A ratio is
the peer's time over ours, so above 1 ours is faster; of an overhead, it is the time with over the time without. Times
are of the processor, which other programs hardly lengthen; each ratio is the median over paired rounds, with the least
and the most. Memory is how far one call raises what its process holds.
"""

_NO_CARD = """\
No graphics card was at hand for the runs below: the CUDA graphs of the decode step, half precision and the published
sizes are written and tested on the CPU, and **not measured yet** on a card. `make bench` adds them where there is one.
"""


def read_runs(folder: Path) -> list[Mapping[str, Any]]:
    """Stored runs, newest first."""
    return [read_json(path) for path in sorted(folder.glob("*.json"), reverse=True)]


def write_page(path: Path, runs: Sequence[Mapping[str, Any]]) -> None:
    """Write the page of all runs."""
    text = [_INTRO]
    if not any(run["machine"]["gpu"] for run in runs):
        text.append(_NO_CARD)
    if not runs:
        text.append("No run is stored yet: nothing here is measured.")
    for run in runs:
        text += [_title(run["machine"]), _table(run["rows"]), "", _behind(run["rows"]), ""]
    with replacing(path) as temporary:
        temporary.write_text("\n".join(text).rstrip() + "\n", encoding="utf-8")


def rows_of(runs: Sequence[Mapping[str, Any]], scale: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Rows ``speed.…`` of the newest run of each benchmark, and ``scale.…`` of the tests that say so."""
    found: dict[str, Row] = {}
    for run in runs:
        for row in run["rows"]:
            if row["name"] not in found:
                found[row["name"]] = _speed_row(row)
    for name, entry in scale.items():
        target = KILLS if name == "scale.kills_survived" else 1
        found[name] = measure(name, float(entry["value"]), target=target, sources=[*SCALE_SOURCES, entry["test"]])
    return [found[name] for name in sorted(found)]


def write_rows(path: Path, runs: Sequence[Mapping[str, Any]], scale: Mapping[str, Mapping[str, Any]]) -> None:
    """Write `rows_of` as a scorecard, which every run's scorecard takes up."""
    scorecard.write(path, rows_of(runs, scale))


def _speed_row(row: Mapping[str, Any]) -> Row:
    better: Better = "lower" if row["better"] == "lower" else "higher"
    value = row["ours_seconds"] if row["ratio"] is None else row["ratio"]
    return measure(
        row["name"], value, low=row["least"], high=row["most"], n=row["n"], target=row["target"], better=better,
        sources=[*SOURCES, row["what"]],
    )  # fmt: skip


def _title(machine: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{name} {number}" for name, number in machine["versions"].items())
    card = machine["gpu"] or "no graphics card"
    title = f"## {machine['date']}: {machine['cpu']}, {card}\n\n"
    cores = f"{machine['cores']} cores, of which {machine['threads']} used; {machine['memory_gb']} GB"
    return f"{title}{cores}; load {machine['load']}; Python {machine['python']}; {versions}.\n"


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    head = ["benchmark", "peer", "ratio", "least to most", "n", "target", "ours (s)", "theirs (s)", "ours (MB)"]
    lines = []
    for row in rows:
        single = row["ratio"] is None
        bound = "≤" if row["better"] == "lower" else "≥"
        lines.append(
            [
                f"`{row['name']}`", row["peer"], "" if single else f"{row['ratio']:.2f}",
                f"{row['least']:.2f} to {row['most']:.2f}", str(row["n"]), f"{bound} {row['target']:g}",
                f"{row['ours_seconds']:.3g}", _number(row["theirs_seconds"]), _number(row["ours_peak_mb"]),
                _number(row["theirs_peak_mb"]),
            ]
        )  # fmt: skip
    return table([*head, "theirs (MB)"], lines)


def _behind(rows: Sequence[Mapping[str, Any]]) -> str:
    """What was done, and which peers are faster."""
    done = [f"- `{row['name']}`: {row['what']}" for row in rows]
    slower = [r for r in rows if r["ratio"] is not None and r["better"] == "higher" and r["ratio"] < 1]
    said = "No measured ratio is below 1." if not slower else "Slower than the peer: " + ", ".join(
        f"`{r['name']}` ({r['ratio']:.2f} of {r['peer']})" for r in slower
    ) + "."  # fmt: skip
    return "\n".join([*done, "", said])


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"
