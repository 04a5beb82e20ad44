"""The page of the attribution study."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure as Drawing

from sonoscope.attribution.judge import CONTROLS, SIMILARITIES
from sonoscope.attribution.kinds import HELD_OUT, PROMPTED
from sonoscope.contracts.attribution import JUDGEMENT, QUERIES, SCORES
from sonoscope.report import style
from sonoscope.report.blocks import (
    Answer,
    AudioGrid,
    AudioRow,
    Block,
    Clip,
    Column,
    Figure,
    Missing,
    Number,
    Prose,
    Section,
    Study,
    Table,
    Verdict,
    present,
)
from sonoscope.report.results import Results
from sonoscope.report.sources import Source

TARGET = "attribution"
"""The target rule that makes all that stands on the page."""
METHODS = {
    "gradient_cosine": "Gradient cosine", "margin_cosine": "Margin cosine", "gradient_dot": "Gradient product",
    "tracin": "TracIn", "adam_cosine": "Adam-scaled cosine", "adam_tracin": "Adam-scaled TracIn", "trak": "TRAK",
    "trak_loss": "TRAK of the loss", "logra": "LoGra", "ekfac": "EK-FAC", "lora_cosine": "Adapter cosine",
    "base_gradient_cosine": "Cosine before fine-tuning", "code_ngrams": "Code n-grams", "log_mel": "Log-mel likeness",
    "caption": "Caption likeness", "clap": "CLAP likeness", "clmr": "CLMR likeness", "random": "Random",
    "legacy": "Published formula",
}  # fmt: skip
"""How methods are called on the page."""
_TRACED = tuple(m for m in METHODS if m not in CONTROLS)
_KINDS = {
    "lds.songs": "own caption", "lds.unprompted": "no caption", "lds.held_out": "real, held out",
}  # fmt: skip
_MEASURES = ("lds", "auroc", "query_correlation")
_SHOWN, _HIGHLIGHTED = 4, 3


def label(method: str) -> str:
    """The name of a method on the page."""
    name, _, less = method.partition("@")
    return METHODS.get(name, name) + (f", {less.replace('_', ' ')}" if less else "")


def build(results: Results) -> Study:
    """The page, from whatever results there are."""
    sections: list[Section] = []
    answer, grid = None, None
    models = sorted({p.parts[-2] for p in results.find("attribution/*/*/*.parquet")})
    for model in models:
        root = results.root / "attribution"
        judged = root / "judge_attribution" / model / "judgement.parquet"
        if judged.is_file():
            frame, source = JUDGEMENT.read(judged), results.source(judged)
            answer = answer or _answer(frame, source)
            sections += _judgement(model, frame, present(source))
        else:
            sections.append(
                Section(f"{model}-judgement", "Judgement", (Missing(f"The judgement for {model}", TARGET),))
            )
        sections += _experiments(model, root, results)
        listen = _listen(model, root, results)
        if isinstance(listen, AudioGrid):
            # files go by the name of their block, so the opening page gets a shorter one of its own
            grid = grid or replace(listen, name=f"{listen.name}-first", rows=listen.rows[:_HIGHLIGHTED])
        sections.append(Section(f"{model}-listen", "Listen", (listen,)))
    return Study(
        slug="attribution",
        title="Attribution",
        question="Which training songs is a generated clip made of?",
        target=TARGET,
        answer=answer,
        sections=tuple(sections),
        highlight=grid,
    )


def _value(frame: pd.DataFrame, method: str, measure: str) -> Any:
    rows = frame[(frame.method == method) & (frame.measure == measure)]
    return rows.iloc[0] if len(rows) else None


def _headline(frame: pd.DataFrame) -> str:
    """The method that was named before anything was generated."""
    named = frame[frame.measure == "headline"]
    return str(named.method.iloc[0]) if len(named) else "gradient_cosine"


def _number(frame: pd.DataFrame, method: str, measure: str, words: str, source: Source | None) -> Number | None:
    found, null = _value(frame, method, measure), _value(frame, "random", measure)
    if found is None:
        return None
    return Number(
        f"{words}, {label(method)}", float(found["value"]),
        low=None if pd.isna(found["low"]) else float(found["low"]),
        high=None if pd.isna(found["high"]) else float(found["high"]),
        n=int(found["n"]), null=None if null is None else float(null["value"]), source=source,
    )  # fmt: skip


def _answer(frame: pd.DataFrame, source: Source | None) -> Answer | None:
    """What retraining says of the headline method, beside the best likeness."""
    rows = frame[frame.measure == "lds"].set_index("method")
    traced = rows[rows.index.isin(_TRACED)]
    others = rows[rows.index.isin(SIMILARITIES)]
    if traced.empty:
        return None
    first = _headline(frame)
    if first not in traced.index:
        return None
    chosen: Any = traced.loc[first]
    best, low = float(chosen["value"]), chosen["low"]
    likeness: Any = others.sort_values("value").iloc[-1] if len(others) else None
    verdict: Verdict = "not recovered"
    reason = "its interval reaches 0, which is what random scores have"
    if pd.notna(low) and float(low) > 0:
        verdict, reason = (
            "partly recovered",
            "its interval lies above 0, but below the bar of 0.5 or beside likeness alone",
        )
        if best >= 0.5 and (likeness is None or float(low) > float(likeness["high"])):
            verdict, reason = "recovered", "it is above 0.5 and above likeness alone, with intervals apart"
    beside = (
        f"; the best likeness, {label(str(likeness.name)).lower()}, {likeness['value']:.2f}"
        if likeness is not None
        else ""
    )
    ceiling = _value(frame, "truth", "noise_ceiling")
    most = f", where a second training would reach {float(ceiling['value']):.2f}" if ceiling is not None else ""
    text = (
        f"{label(first)} predicts how likely a clip is under models retrained on half of the songs with a rank "
        f"correlation (LDS) of {best:.2f}{most}{beside}."
    )
    wanted = [("lds", "LDS"), ("auroc", "AUROC of the source song"), ("query_correlation", "Correlation between clips")]
    numbers = tuple(n for m, w in wanted if (n := _number(frame, first, m, w, source)))
    return Answer(text, verdict, reason, numbers)


def _judgement(model: str, frame: pd.DataFrame, sources: tuple[Source, ...]) -> list[Section]:
    main = frame[~frame.method.str.contains("@") & (frame.method != "truth") & (frame.measure != "headline")]
    ceiling = _value(frame, "truth", "noise_ceiling")
    blocks: list[Block] = []
    words = {
        "lds": "Agreement with retraining (LDS)",
        "auroc": "Finding the song whose caption was used (AUROC)",
        "query_correlation": "Do scores depend on the clip? (correlation between clips)",
    }
    for measure in _MEASURES:
        rows = main[main.measure == measure].assign(name=lambda f: f.method.map(label)).sort_values("value")
        if rows.empty:
            continue
        level = {"lds": 0.0, "auroc": 0.5}.get(measure)
        top = float(ceiling["value"]) if measure == "lds" and ceiling is not None else None
        told = "; ".join(f"{r.name_} {r.value:.2f}" for r in rows.rename(columns={"name": "name_"}).itertuples())
        caption = f"One dot per method with its 95 % interval over {int(rows.n.max())} independent items. "
        caption += {
            "lds": "0 is what random scores have; the dashed line is what a second training of the same sets predicts. "
            "Methods in grey do not see the training.",
            "auroc": "0.5 is chance. A caption alone can reach a high value here, so LDS decides.",
            "query_correlation": "Scores near 1 are the same for every clip, and so say nothing about any.",
        }[measure]
        blocks.append(
            Figure(
                f"{model}-attribution-{measure}", words[measure], partial(_draw, rows, level, top),
                rows.drop(columns="name"),
                caption, f"Dot chart. {told}.", sources=sources,
            )
        )  # fmt: skip
    if (kinds := _by_kind(model, _headline(frame), main, sources)) is not None:
        blocks.insert(1, kinds)
    if (within := _within_captions(model, main, sources)) is not None:
        blocks.append(within)
    sections = [Section(f"{model}-judgement", "Does it agree with retraining?", tuple(blocks))]
    if (pairs := _pairs(model, main, sources)) is not None:
        sections.append(Section(f"{model}-pairs", "Two songs, exact truth", pairs))
    less = frame[frame.method.str.contains("@")]
    if len(less):
        text = "The headline method with fewer numbers per row, with other captions, and by single checkpoints."
        note = Prose(text)
        sections.append(Section(f"{model}-controls", "Controls", (note, _table(f"{model}-controls", less, sources))))
    sections.append(Section(f"{model}-all", "All numbers", (_table(f"{model}-all", main, sources),)))
    return sections


def _by_kind(model: str, headline: str, main: pd.DataFrame, sources: tuple[Source, ...]) -> Figure | None:
    """LDS on the clips of each kind, of the headline and of likeness."""
    methods = [m for m in (headline, *SIMILARITIES) if m in set(main.method)]
    rows = main[main.measure.isin(_KINDS) & main.method.isin(methods)]
    if rows.measure.nunique() < 2:
        return None
    order = [(k, m) for k in reversed(_KINDS) for m in reversed(methods)]
    place = {key: number for number, key in enumerate(order)}
    rows = rows.assign(place=[place[key] for key in zip(rows.measure, rows.method, strict=True)]).sort_values("place")
    rows = rows.assign(name=[f"{_KINDS[r.measure]}: {label(r.method).lower()}" for r in _records(rows)])
    told = "; ".join(f"{r.name} {r.value:.2f}" for r in rows[["name", "value"]].itertuples(index=False))
    return Figure(
        f"{model}-attribution-kinds", "The same, clip by kind of clip", partial(_draw, rows, 0.0, None),
        rows.drop(columns=["name", "place"]),
        "LDS by kind of clip. A caption that names its song makes it easy for likeness of captions. Clips without a "
        "caption, and real clips of parts of the songs that were not trained on, leave the sound alone to tell.",
        f"Dot chart. {told}.", sources=sources,
    )  # fmt: skip


def _within_captions(model: str, main: pd.DataFrame, sources: tuple[Source, ...]) -> Figure | None:
    """How much scores differ between clips of one caption, mean over pairs."""
    rows = main[main.measure.str.startswith("within_caption")]
    if rows.empty:
        return None
    rows = rows.groupby("method", as_index=False).agg(value=("value", "mean"), n=("n", "sum"))
    rows = rows.assign(measure="within_caption", low=np.nan, high=np.nan, name=rows.method.map(label))
    rows = rows.sort_values("value")
    told = "; ".join(f"{r.name} {r.value:.2f}" for r in rows[["name", "value"]].itertuples(index=False))
    return Figure(
        f"{model}-attribution-within", "Do scores depend on the clip, beyond its caption?",
        partial(_draw, rows, 0.0, None), rows.drop(columns="name"),
        "Share of the variance of scores that lies between clips of one caption, of the pairs. At 0, as with the "
        "published formula, a score is that of the caption, whatever was generated; random scores are near 1.",
        f"Dot chart. {told}.", sources=sources,
    )  # fmt: skip


def _pairs(model: str, main: pd.DataFrame, sources: tuple[Source, ...]) -> tuple[Block, ...] | None:
    """Agreement with exact leave-one-out and Shapley values, over all pairs."""
    rows = main[main.measure.str.contains("_agreement")].copy()
    if rows.empty:
        return None
    parts = rows.measure.str.extract(r"(?P<value_of>loo|shapley)_agreement\.(?P<pair>pair_\d+)\.?(?P<clips>.*)")
    rows = rows.assign(
        name=rows.method.map(label), value_of=parts.value_of.map({"loo": "leave one out", "shapley": "Shapley"}),
        pair=parts.pair.str.removeprefix("pair_").astype(int) + 1,
        clips=parts.clips.replace({"": "all", "held_out": "real, held out", "prompted": "of a song's caption"}),
    )  # fmt: skip
    rows = rows.sort_values(["clips", "value_of", "pair", "value"], ascending=[True, True, True, False])
    columns = {
        "name": Column("Method"), "value_of": Column("Truth"), "pair": Column("Pair", 0), "clips": Column("Clips"),
        "value": Column("Agreement", 2), "low": Column("95 % from", 2), "high": Column("to", 2), "n": Column("n", 0),
    }  # fmt: skip
    note = Prose(
        "A model is trained on neither, on one, on the other and on both songs of a pair, so that what a clip owes to "
        "each song is known exactly. A method agrees where it puts the two in the right order and gives the larger one "
        "the right sign."
    )
    return note, Table(f"{model}-pairs-table", f"{len(rows)} numbers", rows, columns, folded=True, sources=sources)


def _records(rows: pd.DataFrame) -> list[Any]:
    return list(rows.itertuples())


def _draw(rows: pd.DataFrame, level: float | None, ceiling: float | None) -> Drawing:
    figure, ax = style.axes(0.6 + 0.27 * len(rows))
    for place, row in enumerate(_records(rows)):
        colour = style.ink("c0" if row.method in _TRACED else "muted")
        if pd.notna(row.low):
            ax.plot([row.low, row.high], [place, place], color=colour, linewidth=1.6)
        ax.plot([row.value], [place], "o", color=colour, markersize=5)
    ax.set_yticks(range(len(rows)), list(rows.name))
    if level is not None:
        ax.axvline(level, color=style.ink("muted"), linewidth=0.8)
    if ceiling is not None:
        ax.axvline(ceiling, color=style.ink("muted"), linewidth=0.8, linestyle="--")
    return figure


def _table(name: str, frame: pd.DataFrame, sources: tuple[Source, ...]) -> Table:
    shown = frame.assign(name=frame.method.map(label), measure=frame.measure.str.replace("_", " "))
    columns = {
        "name": Column("Method"), "measure": Column("Measure"), "value": Column("Value", 3),
        "low": Column("95 % from", 3), "high": Column("to", 3), "n": Column("n", 0),
    }  # fmt: skip
    return Table(f"{name}-table", f"{len(frame)} numbers", shown, columns, folded=True, sources=sources)


def _experiments(model: str, root: Path, results: Results) -> list[Section]:
    """Mean scores of the two songs in each experiment, by what was asked for."""
    clips, scores = (
        root / "generate_queries" / model / "clips.parquet",
        root / "score_attribution" / model / "pair_scores.parquet",
    )
    if not (clips.is_file() and scores.is_file()):
        return []
    asked, found = QUERIES.read(clips), SCORES.read(scores)
    method = _shown(root, model, found)
    mine = found[(found.method == method) & found.trained].merge(asked, on="query_id")
    mine = mine[mine.kind.str.startswith("experiment_")]
    if mine.empty:
        return []
    by = ["kind", "prompt", "seconds", "song_id"]
    table = mine.groupby(by, as_index=False).agg(score=("score", "mean"), spread=("score", "std"), n=("score", "size"))
    table = table.assign(kind=table.kind.str.replace("_", " "), spread=table.spread.fillna(0.0))
    columns = {
        "kind": Column("Experiment"), "prompt": Column("Prompt"), "seconds": Column("Length", 1, "s"),
        "song_id": Column("Song"), "score": Column("Mean score", 4), "spread": Column("SD over seeds", 4),
        "n": Column("n", 0),
    }  # fmt: skip
    note = Prose(
        f"Scores by {label(method).lower()} of the two songs of the first pair: 1, one caption at several lengths; 3, "
        "both captions; 4, moods and genres crossed, and a prompt far from both. Experiment 2 is the retraining above."
    )
    sources = present(results.source(clips), results.source(scores))
    shown = Table(f"{model}-experiments-table", f"{len(table)} conditions", table, columns, sources=sources)
    return [Section(f"{model}-experiments", "Experiments", (note, shown))]


def _shown(root: Path, model: str, found: pd.DataFrame) -> str:
    """The headline method if it is judged already and scored here; else one that is scored."""
    judged = root / "judge_attribution" / model / "judgement.parquet"
    wanted = _headline(JUDGEMENT.read(judged)) if judged.is_file() else "gradient_cosine"
    return wanted if wanted in set(found.method) else str(found.method.min())


def _listen(model: str, root: Path, results: Results) -> Block:
    clips, scores = (
        root / "generate_queries" / model / "clips.parquet",
        root / "score_attribution" / model / "scores.parquet",
    )
    if not (clips.is_file() and scores.is_file()):
        return Missing("Generated clips with their scores", TARGET)
    asked, found = QUERIES.read(clips), SCORES.read(scores)
    method = _shown(root, model, found)
    prompted = asked[asked.kind == PROMPTED].drop_duplicates("source").head(_SHOWN)
    real = asked[asked.kind == HELD_OUT].drop_duplicates("source").set_index("source", drop=False)
    both = len(prompted) > 0 and set(prompted.source) <= set(real.index)
    rows = []
    for clip in prompted.itertuples():
        shown = [_traced(clip, method, found, clips.parent, "of its caption")]
        if both:
            shown.append(_traced(real.loc[str(clip.source)], method, found, clips.parent, "a later part of it"))
        rows.append(AudioRow(str(clip.prompt), str(clip.source), tuple(shown)))
    columns = ("Generated with the song's caption", "Real, from a later part of the song")[: 1 + both]
    return AudioGrid(
        f"{model}-attribution-clips", "Clips and the songs they are traced to", columns, tuple(rows),
        f"Below each clip the three songs with the largest score by {label(method).lower()}; marked as a hit where the "
        "first is the song in question. Real clips were not trained on, and are asked about without the caption.",
        present(results.source(clips), results.source(scores)),
    )  # fmt: skip


def _traced(clip: Any, method: str, found: pd.DataFrame, folder: Path, words: str) -> Clip:
    """A clip with the songs that it is traced to."""
    mine = found[(found.method == method) & (found.query_id == clip.query_id)].sort_values("score", ascending=False)
    facts = tuple(f"{r.song_id}: {r.score:.3f}" for r in mine.head(3).itertuples())
    hit = len(mine) > 0 and str(mine.song_id.iloc[0]) == str(clip.source)
    return Clip(folder / str(clip.audio), f"{clip.source}, {words}", facts, hit)
