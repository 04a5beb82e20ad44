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
PAIRED: Final = "Change of the CCC per bar with its 95 % interval, both models resampled together, song by song."
OTHERWISE: Final = (
    "In brackets 95 % intervals over songs; beside them the range from the worst to the best seed or division of songs."
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
        first = answer is None
        if first:
            answer = words.answer(corpus, metrics, differences, results.source(folder / "metrics.parquet"))
        sections += _corpus(corpus, folder, metrics, differences, results, first)
    if not sections:
        sections.append(Section("affect-predictions", "Predictions", (Missing("Predictions of unseen songs", TARGET),)))
    examples, grid = _examples(results)
    sections += [_probes(results), *_annotations(results), examples, _speed(results)]
    if all(isinstance(block, Missing) for section in sections for block in section.blocks):
        sections = []  # nothing is there: the opening page says how to make it
    return Study(
        slug="affect",
        title="Affect",
        question="Can valence and arousal be read from every bar of a score, and what do a million scores then say?",
        target=TARGET,
        answer=answer,
        sections=tuple(sections),
        highlight=replace(grid, name="affect-first") if grid else None,
    )


def _corpus(
    corpus: str, folder: Path, metrics: pd.DataFrame, differences: pd.DataFrame, results: Results, first: bool
) -> list[Section]:
    """One corpus: what predicts, what a prediction is worth, whether it holds elsewhere, all numbers."""
    source = results.source(folder / "metrics.parquet")
    sources, name = present(source), words.CORPORA[corpus]
    blocks: list[Block] = [] if first else [Numbers(words.numbers(metrics, source))]  # the answer above has shown them
    blocks += [figures.comparison(corpus, metrics, words.MODELS, sources)]
    lines = pd.DataFrame(words.steps(differences), columns=["step", *words.DIMENSIONS])
    if len(lines):
        columns = {"step": Column("Change of CCC by"), **{d: Column(d.capitalize()) for d in words.DIMENSIONS}}
        blocks.append(Table(f"affect-{corpus}-steps", "What each part adds", lines, columns, PAIRED, sources=sources))
    sections = [
        Section(f"affect-{corpus}", f"Bars of unseen songs, {name}", tuple(b for b in blocks if b != Prose("")))
    ]
    heads = results.root / "affect" / "train_heads" / corpus / "predictions.parquet"
    judged: list[Block] = []
    if heads.is_file():
        said = contracts.PREDICTIONS.read(heads)
        shown = {m: words.label(m) for m in ("both", "latents") if m in set(said.model)}
        if shown:
            judged.append(figures.scatter(corpus, said, shown, present(results.source(heads))))
    reliable = contracts.RELIABILITY.read(folder / "reliability.parquet")
    if "both" in set(reliable.model):
        judged += [figures.reliability(corpus, reliable, "both", sources), Prose(words.calibration(metrics))]
    if judged:
        sections.append(Section(f"affect-{corpus}-worth", "What a prediction is worth", tuple(judged), 3))
    sections.append(_robustness(corpus, folder, metrics, results))
    tables = (
        _metric_table(corpus, metrics, sources),
        _difference_table(corpus, differences, sources),
        _quadrant_table(corpus, contracts.QUADRANTS.read(folder / "quadrants.parquet"), sources),
        Prose(LIMITS if (metrics.against == "truth").any() else PUBLISHED),
    )
    return [*sections, Section(f"affect-{corpus}-numbers", "All numbers", tables, 3)]


def _robustness(corpus: str, folder: Path, metrics: pd.DataFrame, results: Results) -> Section:
    seeds_path = folder / "seeds.parquet"
    repeats_path = results.root / "affect" / "repeat_folds" / corpus / "repeats.parquet"
    raters_path = results.root / "affect" / "label_clips" / corpus / "raters.json"
    seeds = contracts.SEEDS.read(seeds_path) if seeds_path.is_file() else None
    repeats = contracts.REPEATS.read(repeats_path) if repeats_path.is_file() else None
    raters = read_json(raters_path) if raters_path.is_file() else {}
    lines = pd.DataFrame(words.robustness(metrics, seeds, repeats, raters), columns=["what", *words.DIMENSIONS])
    columns = {"what": Column("CCC per bar"), "valence": Column("Valence"), "arousal": Column("Arousal")}
    read = [p for p in (folder / "metrics.parquet", repeats_path, raters_path) if p.is_file()]
    sources = present(*(results.source(p) for p in read))
    table = Table(
        f"affect-{corpus}-robustness", "The same number otherwise", lines, columns, OTHERWISE, sources=sources
    )
    return Section(f"affect-{corpus}-robustness-part", "Other seeds, other songs, other ears", (table,), 3)


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


def _annotations(results: Results) -> list[Section]:
    folder = results.root / "affect" / "analyse_annotations"
    songs_path = results.root / "affect" / "merge_annotations" / "songs.parquet"
    if not (folder / "summary.json").is_file() or not songs_path.is_file():
        return [Section("affect-annotations", "Annotations", (Missing("Annotated files and their analysis", TARGET),))]
    summary, songs = read_json(folder / "summary.json"), contracts.SONG_TABLE.read(songs_path)
    styles = contracts.STYLES.read(folder / "styles.parquet")
    sources = present(results.source(folder / "summary.json"))
    names = sorted(set(styles["style"]))
    blocks: list[Block] = [Prose(words.annotation_text(summary, _trained_on(results)))]
    blocks.append(figures.heatmap(songs, names, sources))
    sections = [Section("affect-annotations", "What the annotations say", tuple(blocks))]
    if names:
        blocks = [Prose(words.styles_text(styles)), figures.styles(styles, sources)]
        blocks += [figures.style_boxes(songs, names, sources), _style_table(styles, sources)]
        sections.append(Section("affect-styles-part", "Styles", tuple(blocks), 3))
    course = contracts.COURSE.read(folder / "course.parquet")
    if len(course):
        blocks = [figures.course(course, sources), Prose(words.course_text(course, summary))]
        sections.append(Section("affect-course-part", "Along a song", tuple(blocks), 3))
    found = contracts.CORRELATIONS.read(folder / "correlations.parquet")
    if len(found):
        blocks = [figures.correlations(found, sources), _correlation_table(found, sources)]
        sections.append(Section("affect-correlations-part", "What goes with valence and arousal", tuple(blocks), 3))
    return sections


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
    shown = table.assign(what=table.with_what.map(figures.WITH))
    columns = {
        "songs": Column("Songs"),
        "dimension": Column("Dimension"),
        "what": Column("With"),
        "n": Column("n", 0),
        "r": Column("Spearman", 2),
        "low": Column("95 % from", 2),
        "high": Column("to", 2),
        "p_fdr": Column("p, adjusted", 4),
    }
    caption = "Tests are adjusted by Benjamini and Hochberg over all rows of a selection."
    return Table("affect-correlation-table", "The same in numbers", shown, columns, caption, True, sources)


def _examples(results: Results) -> tuple[Section, AudioGrid | None]:
    """Each song with its sound, its score and its curve together; the first one's sound is the highlight."""
    path = results.root / "affect" / "analyse_annotations" / "examples.parquet"
    table = contracts.EXAMPLES.read(path) if path.is_file() else pd.DataFrame()
    if table.empty:
        return Section("affect-examples", "Songs", (Missing("Example songs", TARGET),)), None
    sources = present(results.source(path))
    blocks: list[Block] = [Prose(
        "The songs nearest to the mean song of their quadrant; none was picked by ear. Bands are conformal intervals."
    )]  # fmt: skip
    grids = []
    for k, row in enumerate(_records(table)):
        title = str(row["title"])
        line = AudioRow(title, f"{row['quadrant']} · {row['style']}".rstrip(" ·"),
                        (Clip(path.parent / str(row["audio"]), title),))  # fmt: skip
        grids.append(AudioGrid(f"affect-song-{k}", title, ("Rendered from the score",), (line,), "", sources))
        blocks += [grids[-1], figures.example(row, k, sources)]
    caption = "The song nearest to the mean of the first quadrant’s songs, rendered from its score."
    highlight = replace(grids[0], title="Listen", caption=caption)
    return Section("affect-examples", "Songs to look at and to hear", tuple(blocks)), highlight


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
    reader = f" read with {found['reference_reader']}" if found.get("reference_reader") else ""
    notes = f", on files of {found['notes_per_file']:,.0f} notes" if "notes_per_file" in found else ""
    text = (
        f"The rules written out are the published algorithm, note by note{reader}{notes}. "
        f"From these rates, reading and encoding {found['corpus_files']:,} files of {found['corpus_bars_per_file']} "
        f"bars, {100 * found['corpus_distinct_share']:.0f} % of them distinct, would take {hours} "
        "workers (computed, not run)."
    )
    return Section("affect-speed", "Speed", (strip, Prose(text)))
