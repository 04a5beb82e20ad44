"""Tables over all experiments: headlines and published numbers, the classification table, what measures can hear."""

import pandas as pd

from sonoscope.contracts.steering import CALIBRATION, CLASSIFICATION, DOSE_RESPONSE
from sonoscope.report.blocks import Block, Column, Section, Table, present
from sonoscope.report.results import Results
from sonoscope.report.studies.steering_outcome import CONTROLS, label
from sonoscope.report.studies.steering_paper import paper_tables
from sonoscope.report.studies.steering_published import SOURCE, beside, probed
from sonoscope.report.studies.steering_verdicts import verdicts


def overview(results: Results) -> list[Section]:
    """Sections that come before the experiments; empty ones are left out."""
    made = (
        ("steering-verdicts", "Bars and verdicts", verdicts(results)),
        ("steering-concepts", "Concept by concept", _headlines(results)),
        ("steering-classification", "What hidden states tell apart", _classification(results)),
        ("steering-calibration", "What the measures hear in true renders", _calibration(results)),
    )
    sections = [Section(slug, title, (block,)) for slug, title, block in made if block is not None]
    paper = paper_tables(results)
    return [*sections, Section("steering-paper", "Beside the published tables", paper)] if paper else sections


def _headlines(results: Results) -> Block | None:
    parts, sources = [], []
    for path in results.find("steering/analyse_steering/*/*/dose_response.parquet"):
        frame = DOSE_RESPONSE.read(path)
        if set(frame.variant) - {"none", "plain"} or (frame.unit != "share").any():
            continue
        parts.append(frame[frame.is_headline].assign(model=path.parent.parent.name))
        sources.append(results.source(path))
    if not parts:
        return None
    frame = beside(pd.concat(parts, ignore_index=True))
    shown = frame.assign(
        direction=[label(e) if e != "none" else "Unsteered" for e in frame.estimator],
        order=[0 if e == "none" else 2 if e in CONTROLS else 1 for e in frame.estimator],
    ).sort_values(["model", "experiment", "order"], kind="stable")
    published = ~shown["estimator"].eq("rfm")
    shown.loc[published, ["published_probe", "published_heard", "published_times_chance"]] = float("nan")
    columns = {
        "model": Column("Model"),
        "concept": Column("Concept"),
        "target": Column("Target"),
        "direction": Column("Direction"),
        "n": Column("n", 0),
        "accuracy": Column("Heard", 0, "%", 100),
        "low": Column("95 % from", 0, "%", 100),
        "high": Column("to", 0, "%", 100),
        "times_chance": Column("× chance", 1),
        "probe": Column("Probe (circular)", 0, "%", 100),
        "nll_change": Column("Change of NLL", 3, "nats"),
        "frechet": Column("Fréchet", 0),
        "published_heard": Column("Published, heard", 0, "%", 100),
        "published_probe": Column("Published, probe", 0, "%", 100),
        "published_times_chance": Column("Published, × chance", 1),
    }
    caption = (
        f"At the headline coefficient. Published: {SOURCE} at coefficient 0.60 (absolute, gate 0.3), mean over all "
        "values of a concept, on another model and other prompts: to compare shapes, not digits."
    )
    columns = _without_one_model(columns, shown)
    return Table("steering-headlines", "Heard at the headline", shown, columns, caption, sources=present(*sources))


def _classification(results: Results) -> Block | None:
    parts, sources = [], []
    for path in results.find("steering/classify_concept/*/*/classification.parquet"):
        frame = CLASSIFICATION.read(path)
        parts.append(frame.assign(model=path.parent.parent.name))
        sources.append(results.source(path))
    if not parts:
        return None
    frame = pd.concat(parts, ignore_index=True)
    published = [
        probed(c, p) if s == "random" and best else None
        for c, p, s, best in zip(frame.concept, frame.probe, frame.split, frame.is_best, strict=True)
    ]
    names = {"rfm": "RFM", "rfm_projections": "RFM, projections", "linear": "Linear", "mlp": "MLP"}
    shown = frame.assign(
        published=pd.array(published, dtype="Float64").to_numpy(dtype=float, na_value=float("nan")),
        method=[names[p] for p in frame.probe],
        n_components=frame.n_components.where(frame.n_components > 0).astype(float),
        best=["yes" if b else "" for b in frame.is_best],
    )
    columns = {
        "model": Column("Model"),
        "concept": Column("Concept"),
        "split": Column("Split"),
        "method": Column("Probe"),
        "n_components": Column("Components", 0),
        "best": Column("Best on validation"),
        "layer": Column("Layer", 0),
        "measure": Column("Score"),
        "n": Column("n", 0),
        "score": Column("Test", 3),
        "low": Column("95 % from", 3),
        "high": Column("to", 3),
        "chance": Column("Chance", 3),
        "published": Column("Published", 3),
    }
    caption = (
        "Test scores; layer, settings and number of components were chosen on validation clips. group: no render, "
        f"instrument or root on two sides; random: single clips, as published. Published: {SOURCE}, MLP by Wei et "
        "al. (arXiv 2410.00872). That states tell classes apart does not show that the model uses them."
    )
    columns = _without_one_model(columns, shown)
    return Table("steering-classes", "Classification", shown, columns, caption, sources=present(*sources))


def _without_one_model(columns: dict[str, Column], shown: pd.DataFrame) -> dict[str, Column]:
    """A column that says the same in every row is only in the way; the CSV keeps it."""
    return columns if len(set(shown["model"])) > 1 else {k: c for k, c in columns.items() if k != "model"}


def _calibration(results: Results) -> Block | None:
    paths = [
        *results.find("steering/calibrate_measure/*/calibration.parquet"),
        *results.find("steering/measure_limits/*/*/limits.parquet"),
    ]
    if not paths:
        return None
    frame = pd.concat([CALIBRATION.read(p) for p in paths], ignore_index=True)
    frame = frame.sort_values("concept", kind="stable")
    columns = {
        "concept": Column("Concept"),
        "measure": Column("Heard by, or of"),
        "seconds": Column("Length", 1, "s"),
        "n": Column("n", 0),
        "score": Column("Heard right", 0, "%", 100),
        "low": Column("95 % from", 0, "%", 100),
        "high": Column("to", 0, "%", 100),
        "chance": Column("Chance", 0, "%", 100),
    }
    caption = (
        "Share of true renders heard right: no clip can be judged better. The log-mel classifier is judged "
        "on instruments, roots or renders that it was not trained on. Through the codec: the same renders, encoded "
        "and decoded. Asked in words: unsteered clips for captions of these renders."
    )
    sources = present(*(results.source(p) for p in paths))
    return Table("steering-calibration", "Measures on true renders", frame, columns, caption, sources=sources)
