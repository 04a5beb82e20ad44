"""The page of the affect study."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pandas as pd

from sonoscope.contracts import affect as contracts
from sonoscope.contracts import read_json
from sonoscope.report.blocks import (
    AudioGrid,
    AudioRow,
    Block,
    Clip,
    Column,
    Missing,
    Number,
    Numbers,
    Prose,
    Section,
    Study,
    Table,
    present,
)
from sonoscope.report.numbers import show
from sonoscope.report.results import Results
from sonoscope.report.sources import Source
from sonoscope.report.studies import affect_figures as figures
from sonoscope.report.studies import affect_words as words

TARGET: Final = "affect"
"""The target rule that makes all that stands on the page."""

LIMITS: Final = (
    "What limits this: EMOPIA names one of four quadrants per clip, so that its continuous labels are four points in "
    "disguise; about nine tenths of the variance of VGMIDI's human labels lies between pieces; the shipped MuseTok is "
    "small and learned from chorales; composed corpora show that known structure is recovered, and nothing about "
    "listeners."
)
PUBLISHED: Final = (
    "For comparison, on the real VGMIDI (155 pieces, ten folds by piece) ridge regression on features by hand reaches "
    "CCC 0.64 for valence and 0.75 for arousal with context, 0.57 and 0.64 without; two halves of the raters agree by "
    "0.82 and 0.87 over bars, and by about 0.35 within pieces."
)


def build(results: Results) -> Study:
    """The page, from whatever results there are."""
    answer = None
    sections: list[Section] = []
    for corpus in ("vgmidi", "emopia"):
        folder = results.root / "affect" / "evaluate_affect" / corpus
        if not (folder / "metrics.parquet").is_file():
            continue
        metrics = contracts.METRICS.read(folder / "metrics.parquet")
        differences = contracts.DIFFERENCES.read(folder / "differences.parquet")
        if answer is None:
            answer = words.answer(corpus, metrics, differences, results.source(folder / "metrics.parquet"))
        sections.append(_corpus(corpus, folder, metrics, differences, results))
    if not sections:
        sections.append(Section("affect-predictions", "Predictions", (Missing("Predictions of unseen songs", TARGET),)))
    examples, grid = _examples(results)
    sections += [_probes(results), _annotations(results), examples, _speed(results)]
    if all(isinstance(block, Missing) for section in sections for block in section.blocks):
        sections = []  # nothing is there: the opening page says how to make it
    return Study(
        slug="affect",
        title="Affect",
        question="Can valence and arousal be read from every bar of a score, and what do a million scores then say?",
        target=TARGET,
        answer=answer,
        sections=tuple(sections),
        highlight=replace(grid, name="affect-first", rows=grid.rows[:1]) if grid else None,
    )


def _corpus(corpus: str, folder: Path, metrics: pd.DataFrame, differences: pd.DataFrame, results: Results) -> Section:
    sources = present(results.source(folder / "metrics.parquet"))
    heads = results.root / "affect" / "train_heads" / corpus / "predictions.parquet"
    blocks: list[Block] = [
        Numbers(words.numbers(metrics, results.source(folder / "metrics.parquet"))),
        Prose(words.reading(metrics, differences)),
        figures.comparison(corpus, metrics, words.MODELS, sources),
    ]
    if heads.is_file():
        said = contracts.PREDICTIONS.read(heads)
        shown = [m for m in ("both", "latents") if m in set(said.model)]
        own = present(results.source(heads))
        blocks += [figures.scatter(corpus, said, m, words.label(m), own) for m in shown]
    reliable = contracts.RELIABILITY.read(folder / "reliability.parquet")
    if "both" in set(reliable.model):
        blocks.append(figures.reliability(corpus, reliable, "both", sources))
    blocks += [_metric_table(corpus, metrics, sources), _difference_table(corpus, differences, sources)]
    blocks.append(_quadrant_table(corpus, contracts.QUADRANTS.read(folder / "quadrants.parquet"), sources))
    blocks.append(Prose(LIMITS if (metrics.against == "truth").any() else PUBLISHED))
    return Section(f"affect-{corpus}", f"Bars of unseen songs, {words.CORPORA[corpus]}", tuple(blocks))


def _metric_table(corpus: str, metrics: pd.DataFrame, sources: tuple[Source, ...]) -> Table:
    shown = metrics.assign(name=metrics.model.map(words.label))
    columns = {
        "name": Column("Model"),
        "against": Column("Against"),
        "level": Column("Level"),
        "dimension": Column("Dimension"),
        "metric": Column("Measure"),
        "value": Column("Value", 3),
        "low": Column("95 % from", 3),
        "high": Column("to", 3),
        "n": Column("n", 0),
        "songs": Column("Songs", 0),
    }
    title = f"All measures, {words.CORPORA[corpus]}"
    return Table(f"affect-{corpus}-metrics", title, shown, columns, folded=True, sources=sources)


def _difference_table(corpus: str, table: pd.DataFrame, sources: tuple[Source, ...]) -> Table:
    shown = table.assign(name=table.other.map(words.label))
    columns = {
        "name": Column("Latents + side channel minus …"),
        "dimension": Column("Dimension"),
        "metric": Column("Measure"),
        "difference": Column("Difference", 3),
        "low": Column("95 % from", 3),
        "high": Column("to", 3),
        "songs": Column("Songs", 0),
    }
    title = "Paired differences, both models resampled together"
    return Table(f"affect-{corpus}-differences", title, shown, columns, folded=True, sources=sources)


def _quadrant_table(corpus: str, table: pd.DataFrame, sources: tuple[Source, ...]) -> Table:
    shown = table.assign(name=table.model.map(words.label))
    columns = {
        "name": Column("Model"),
        "quadrant": Column("Annotated quadrant"),
        "n": Column("Bars", 0),
        "valence_mae": Column("Absolute error, valence", 2),
        "arousal_mae": Column("Arousal", 2),
        "hit": Column("Predicted into it", 0, "%", 100),
    }
    return Table(f"affect-{corpus}-quadrants", "Errors by quadrant", shown, columns, folded=True, sources=sources)


def _probes(results: Results) -> Section:
    path = results.root / "affect" / "probe_heads" / "probes.parquet"
    block: Block = Missing("Predictions before and after one edit", TARGET)
    if path.is_file():
        table = contracts.PROBES.read(path)
        chosen = [(m, w) for m, w in words.MODELS if m in ("both", "side", "latents", "untrained")]
        block = figures.probes(table, chosen, present(results.source(path)))
    return Section("affect-probes", "One edit at a time", (block,))


def _annotations(results: Results) -> Section:
    folder = results.root / "affect" / "analyse_annotations"
    songs_path = results.root / "affect" / "merge_annotations" / "songs.parquet"
    if not (folder / "summary.json").is_file() or not songs_path.is_file():
        return Section("affect-annotations", "Annotations", (Missing("Annotated files and their analysis", TARGET),))
    summary, songs = read_json(folder / "summary.json"), contracts.SONG_TABLE.read(songs_path)
    styles = contracts.STYLES.read(folder / "styles.parquet")
    sources = present(results.source(folder / "summary.json"))
    names = sorted(set(styles["style"]))
    blocks: list[Block] = [Prose(words.annotation_text(summary, _trained_on(results)))]
    blocks += [Prose(words.styles_text(styles))]
    if names:
        blocks += [figures.styles(styles, sources), figures.style_boxes(songs, names, sources)]
    blocks += [figures.heatmap(songs, names, sources)]
    if names:
        blocks.append(_style_table(styles, sources))
    course = contracts.COURSE.read(folder / "course.parquet")
    if len(course):
        blocks.append(figures.course(course, sources))
    blocks.append(_correlation_table(contracts.CORRELATIONS.read(folder / "correlations.parquet"), sources))
    return Section("affect-annotations", "What the annotations say", tuple(blocks))


def _trained_on(results: Results) -> str:
    found = results.today.get("affect", {}).get("annotate", {}).get("trained_on", "")
    return str(words.CORPORA.get(found, found or "its training corpus"))


def _style_table(table: pd.DataFrame, sources: tuple[Source, ...]) -> Table:
    columns = {
        "songs": Column("Songs"),
        "style": Column("Style"),
        "dimension": Column("Dimension"),
        "n": Column("n", 0),
        "mean": Column("Mean", 2),
        "low": Column("95 % from", 2),
        "high": Column("to", 2),
        "g": Column("Hedges' g against the rest", 2),
        "g_low": Column("95 % from", 2),
        "g_high": Column("to", 2),
        "p_holm": Column("p, Holm", 4),
    }
    caption = "Trusted songs keep to a grid and are like those the model learned from."
    return Table("affect-style-table", "Styles", table, columns, caption, folded=True, sources=sources)


def _correlation_table(table: pd.DataFrame, sources: tuple[Source, ...]) -> Table:
    columns = {
        "songs": Column("Songs"),
        "dimension": Column("Dimension"),
        "with_what": Column("With"),
        "n": Column("n", 0),
        "r": Column("Spearman", 2),
        "low": Column("95 % from", 2),
        "high": Column("to", 2),
        "p_fdr": Column("p, adjusted", 4),
    }
    caption = (
        "Over songs; p by permutation, adjusted by Benjamini and Hochberg. The model reads tempo, loudness, density, "
        "register and mode, so these rows tell what it makes of them, not what moves listeners."
    )
    return Table("affect-correlations", "What goes with valence and arousal", table, columns, caption, sources=sources)


def _examples(results: Results) -> tuple[Section, AudioGrid | None]:
    path = results.root / "affect" / "analyse_annotations" / "examples.parquet"
    table = contracts.EXAMPLES.read(path) if path.is_file() else pd.DataFrame()
    if table.empty:
        return Section("affect-examples", "Songs", (Missing("Example songs", TARGET),)), None
    sources = present(results.source(path))
    rows = tuple(
        AudioRow(
            str(r.title), f"{r.quadrant} · {r.style}".rstrip(" ·"), (Clip(path.parent / str(r.audio), str(r.title)),)
        )
        for r in table.itertuples(index=False)
    )
    grid = AudioGrid(
        "affect-songs", "Listen", ("Rendered from the score",), rows,
        "One song or more of each quadrant: those nearest to the mean of the quadrant's songs.", sources,
    )  # fmt: skip
    drawn = [figures.example(row, k, sources) for k, row in enumerate(_records(table))]
    return Section("affect-examples", "Songs to look at and to hear", (grid, *drawn)), grid


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = table.to_dict("records")  # type: ignore[assignment]
    return rows


def _speed(results: Results) -> Section:
    path = results.root / "affect" / "measure_affect" / "speed.json"
    if not path.is_file():
        return Section("affect-speed", "Speed", (Missing("Speed of reading and encoding", TARGET),))
    found, source = read_json(path), results.source(path)
    strip = Numbers(
        (
            Number("Events, times faster", found["events_speedup"], places=0, source=source,
                   note=f"than the rules written out; {found['equal_files']} of {found['compared_files']} files equal"),
            Number("Files read", found["files_per_second"], places=0, unit="per second", note="one core",
                   source=source),
            Number("Bars encoded", found["bars_per_second"], places=0, unit="per second", note="one core",
                   source=source),
        )
    )  # fmt: skip
    hours = ", ".join(f"{show(float(h), 1)} h on {n}" for n, h in found["hours"].items())
    text = (
        f"From these rates, reading and encoding {found['corpus_files']:,} files of {found['corpus_bars_per_file']} "
        f"bars, {100 * found['corpus_distinct_share']:.0f} % of them distinct, would take {hours} "
        "workers (computed, not run)."
    )
    return Section("affect-speed", "Speed", (strip, Prose(text)))
