"""The page of the interpretability study."""

from pathlib import Path

import pandas as pd

from sonoscope import scorecard
from sonoscope.contracts import emotion_steering, read_json
from sonoscope.contracts import interpretability as files
from sonoscope.contracts.tables import Table as Contract
from sonoscope.report.blocks import (
    Answer,
    Block,
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
from sonoscope.report.studies import interpretability_figures as figures
from sonoscope.report.studies.interpretability_features import dictionary_sections
from sonoscope.report.studies.interpretability_steering import steering_section
from sonoscope.report.studies.interpretability_verdict import conditions, verdict_table

TARGET = "interpretability"
"""The target rule that makes all that stands on the page."""

_TABLES: dict[str, tuple[str, Contract, str]] = {
    "probes": ("What a probe reads from rendered music under null text", files.PROBES,
     "Out of fold, grouped and nested: penalty and layer are chosen on inner folds. Beside each value stand its 95 % "
     "interval over clips, the mean over permuted labels, and a control task that only memory can solve. What is read "
     "are states pooled over time: their mean, how much each dimension varies, and their autocorrelation. The tokens, "
     "pooled alike, and the energy of the waveform are what simple listening could do."),
    "swaps": ("Hears or echoes: the same tokens under opposite texts", files.SWAP,
     "The probe learned from null-text replays of other pieces. If its reading follows the text while the tokens are "
     "held, it echoes; if it follows the tokens while the text is held, it hears."),
    "cross": ("Words, cues and sound", files.CROSS,
     "Emotion words and cue words share no template; a readout that only knows the word of an emotion fails on cues."),
    "patches": ("Where the text passes", files.PATCHES,
     "Opposite texts on the same tokens. The direction is that of rendered music, exchanged alone at the middle layer; "
     "its null is the 95th percentile over random directions. Ablation replaces what a part of a block adds by its "
     "mean "
     "over the clips; what it costs is given in nats per token."),
    "layers": ("First experiment: two emotions, layer by layer", files.LAYERS,
     "The prompt is the unit; p-values are adjusted over all layers and statistics by max-T. Differences between seeds "
     "of one prompt stand beside: what does not exceed them is sampling noise."),
    "geometry": ("Geometry of the generated clips' states", files.GEOMETRY,
     "In the original space, with permutation nulls. The null row has seen the audio so far and no text."),
    "effects": ("Mediation: tempo to energy to arousal", files.EFFECTS,
     "Counterfactual versions of the same pieces, so that mediator and outcome cannot be confounded; the truth is the "
     "composer's law. The known model shows what regression would have said there, with the wrong sign."),
}  # fmt: skip


def build(results: Results) -> Study:
    """The page, from whatever results there are."""
    root = results.root / "interpretability"
    models = sorted({p.parent.name for p in results.find("interpretability/*/*/scorecard.json")})
    sections: list[Section] = []
    answer = None
    for model in models:
        made, own = _sections(root, model, results, len(models) > 1)
        sections += made
        answer = answer or own
    if not sections:
        sections = [Section("results", "Results", (Missing("The results of the interpretability study", TARGET),))]
    return Study(
        slug="interpretability",
        title="Interpretability",
        question="Does the model represent emotion, or does it echo the prompt?",
        target=TARGET,
        answer=answer,
        sections=tuple(sections),
    )


def _sections(root: Path, model: str, results: Results, several: bool) -> tuple[list[Section], Answer | None]:
    folder = root / "analyse_activations" / model
    paths = {name: folder / f"{name}.parquet" for name in _TABLES}
    paths["patches"] = root / "patch_activations" / model / "patches.parquet"
    frames = {name: _TABLES[name][1].read(path) for name, path in paths.items() if path.is_file()}
    suffix = f" ({model})" if several else ""
    sections: list[Section] = []
    answer = None
    if {"probes", "swaps", "effects"} <= set(frames):
        source = results.source(paths["probes"])
        found = conditions(frames | _steering(root, model))
        answer = _answer(scorecard.read(folder / "scorecard.json"), found, source)
        sources = present(source, results.source(paths["patches"]), results.source(_judged(root, model)))
        sections.append(
            Section(
                f"verdict-{model}",
                f"Understands, or just correlates?{suffix}",
                (verdict_table(found, model, sources),),
            )
        )
    for name, (title, contract, caption) in _TABLES.items():
        blocks: list[Block] = [Missing(title, TARGET)]
        if name in frames:
            frame, sources = frames[name], present(results.source(paths[name]))
            blocks = [Prose(caption), *_figures(name, model, frame, folder, sources)]
            blocks.append(_table(f"{name}-{model}", title, frame, contract, sources))
        sections.append(Section(f"{name}-{model}", title + suffix, tuple(blocks)))
    sections += dictionary_sections(root, model, results, TARGET, suffix)
    sections.append(steering_section(root, model, results, TARGET, suffix))
    return sections, answer


def _judged(root: Path, model: str) -> Path:
    return root / "judge_emotions" / model / "effects.parquet"


def _steering(root: Path, model: str) -> dict[str, pd.DataFrame]:
    """Tables of emotion steering that the verdict needs; none where it has not run."""
    path = _judged(root, model)
    if not path.is_file():
        return {}
    responses = emotion_steering.RESPONSES.read(path.with_name("responses.parquet"))
    return {"steering": emotion_steering.EMOTION_EFFECTS.read(path), "responses": responses}


def _figures(name: str, model: str, frame: pd.DataFrame, folder: Path, sources: tuple[Source, ...]) -> list[Block]:
    """What is drawn of a table."""
    found: list[Block | None] = []
    if name == "probes":
        found = [figures.probe_figure(model, frame, pieces, sources) for pieces in ("controlled", "free")]
    elif name == "cross":
        found = [figures.cross_figure(model, frame, sources)]
    elif name == "patches":
        found = [figures.patch_figure(model, frame, sources), figures.heads_figure(model, frame, sources)]
    elif name == "layers":
        clips = folder.parents[1] / "capture_emotions" / model / "clips.parquet"
        words = tuple(dict.fromkeys(files.GENERATED.read(clips)["emotion"])) if clips.is_file() else ()
        first, second = (*words, "first", "second")[:2] if len(words) >= 2 else ("the first", "the second")
        found = [figures.layers_figure(model, frame, (str(first), str(second)), sources), _speed(clips, sources)]
    elif name == "geometry":
        found = [figures.geometry_figure(model, frame, sources)]
        picture = folder / "picture.parquet"
        probes = folder / "probes.parquet"
        if picture.is_file() and probes.is_file():
            read = files.PROBES.read(probes)
            own = read[(read["target"] == "arousal") & (read["source"] == "states") & (read["pieces"] == "free")]
            layer = int(own["layer"].iloc[0])
            found.append(figures.picture_figure(model, files.EMBEDDING.read(picture), layer, sources))
    elif name == "effects":
        found = [figures.mediation_figure(model, frame, sources)]
    return [block for block in found if block is not None]


def _speed(clips: Path, sources: tuple[Source, ...]) -> Block | None:
    """How long capture took per frame, while generating and by replay of the same tokens."""
    path = clips.with_name("speed.json")
    if not path.is_file():
        return None
    spent = read_json(path)["seconds_per_frame"]
    source = sources[0] if sources else None
    note = "both rows of guidance, same clips and batches"
    return Numbers(
        (
            Number(
                "Capture while generating", 1000 * spent["generation"], unit="ms per frame", source=source, note=note
            ),
            Number("Capture by replay", 1000 * spent["replay"], unit="ms per frame", source=source, note=note),
        )
    )


def _table(name: str, title: str, frame: pd.DataFrame, contract: Contract, sources: tuple[Source, ...]) -> Table:
    columns = {
        column: Column(column.replace("_", " "), 3 if spec.kind == "float64" else 0 if spec.kind == "int64" else None)
        for column, spec in contract.columns.items()
    }
    return Table(name, title, frame, columns, folded=len(frame) > 12, sources=sources)


def _answer(rows: list[scorecard.Row], found: pd.DataFrame, source: Source | None) -> Answer:
    numbers = tuple(
        Number(row.name.rsplit(".", 1)[1], row.value, row.low, row.high, row.n, row.null, row.baseline,
               places=2, source=source)
        for row in rows if row.name.split(".")[1] == "probe" and row.target is not None
    )  # fmt: skip
    held = int((found["verdict"] == "pass").sum())
    judged = int((found["verdict"] != "not judged").sum())
    told = "; ".join(f"{n.label} {show(n.value, 2)}" for n in numbers)
    free = {row.name.rsplit(".", 1)[1]: row.value for row in rows if row.name.split(".")[1] == "probe_varied"}
    harder = "; ".join(f"{n.label} {show(free[n.label], 2)}" for n in numbers if n.label in free)
    verdict = "recovered" if held == len(found) else "partly recovered" if held else "not recovered"
    left = "" if judged == len(found) else f" {len(found) - judged} of {len(found)} were not judged."
    return Answer(
        f"From rendered music, replayed without text, linear probes read (AUC of mode, R² of the rest): {told}."
        + (f" Where other causes differ too: {harder}." if harder else ""),
        verdict,  # type: ignore[arg-type]
        f"{held} of {judged} judged conditions hold.{left}",
        numbers,
    )
