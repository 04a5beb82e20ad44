"""The page of the interpretability study."""

from pathlib import Path

import pandas as pd

from sonoscope import scorecard
from sonoscope.contracts import interpretability as files
from sonoscope.contracts.tables import Table as Contract
from sonoscope.report.blocks import Answer, Block, Column, Missing, Number, Prose, Section, Study, Table, present
from sonoscope.report.numbers import show
from sonoscope.report.results import Results
from sonoscope.report.sources import Source
from sonoscope.report.studies.interpretability_verdict import conditions, verdict_table

TARGET = "interpretability"
"""The target rule that makes all that stands on the page."""

_TABLES: tuple[tuple[str, str, Contract, str], ...] = (
    ("probes", "What a probe reads from rendered music under null text", files.PROBES,
     "Out of fold, grouped and nested: penalty and layer are chosen on inner folds. Beside each value stand its 95 % "
     "interval over clips, the mean over permuted labels, and a control task that only memory can solve. The histogram "
     "of tokens and the energy of the waveform are what simple listening could do."),
    ("swaps", "Hears or echoes: the same tokens under opposite texts", files.SWAP,
     "The probe learned from null-text replays of other pieces. If its reading follows the text while the tokens are "
     "held, it echoes; if it follows the tokens while the text is held, it hears."),
    ("effects", "Mediation: tempo to energy to arousal", files.EFFECTS,
     "Counterfactual versions of the same pieces, so that mediator and outcome cannot be confounded; the truth is the "
     "composer's law. The known model shows what regression would have said there, with the wrong sign."),
    ("layers", "First experiment: two emotions, layer by layer", files.LAYERS,
     "The prompt is the unit; p-values are adjusted over all layers and statistics by max-T. Differences between seeds "
     "of one prompt stand beside: what does not exceed them is sampling noise."),
    ("geometry", "Geometry of the generated clips' states", files.GEOMETRY,
     "In the original space, with permutation nulls. The null row has seen the audio so far and no text."),
)  # fmt: skip


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
    frames = {name: contract.read(folder / f"{name}.parquet") for name, _, contract, _ in _TABLES
              if (folder / f"{name}.parquet").is_file()}  # fmt: skip
    source = results.source(folder / "probes.parquet")
    suffix = f" ({model})" if several else ""
    sections: list[Section] = []
    answer = None
    if len(frames) == len(_TABLES):
        rows = scorecard.read(folder / "scorecard.json")
        found = conditions(frames)
        answer = _answer(rows, found, source)
        sections.append(
            Section(
                f"verdict-{model}",
                f"Understands, or just correlates?{suffix}",
                (verdict_table(found, model, present(source)),),
            )
        )
    for name, title, contract, caption in _TABLES:
        blocks: tuple[Block, ...] = (Missing(title, TARGET),)
        if name in frames:
            blocks = (Prose(caption), _table(f"{name}-{model}", title, frames[name], contract, source))
        sections.append(Section(f"{name}-{model}", title + suffix, blocks))
    trained = root / "train_dictionaries" / model / "dictionaries.parquet"
    blocks = (Missing("Sparse autoencoders", TARGET),)
    if trained.is_file():
        table = files.DICTIONARIES.read(trained)
        blocks = (
            Prose("Measured on pieces that training never saw; cross-entropies are those of the running model with the "
                  "reconstruction in the place of the layer's state."),
            _table(f"dictionaries-{model}", "Sparse autoencoders", table, files.DICTIONARIES, results.source(trained)),
        )  # fmt: skip
    sections.append(Section(f"dictionaries-{model}", f"Sparse autoencoders{suffix}", blocks))
    return sections, answer


def _table(name: str, title: str, frame: pd.DataFrame, contract: Contract, source: Source | None) -> Table:
    columns = {
        column: Column(column.replace("_", " "), 3 if spec.kind == "float64" else 0 if spec.kind == "int64" else None)
        for column, spec in contract.columns.items()
    }
    return Table(name, title, frame, columns, folded=len(frame) > 20, sources=present(source))


def _answer(rows: list[scorecard.Row], found: pd.DataFrame, source: Source | None) -> Answer:
    numbers = tuple(
        Number(row.name.rsplit(".", 1)[1], row.value, row.low, row.high, row.n, row.null, row.baseline,
               places=2, source=source)
        for row in rows if row.name.split(".")[1] == "probe" and row.target is not None
    )  # fmt: skip
    held = int((found["verdict"] == "pass").sum())
    judged = int((found["verdict"] != "not judged").sum())
    told = "; ".join(f"{n.label} {show(n.value, 2)}" for n in numbers)
    verdict = "recovered" if held == len(found) else "partly recovered" if held else "not recovered"
    return Answer(
        f"From rendered music, replayed without text, linear probes read (AUC of mode, R² of the rest): {told}.",
        verdict,  # type: ignore[arg-type]
        f"{held} of {judged} judged conditions hold; {len(found) - judged} of {len(found)} were not judged.",
        numbers,
    )
