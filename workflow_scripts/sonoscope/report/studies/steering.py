"""The page of the steering study."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from sonoscope.contracts.steering import CLIPS, DOSE_RESPONSE, LAYER_SCORES, SCORES
from sonoscope.report.blocks import AudioGrid, Block, Column, Missing, Prose, Section, Study, Table, present
from sonoscope.report.results import Results
from sonoscope.report.studies import steering_figures as figures
from sonoscope.report.studies.steering_outcome import Outcome, answer_of, answer_of_all, label, rank
from sonoscope.report.studies.steering_sound import audio_grid, first_row

TARGET = "steering"
"""The target rule that makes all that stands on the page."""


@dataclass(frozen=True)
class Experiment:
    """The files of one model, concept and target; not all of them need to be there."""

    root: Path
    model: str
    concept: str
    target: str

    @property
    def name(self) -> str:
        """Short name for headings in the address and for files."""
        return "-".join(
            "".join(c if c.isalnum() else "_" for c in part) for part in (self.model, self.concept, self.target)
        )

    def file(self, rule: str, name: str) -> Path:
        """A file of one rule."""
        return self.root / "steering" / rule / self.model / self.concept / self.target / name

    @property
    def dose(self) -> Path:
        """The dose-response table."""
        return self.file("analyse_steering", "dose_response.parquet")


def build(results: Results) -> Study:
    """The page, from whatever results there are."""
    experiments = find(results)
    outcomes, sections = [], []
    for experiment in experiments:
        outcome, own = _sections(experiment, results, len(experiments) > 1)
        sections += own
        outcomes += [(outcome, results.source(experiment.dose))] if outcome else []
    answer = None
    if outcomes:
        answer = answer_of(*outcomes[0]) if len(experiments) == 1 else answer_of_all([o for o, _ in outcomes])
    grids = [b for section in sections for b in section.blocks if isinstance(b, AudioGrid) and b.rows]
    return Study(
        slug="steering",
        title="Steering",
        question="Can a direction in the residual stream make the model play what we want to hear?",
        target=TARGET,
        answer=answer,
        sections=tuple(sections),
        highlight=first_row(grids[0]) if grids else None,
    )


def find(results: Results) -> list[Experiment]:
    """Every model, concept and target of which something is there."""
    found = {
        path.relative_to(results.root / "steering").parts[1:4]
        for rule in ("analyse_steering", "score_steered", "generate_steered")
        for path in results.find(f"steering/{rule}/*/*/*/*")
    }
    return [Experiment(results.root, *parts) for parts in sorted(found)]


def _sections(experiment: Experiment, results: Results, several: bool) -> tuple[Outcome | None, list[Section]]:
    level: Literal[2, 3] = 3 if several else 2
    name = experiment.name
    dose = experiment.dose
    frame = DOSE_RESPONSE.read(dose) if dose.is_file() else None
    outcome = Outcome.from_table(experiment.model, frame) if frame is not None and len(frame) else None
    title = f"{experiment.target} ({experiment.concept}, {experiment.model})"
    empty = Outcome(experiment.model, experiment.concept, experiment.target, "", "", 0.0, None, None, None)
    sections = []
    if several:
        summary = answer_of(outcome, results.source(dose)) if outcome else Prose("Not analysed yet.")
        sections.append(Section(name, title, (summary,)))
    sections.append(Section(f"{name}-listen", "Listen", (_listen(experiment, outcome or empty, results),), level))
    dose_blocks: tuple[Block, ...] = (Missing(f"The dose-response table of {title}", TARGET),)
    cost_blocks: tuple[Block, ...] = ()
    if outcome is not None and frame is not None:
        sources = present(results.source(dose))
        dose_blocks = (figures.dose_response(name, outcome, frame, sources), _dose_table(name, frame, sources))
        cost: Block = Prose("The tables hold no negative log-likelihoods, so the cost in quality is not known.")
        if frame.nll.notna().any():
            cost = figures.quality_cost(name, outcome, frame, sources)
        cost_blocks = (cost,)
    sections.append(Section(f"{name}-dose", "Dose and response", dose_blocks, level))
    if cost_blocks:
        sections.append(Section(f"{name}-cost", "What it costs", cost_blocks, level))
    sections.append(
        Section(f"{name}-layers", "Where the concept is", (_layers(experiment, outcome or empty, results),), level)
    )
    sections.append(Section(f"{name}-clips", "Every clip", (_clip_table(experiment, results),), level))
    return outcome, sections


def _listen(experiment: Experiment, outcome: Outcome, results: Results) -> Block:
    scores = experiment.file("score_steered", "scores.parquet")
    clips = experiment.file("generate_steered", "clips.parquet")
    if not clips.is_file():
        return Missing("Generated clips", TARGET)
    frame = SCORES.read(scores) if scores.is_file() else CLIPS.read(clips)
    sources = present(results.source(clips), results.source(scores) if scores.is_file() else None)
    return audio_grid(experiment.name, outcome, frame, clips.parent, results.settings, sources)


def _layers(experiment: Experiment, outcome: Outcome, results: Results) -> Block:
    path = experiment.file("analyse_steering", "layer_scores.parquet")
    if not path.is_file():
        return Missing("Scores of the directions per layer", TARGET)
    frame = LAYER_SCORES.read(path)
    if frame.empty:
        return Prose("The directions were fitted without held-out clips, so the layers have no scores.")
    frame = frame.sort_values(["estimator", "layer"], key=lambda c: c.map(rank) if c.name == "estimator" else c)
    return figures.layers(experiment.name, outcome, frame, present(results.source(path)))


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


def _clip_table(experiment: Experiment, results: Results) -> Block:
    path = experiment.file("score_steered", "scores.parquet")
    if not path.is_file():
        return Missing("Scores of the clips", TARGET)
    frame = SCORES.read(path)
    shown = frame.assign(
        direction=[label(e) if c else "Unsteered" for e, c in zip(frame.estimator, frame.coefficient, strict=True)],
        heard=["yes" if s else "no" for s in frame.score],
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
        "heard": Column("Target heard"),
        "dominant": Column("Dominant"),
        "nll": Column("NLL", 2, "nats per token"),
        "rms": Column("RMS", 3, "full scale"),
        "peak": Column("Peak", 2, "full scale"),
        "flags": Column("Flags"),
    }
    source = present(results.source(path))
    return Table(f"{experiment.name}-clip-table", f"{len(frame)} clips", shown, columns, folded=True, sources=source)


def _places(values: "pd.Series[float]") -> int:
    """Digits that tell all coefficients apart."""
    return max((len(f"{v:g}".partition(".")[2]) for v in values), default=0)
