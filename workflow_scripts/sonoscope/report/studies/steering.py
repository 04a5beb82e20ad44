"""The page of the steering study."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from sonoscope import scorecard
from sonoscope.contracts.steering import (
    CLIPS,
    COSINES,
    DIVERGENCES,
    DOSE_RESPONSE,
    LAYER_SCORES,
    MATCHED,
    SCORES,
    TRACES,
)
from sonoscope.report.blocks import AudioGrid, Block, Column, Missing, Prose, Section, Study, Table, present
from sonoscope.report.results import Results
from sonoscope.report.sources import Source
from sonoscope.report.studies import steering_figures as figures
from sonoscope.report.studies import steering_schemes as schemes
from sonoscope.report.studies.steering_outcome import Outcome, answer_of, answer_of_all, label, rank
from sonoscope.report.studies.steering_sound import audio_grid, first_row
from sonoscope.report.studies.steering_tables import overview
from sonoscope.report.studies.steering_tempo import TempoOutcome

TARGET = "steering"
"""The target rule that makes all that stands on the page."""

Sources = tuple[Source, ...]


@dataclass(frozen=True)
class Run:
    """The files of one experiment with one model; not all of them need to be there."""

    root: Path
    model: str
    experiment: str

    @property
    def name(self) -> str:
        """Short name for headings in the address and for files."""
        return "-".join("".join(c if c.isalnum() else "_" for c in part) for part in (self.model, self.experiment))

    @property
    def title(self) -> str:
        """Heading."""
        return f"{self.experiment.replace('-', ' ')} ({self.model})"

    def file(self, rule: str, name: str) -> Path:
        """A file of one rule."""
        return self.root / "steering" / rule / self.model / self.experiment / name

    @property
    def dose(self) -> Path:
        """The dose-response table."""
        return self.file("analyse_steering", "dose_response.parquet")


def build(results: Results) -> Study:
    """The page, from whatever results there are."""
    runs = find(results)
    outcomes: list[tuple[Outcome | TempoOutcome, Source | None]] = []
    sections: list[Section] = []
    for run in runs:
        outcome, own = _sections(run, results, len(runs) > 1)
        sections += own
        outcomes += [(outcome, results.source(run.dose))] if outcome else []
    answer = None
    if outcomes:
        answer = answer_of(*outcomes[0]) if len(outcomes) == 1 else answer_of_all([o for o, _ in outcomes])
    grids = [b for section in sections for b in section.blocks if isinstance(b, AudioGrid) and b.rows]
    return Study(
        slug="steering",
        title="Steering",
        question="Can a direction in the residual stream make the model play what we want to hear?",
        target=TARGET,
        answer=answer,
        sections=(*overview(results), *sections),
        highlight=first_row(grids[0]) if grids else None,
    )


def find(results: Results) -> list[Run]:
    """Every model and experiment of which something is there; curves of notes first, schemes last."""
    found = {
        path.relative_to(results.root / "steering").parts[1:3]
        for rule in ("analyse_steering", "score_steered", "generate_steered")
        for path in results.find(f"steering/{rule}/*/*/*")
    }
    runs = [Run(results.root, *parts) for parts in sorted(found)]
    return sorted(runs, key=lambda run: (not run.experiment.startswith("notes-"), "-" not in run.experiment))


def _sections(run: Run, results: Results, several: bool) -> tuple[Outcome | TempoOutcome | None, list[Section]]:
    level: Literal[2, 3] = 3 if several else 2
    name, dose = run.name, run.dose
    frame = DOSE_RESPONSE.read(dose) if dose.is_file() else None
    outcome = _outcome(run, frame, results)
    sections = []
    if several:
        summary: Block = answer_of(outcome, results.source(dose)) if outcome else Prose(_unjudged(frame))
        sections.append(Section(name, run.title, (summary,)))
    sections.append(Section(f"{name}-listen", "Listen", (_listen(run, outcome, frame, results),), level))
    blocks = _dose_blocks(run, outcome, frame, results)
    sections.append(Section(f"{name}-dose", "Dose and response", blocks, level))
    cost = _cost_blocks(run, outcome, frame, results)
    if cost:
        sections.append(Section(f"{name}-cost", "What it costs", cost, level))
    course = _course_blocks(run, results)
    if course:
        sections.append(Section(f"{name}-course", "Over time", course, level))
    sections.append(Section(f"{name}-layers", "Where the concept is", (_layers(run, outcome, results),), level))
    sections.append(Section(f"{name}-clips", "Every clip", (_clip_table(run, results),), level))
    return outcome, sections


def _unjudged(frame: pd.DataFrame | None) -> str:
    if frame is None:
        return "Not analysed yet."
    return "A comparison of schemes: nothing here is judged by itself; the table below shows every variant."


def _is_curve(frame: pd.DataFrame) -> bool:
    one_target = len(frame[["concept", "target"]].drop_duplicates()) == 1
    towards = frame.coefficient.max() > 0  # pushing away is not judged by how often the target is heard
    return one_target and towards and set(frame.variant) <= {"none", "plain"}


def _outcome(run: Run, frame: pd.DataFrame | None, results: Results) -> Outcome | TempoOutcome | None:
    if frame is None or not len(frame) or not _is_curve(frame):
        return None
    if (frame.unit != "share").any():
        path = run.file("analyse_steering", "scorecard.json")
        return TempoOutcome.from_rows(run.model, frame, scorecard.read(path)) if path.is_file() else None
    return Outcome.from_table(run.model, frame)


def _dose_blocks(
    run: Run, outcome: Outcome | TempoOutcome | None, frame: pd.DataFrame | None, results: Results
) -> tuple[Block, ...]:
    if frame is None:
        return (Missing(f"The dose-response table of {run.title}", TARGET),)
    sources = present(results.source(run.dose))
    blocks: list[Block] = []
    if isinstance(outcome, Outcome):
        blocks += [figures.dose_response(run.name, outcome, frame, sources), _dose_table(run.name, frame, sources)]
    elif isinstance(outcome, TempoOutcome):
        blocks += [figures.number_response(run.name, outcome, frame, sources)]
    else:
        table = schemes.variants_table(run.name, frame, sources)
        several = len(frame[["concept", "target"]].drop_duplicates()) > 1
        return (schemes.interference_table(run.name, frame, sources), table) if several else (table,)
    return (*blocks, schemes.quality_table(run.name, frame, sources))


def _cost_blocks(
    run: Run, outcome: Outcome | TempoOutcome | None, frame: pd.DataFrame | None, results: Results
) -> tuple[Block, ...]:
    if frame is None:
        return ()
    blocks: list[Block] = []
    if isinstance(outcome, Outcome):
        known = frame.nll.notna().any()
        unknown = Prose("The tables hold no negative log-likelihoods, so the cost in quality is not known.")
        sources = present(results.source(run.dose))
        blocks.append(figures.quality_cost(run.name, outcome, frame, sources) if known else unknown)
    matched = run.file("analyse_steering", "matched.parquet")
    if matched.is_file() and len(equal := MATCHED.read(matched)):
        blocks.append(schemes.matched_table(run.name, equal, present(results.source(matched))))
    return tuple(blocks)


def _course_blocks(run: Run, results: Results) -> tuple[Block, ...]:
    blocks: list[Block] = []
    traces = run.file("score_steered", "traces.parquet")
    if traces.is_file() and len(course := TRACES.read(traces)):
        blocks += schemes.traces(run.name, course, present(results.source(traces)))
    diverging = run.file("analyse_steering", "divergences.parquet")
    if diverging.is_file() and len(steps := DIVERGENCES.read(diverging)):
        blocks.append(schemes.divergence(run.name, steps, present(results.source(diverging))))
    cosines = run.file("analyse_steering", "cosines.parquet")
    if cosines.is_file() and len(pairs := COSINES.read(cosines)):
        blocks.append(schemes.cosines_table(run.name, pairs, present(results.source(cosines))))
    return tuple(blocks)


def _listen(run: Run, outcome: Outcome | TempoOutcome | None, frame: pd.DataFrame | None, results: Results) -> Block:
    scores = run.file("score_steered", "scores.parquet")
    clips = run.file("generate_steered", "clips.parquet")
    if not clips.is_file():
        return Missing("Generated clips", TARGET)
    table = SCORES.read(scores) if scores.is_file() else CLIPS.read(clips)
    sources = present(results.source(clips), results.source(scores) if scores.is_file() else None)
    main = outcome.steered.estimator if isinstance(outcome, Outcome) and outcome.steered else None
    return audio_grid(run.name, main, table, clips.parent, results.settings, sources)


def _layers(run: Run, outcome: Outcome | TempoOutcome | None, results: Results) -> Block:
    path = run.file("analyse_steering", "layer_scores.parquet")
    if not path.is_file():
        return Missing("Scores of the directions per layer", TARGET)
    frame = LAYER_SCORES.read(path)
    if frame.empty:
        return Prose("The directions were fitted without held-out clips, so the layers have no scores.")
    first = frame.iloc[0]
    frame = frame[(frame.concept == first.concept) & (frame.target == first.target) & (frame.pooling == first.pooling)]
    frame = frame.sort_values(["estimator", "layer"], key=lambda c: c.map(rank) if c.name == "estimator" else c)
    return figures.layers(run.name, str(first.target), frame, present(results.source(path)))


def _dose_table(name: str, frame: pd.DataFrame, sources: Any) -> Table:
    shown = frame.assign(
        direction=[label(e) if c else "Unsteered" for e, c in zip(frame.estimator, frame.coefficient, strict=True)]
    )
    unit = Outcome.from_table("", frame).unit
    columns = {
        "direction": Column("Direction"),
        "coefficient": Column("Coefficient", _places(frame.coefficient), unit),
        "n": Column("n", 0),
        "accuracy": Column("Accuracy", 0, "%", 100),
        "low": Column("95 % from", 0, "%", 100),
        "high": Column("to", 0, "%", 100),
        "chance": Column("Chance", 0, "%", 100),
        "nll": Column("NLL", 2, "nats per token"),
    }
    return Table(f"{name}-dose-table", "The numbers behind the curve", shown, columns, folded=True, sources=sources)


def _clip_table(run: Run, results: Results) -> Block:
    path = run.file("score_steered", "scores.parquet")
    if not path.is_file():
        return Missing("Scores of the clips", TARGET)
    frame = SCORES.read(path)
    shown = frame.assign(
        direction=[label(e) if c else "Unsteered" for e, c in zip(frame.estimator, frame.coefficient, strict=True)],
        hit=["yes" if s else "no" for s in frame.score],
        flags=[
            " ".join(w for w, f in (("silent", a), ("clipped", b)) if f)
            for a, b in zip(frame.is_silent, frame.is_clipped, strict=True)
        ],
    )
    columns = {
        "clip_id": Column("Clip"),
        "prompt": Column("Prompt"),
        "seed": Column("Seed", 0),
        "direction": Column("Direction"),
        "coefficient": Column("Coefficient", _places(frame.coefficient)),
        "variant": Column("Variant"),
        "target": Column("Target"),
        "hit": Column("Target heard"),
        "heard": Column("Heard"),
        "nll": Column("NLL", 2, "nats per token"),
        "rms": Column("RMS", 3, "full scale"),
        "peak": Column("Peak", 2, "full scale"),
        "flags": Column("Flags"),
    }
    source = present(results.source(path))
    return Table(
        f"{run.name}-clip-table", f"{frame.clip_id.nunique()} clips", shown, columns, folded=True, sources=source
    )


def _places(values: "pd.Series[float]") -> int:
    """Digits that tell all coefficients apart."""
    return max((len(f"{v:g}".partition(".")[2]) for v in values), default=0)
