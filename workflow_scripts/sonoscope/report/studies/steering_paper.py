"""The paper's tables drawn again for whatever ran, with the published numbers beside them."""

import pandas as pd

from sonoscope.contracts.steering import DOSE_RESPONSE
from sonoscope.report.blocks import Block, Column, Table, present
from sonoscope.report.numbers import percent
from sonoscope.report.results import Results
from sonoscope.report.studies.steering_outcome import show_coefficient
from sonoscope.report.studies.steering_published import ABLATIONS, CURVES, SOURCE
from sonoscope.report.studies.steering_verdicts import CONCEPTS

_PUBLISHED_AT = (0.15, 0.30, 0.45, 0.60)


def paper_tables(results: Results) -> tuple[Block, ...]:
    """Accuracy along the coefficients, and the ablations; those of which nothing ran are left out."""
    paths = results.find("steering/analyse_steering/*/*/dose_response.parquet")
    frames = [(DOSE_RESPONSE.read(path), results.source(path)) for path in paths]
    sources = present(*(source for _, source in frames))
    curves = pd.DataFrame([row for frame, _ in frames for row in _curve(frame)])
    schemes = pd.DataFrame([row for frame, _ in frames for row in _schemes(frame)])
    made: list[Block] = []
    if len(curves):
        columns = {
            "concept": Column("Concept"), "target": Column("Target"), "heard": Column("Heard, by the measure"),
            "probe": Column("Probe (circular)"), "published": Column("Published probe"), "chance": Column("Chance"),
        }  # fmt: skip
        caption = f"RFM. Each share stands behind its coefficient. Published: Table 2 of {SOURCE}; other units."
        made.append(Table("steering-table-2", "Along the coefficients", curves, columns, caption, sources=sources))
    if len(schemes):
        columns = {
            "experiment": Column("Experiment"), "variant": Column("Variant"), "n": Column("n", 0),
            "accuracy": Column("Heard", 0, "%", 100), "probe": Column("Probe (circular)", 0, "%", 100),
            "frechet": Column("Fréchet distance", 0), "published": Column("Published row"),
            "published_probe": Column("Published probe", 0, "%", 100),
            "published_frechet": Column("Published FD", 3), "published_clap": Column("Published CLAP", 3),
        }  # fmt: skip
        caption = (
            "At the largest coefficient of each variant, mean over its targets. Published: the ablations on notes and "
            f"the schedules of {SOURCE} at 0.60, one seed, no intervals; the embedding of its distance is not stated: "
            "compare distances down a column alone."
        )
        made.append(Table("steering-ablations", "Layers, gates, schedules", schemes, columns, caption, sources=sources))
    return tuple(made)


def _curve(frame: pd.DataFrame) -> list[dict[str, object]]:
    first = frame.iloc[0]
    own = frame[(frame.estimator == "rfm") & (frame.variant == "plain") & (frame.coefficient > 0)]
    if own.empty or str(first.concept) not in CURVES or len(set(frame.target)) > 1:
        return []
    own = own.sort_values("coefficient")
    published = zip(_PUBLISHED_AT, CURVES[str(first.concept)], strict=True)
    return [
        {
            "concept": CONCEPTS[str(first.concept)], "target": first.target,
            "heard": _along(zip(own.coefficient, own.accuracy, strict=True)),
            "probe": _along(zip(own.coefficient, own.probe, strict=True)),
            "published": _along(published), "chance": percent(float(first.chance)),
        }
    ]  # fmt: skip


def _along(points: "zip[tuple[float, float]]") -> str:
    return ", ".join(f"{show_coefficient(c)}: {percent(a)}" for c, a in points if not pd.isna(a))


def _schemes(frame: pd.DataFrame) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for variant in dict.fromkeys(frame.variant):
        known = ABLATIONS.get(str(variant))
        own = frame[(frame.variant == variant) & ~frame.estimator.isin(["random", "shuffled_rfm"])]
        if known is None or own.empty:
            continue
        at = own[own.coefficient == own.coefficient.max()]
        rows.append(
            {
                "experiment": at.experiment.iloc[0], "variant": variant, "n": int(at.n.iloc[0]),
                "accuracy": at.accuracy.mean(), "probe": at.probe.mean(), "frechet": at.frechet.mean(),
                "published": known.words, "published_probe": float("nan") if known.accuracy is None else known.accuracy,
                "published_frechet": known.frechet, "published_clap": known.clap,
            }
        )  # fmt: skip
    return rows
