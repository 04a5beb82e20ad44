"""One table of everything that a run has made: jobs, their settings and costs, and the numbers that came out.

Gathered from what the jobs left behind: the manifest, the provenance beside the outputs, the benchmark files of
Snakemake, and every ``scorecard.json``. Jobs that failed or never ended stand in a table of their own.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sonoscope import manifest, provenance
from sonoscope.contracts.scalars import read_json
from sonoscope.files import replacing
from sonoscope.settings.table import ResultsTable

Row = dict[str, Any]

_JOB = "study rule wildcards status started seconds cpu_seconds peak_memory_mb peak_card_memory_mb attempt host"
JOB_COLUMNS = tuple(_JOB.split())
PROVENANCE_COLUMNS = ("device", "dtype", "seed", "code", "commit", "dirty", "settings", "facts")
NUMBER_COLUMNS = ("number", "value", "low", "high", "n", "null", "baseline", "target", "met")
COLUMNS = JOB_COLUMNS + PROVENANCE_COLUMNS + NUMBER_COLUMNS
FAILED_COLUMNS = ("study", "rule", "wildcards", "status", "started", "attempt", "host", "error", "log")


def write(results: Path, settings: ResultsTable, without: Sequence[str] = ()) -> None:
    """Write results_table.csv, results_table.md and failed_jobs.csv into ``results``.

    A row of results_table.csv is one job, or one number of a job that came out with several.
    """
    jobs = select(read_jobs(results), settings, without)
    finished = [j for j in jobs if j["status"] == "completed"]
    failed = [j for j in jobs if j["status"] != "completed"]
    rows = [row for job in finished for row in with_numbers(job)]
    _write_csv(results / "results_table.csv", COLUMNS, rows)
    _write_csv(results / "failed_jobs.csv", FAILED_COLUMNS, failed)
    numbers = [r for r in rows if "number" in r]
    text = "\n\n".join(
        (
            f"# Results of {results.name}",
            "## Numbers",
            _markdown(("study", "rule", "wildcards", *NUMBER_COLUMNS), numbers),
            "## Jobs",
            _markdown(JOB_COLUMNS + PROVENANCE_COLUMNS[:-2], finished),
            "## Jobs that failed or never ended",
            _markdown(FAILED_COLUMNS, failed),
        )
    )
    with replacing(results / "results_table.md") as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_jobs(results: Path) -> list[Row]:
    """Read every job of the manifest in the order of starting, with its benchmark and, if current, its provenance.

    The status is ``completed``, ``failed`` (with its error), or ``unfinished`` for a job that was killed or still runs.
    """
    jobs: dict[str, Row] = {}
    latest: dict[str, str] = {}
    for line in manifest.read(results / manifest.NAME):
        key = line["job"]
        if line["event"] == "started":
            jobs[key] = _started(line, results)
        elif key in jobs:
            jobs[key] |= _ended(line)
            if line["event"] == "completed":
                latest[_identity(jobs[key])] = key
    for key in latest.values():  # what lies on disk belongs to the last run that completed
        jobs[key] |= _benchmark(jobs[key], results) | _provenance(jobs[key])
    return list(jobs.values())


def select(jobs: Iterable[Row], settings: ResultsTable, without: Sequence[str] = ()) -> list[Row]:
    """Keep the jobs that the settings ask for: of one study, and only the last run of each."""
    kept = [j for j in jobs if j["rule"] not in without and settings.study in (None, j["study"])]
    if settings.latest_only:
        kept = list({_identity(j): j for j in kept}.values())
    return kept


def with_numbers(job: Row) -> Iterator[Row]:
    """Give one row per number of the job's scorecard, or the job alone if it has none."""
    cards = [p for p in map(provenance.located, job["outputs"]) if p.name == "scorecard.json" and p.is_file()]
    rows = [row for card in cards if "provenance" in job for row in read_json(card)["rows"]]
    if not rows:
        yield job
    for row in rows:
        yield job | {"number": row["name"]} | {c: row.get(c) for c in NUMBER_COLUMNS[1:]}


def _identity(job: Row) -> str:
    return f"{job['rule']} {job['wildcards']}"


def _started(line: Mapping[str, Any], results: Path) -> Row:
    outputs = line["outputs"]
    below = Path(outputs[0]).parts if outputs else ()
    home = Path(provenance.portable(results)).parts
    inside = below[len(home) :] if below[: len(home)] == home else ()
    return {
        "study": inside[0] if len(inside) > 1 else "",
        "rule": line["rule"],
        "wildcards": " ".join(f"{k}={v}" for k, v in line["wildcards"].items()),
        "status": "unfinished",
        "started": line["time"],
        **{k: line.get(k) for k in ("attempt", "host", "log", "code", "outputs")},
    }


def _ended(line: Mapping[str, Any]) -> Row:
    row: Row = {"status": line["event"], "error": line.get("error"), "seconds": line.get("seconds")}
    for column, entry in (("peak_memory_mb", "peak_bytes"), ("peak_card_memory_mb", "peak_card_bytes")):
        row[column] = round(line[entry] / 1e6, 1) if entry in line else None
    return row


def _benchmark(job: Row, results: Path) -> Row:
    """CPU seconds from the benchmark file, which stands under benchmarks/ where the log stands under logs/."""
    log, logs = Path(job["log"] or ""), Path(provenance.portable(results)) / "logs"
    if not log.is_relative_to(logs):
        return {}
    stem = results / "benchmarks" / log.relative_to(logs).with_suffix("")
    for path in (stem.with_name(f"{stem.name}.jsonl"), stem.with_name(f"{stem.name}.tsv")):
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines()
            last = json.loads(lines[-1]) if path.suffix == ".jsonl" else next(csv.DictReader(lines, delimiter="\t"))
            return {"cpu_seconds": round(float(last["cpu_time"]), 2)}
    return {}


def _provenance(job: Row) -> Row:
    record = provenance.find(provenance.located(job["outputs"][0])) if job["outputs"] else None
    if record is None:
        return {}
    texts = {"settings": record["params"], "facts": record["facts"]}
    plain = {k: record.get(k) for k in ("device", "dtype", "seed", "code", "commit", "dirty")}
    return {"provenance": record, **plain, **{k: json.dumps(v, ensure_ascii=False) for k, v in texts.items() if v}}


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Row]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


def _markdown(columns: Sequence[str], rows: Sequence[Row]) -> str:
    if not rows:
        return "none"
    cells = [["" if row.get(c) is None else str(row[c]) for c in columns] for row in rows]
    body = ["| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in line) + " |" for line in cells]
    return "\n".join(["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns), *body])
