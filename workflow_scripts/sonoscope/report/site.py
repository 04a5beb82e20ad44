"""Builds the site: one opening page, one page per study that has results, and the scorecard."""

import logging
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from sonoscope import __version__, manifest, scorecard
from sonoscope.errors import SonoscopeError
from sonoscope.files import replacing
from sonoscope.report import assets, numbers
from sonoscope.report.blocks import Missing, Number, Section, Study, blocks_of, unique
from sonoscope.report.charts import javascript
from sonoscope.report.media import Media
from sonoscope.report.results import Results
from sonoscope.report.skipped import skipped_table
from sonoscope.report.sources import Source, changes, short_path
from sonoscope.report.studies import STUDIES

logger = logging.getLogger(__name__)

Builders = Mapping[str, Callable[[Results], Study]]


@dataclass(frozen=True)
class Header:
    """What stands at the head of every page.

    Attributes
    ----------
    completed
        When the last job behind the page ended (UTC, to the minute), from the diary of the run; empty if unknown.
    commits
        Commits at which the shown results were made.
    snapshot
        Whether this is a view of whatever lay on disk, rather than of a finished run.
    """

    run: str
    preset: str
    completed: str
    commits: tuple[str, ...]
    snapshot: bool


def build(
    site: Path,
    results: Results,
    studies: Sequence[str] = tuple(STUDIES),
    *,
    preset: str = "",
    snapshot: bool = False,
    builders: Builders = STUDIES,
    processes: int = 1,
) -> Path:
    """Write the site of a run from its stored results.

    Parameters
    ----------
    site
        Folder of the site. It is new or empty, or an older report, which is removed first.
    results
        Where the results lie.
    studies
        Names of the studies to show, in order.
    preset
        Name of the preset, for the head of the page.
    snapshot
        Say on each page that it shows what lay on disk, finished or not.
    processes
        Processes that draw figures side by side.

    Returns
    -------
    Path
        The opening page.

    Raises
    ------
    SonoscopeError
        ``site`` holds something that is no report.
    ContractError
        A result does not have the form that its contract declares.
    """
    _clear(site)
    pages = [_page(name, builders[name], results, snapshot) for name in studies]
    rows, skipped = _scorecard(results), skipped_table(results)
    blocks = blocks_of(pages) + ([skipped] if skipped else [])
    media = Media(site, processes)
    media.write(blocks)
    _write_assets(site / "assets", bool(media.charts))
    if rows is not None:
        _copy_scorecard(results.root / "scorecard.json", rows, site / "data")
    sources = unique([s for page in pages for s in page.sources] + list(skipped.sources if skipped else ()))
    header = Header(results.root.absolute().name, preset, completed(results.root, sources), _commits(sources), snapshot)
    environment = _environment(media, results)
    shared = {"header": header, "pages": pages, "version": __version__}
    met = [row.met for row in rows or () if row.met is not None]
    groups = {name: list(own) for name, own in groupby(rows or (), lambda row: row.name.partition(".")[0])}
    board = {
        "rows": rows,
        "groups": groups,
        "skipped": skipped,
        "sources": skipped.sources if skipped else (),
        "met": met,
    }
    first_sources = unique(
        [n.source for p in pages if p.answer for n in p.answer.numbers if n.source]
        + [s for p in pages if p.highlight for s in p.highlight.sources]
    )
    _render(environment, "index.html", site / "index.html", **shared, **board | {"sources": first_sources})
    _render(environment, "scorecard.html", site / "scorecard.html", **shared, **board)
    for page in pages:
        if page.sections:
            _render(environment, "study.html", site / f"{page.slug}.html", **shared, study=page, sources=page.sources)
    return site / "index.html"


def _page(name: str, builder: Callable[[Results], Study], results: Results, snapshot: bool) -> Study:
    """The page of a study; in a snapshot, results that are damaged or of an older form leave a note in its place."""
    try:
        return builder(results)
    except SonoscopeError as error:
        if not snapshot:
            raise
        logger.warning("the page of %s is left out: %s", name, error)
        told = f"The page cannot be drawn from what lies on disk ({error})"
        title = name.capitalize()
        return Study(name, title, title, name, sections=(Section("results", "Results", (Missing(told, name),)),))


def _clear(site: Path) -> None:
    """Remove an older report, and nothing else."""
    names = {p.name for p in site.iterdir()} if site.is_dir() else set()
    if names <= {".snakemake_timestamp"}:
        return
    if not {"index.html", "scorecard.html", "assets"} <= names:
        raise SonoscopeError(
            f"{site}: expected a new folder or an older report, found other files; name another folder"
        )
    shutil.rmtree(site)


def completed(root: Path, sources: Sequence[Source]) -> str:
    """When the last of the jobs behind ``sources`` ended, from the diary; volatile facts come from nowhere else."""
    rules = {s.rule for s in sources}
    times = [
        str(line["time"])
        for line in manifest.read(root / manifest.NAME)
        if line.get("event") == "completed" and line.get("rule") in rules and "time" in line
    ]
    return max(times)[:16].replace("T", " ") + " UTC" if times else ""


def _commits(sources: Sequence[Source]) -> tuple[str, ...]:
    return tuple(sorted({s.commit for s in sources if s.commit}))


def _copy_scorecard(path: Path, rows: Sequence[scorecard.Row], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, folder / "scorecard.json")
    table = pd.DataFrame([row.model_dump() | {"sources": " ".join(row.sources)} for row in rows])
    with replacing(folder / "scorecard.csv") as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")


def _scorecard(results: Results) -> list[scorecard.Row] | None:
    path = results.root / "scorecard.json"
    return scorecard.read(path) if path.is_file() else None


def _environment(media: Media, results: Results) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(assets.FOLDER),
        autoescape=True,  # prompts, paths and labels come from anywhere
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "show": numbers.show,
        "signed": numbers.signed,
        "cell": _cell,
        "short": partial(short_path, results=results.root),
    }
    environment.globals |= {
        "media": media,
        "table_rows": results.settings.table_rows,
        "interval": numbers.interval,
        "decimals": numbers.decimals,
        "places_of": _places,
        "changes": changes,
    }
    return environment


def _render(environment: Environment, template: str, path: Path, **context: Any) -> None:
    text = environment.get_template(template).render(**context)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _cell(value: Any, places: int | None, scale: float) -> str:
    """Text of a cell of a table."""
    if value is None or value != value:  # NaN is what is not equal to itself
        return "\u2013"
    return str(value) if places is None else numbers.show(float(value) * scale, places)


def _places(strip: Sequence[Number]) -> list[int]:
    """Places after the point of each number of a strip: those of one unit share them."""
    kinds: dict[str, list[tuple[float, float | None, float | None]]] = {}
    for x in strip:
        kinds.setdefault(x.unit, []).append((x.value, x.low, x.high))
    together = {unit: numbers.places_together(values) for unit, values in kinds.items()}
    return [x.places if x.places is not None else 0 if x.share else together[x.unit] for x in strip]


def _write_assets(folder: Path, charts: bool) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("style.css", "theme.js", "report.js"):
        shutil.copyfile(assets.FOLDER / name, folder / name)
    if charts:
        with replacing(folder / "vega.js") as temporary:
            temporary.write_text(javascript(), encoding="utf-8")
