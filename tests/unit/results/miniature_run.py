"""A small run in which every table that the examples read is there, made up from its contract."""

from pathlib import Path

import pandas as pd

from sonoscope.contracts import Table, affect, attribution, interpretability, steering, write_json

KINDS = {"string": "word", "int64": 3, "float64": 0.5, "bool": True}


def made_up(contract: Table, rows: list[dict]) -> pd.DataFrame:
    """A table that fits its contract: the columns that are given, and fillers for the others."""
    fill = {name: KINDS.get(column.kind) for name, column in contract.columns.items()}
    return pd.DataFrame([fill | row for row in rows])[list(contract.columns)]


def _sidecar(path: Path, rule: str, wildcards: dict[str, str]) -> None:
    inside = path.as_posix().partition("/results/")[2]
    write_json(path.with_name("provenance.json"), {"rule": rule, "wildcards": wildcards, "params": {}, "inputs": {},
               "outputs": [f"results/{inside}"]})  # fmt: skip


def make(root: Path) -> Path:
    """Write the run; ``root`` is ``…/results/<run>``."""
    bounds = {"low": 0.4, "high": 0.6}
    dose = [{"estimator": e, "coefficient": c, "accuracy": a, "experiment": x, "variant": e, "unit": "share",
             "target": x, "concept": "notes", "coefficient_unit": "relative", **bounds}
            for x in ["notes-C"]
            for e, c, a in [("none", 0.0, 0.5), ("rfm", 0.05, 0.5), ("rfm", 0.1, 0.6)]]  # fmt: skip
    _table(steering.DOSE_RESPONSE, dose, root, "steering", "analyse_steering", model="tiny", experiment="notes-C")
    other = [row | {"experiment": "notes-G", "target": "G"} for row in dose]
    _table(steering.DOSE_RESPONSE, other, root, "steering", "analyse_steering", model="tiny", experiment="notes-G")
    probes = [{"target": t, "source": s, "pieces": "controlled", **bounds} for t in ("mode", "tempo") for s in ("states", "energy")]
    _table(interpretability.PROBES, probes, root, "interpretability", "analyse_activations", "probes", model="tiny")
    bins = [{"model": "both", "dimension": d, "bin": b, "predicted": b / 4, **bounds}
            for d in ("valence", "arousal") for b in range(4)]  # fmt: skip
    _table(affect.RELIABILITY, bins, root, "affect", "evaluate_affect", "reliability", corpus="vgmidi")
    for rule in ("train_heads", "fit_baselines"):
        _table(affect.PREDICTIONS, [{}], root, "affect", rule, "predictions", corpus="vgmidi")
    judged = [{"method": m, "measure": "lds", **bounds} for m in ("gradient_cosine", "random")]
    _table(attribution.JUDGEMENT, judged, root, "attribution", "judge_attribution", "judgement", model="tiny")
    folder = root / "dynamics" / "fit_dynamics"
    for codec in ("known", "mel-pca-32"):
        path = folder / codec / "tables.csv"
        path.parent.mkdir(parents=True)
        pd.DataFrame([{"horizon_k": k, "slice": "all", "model_type": "ar1", "eval_nll": 9.0 + k, "eval_n": 40}
                      for k in (1, 2)]).to_csv(path, index=False)  # fmt: skip
        _sidecar(path, "fit_dynamics", {"codec": codec})
    (root / "manifest.jsonl").write_text("")
    return root


def _table(
    contract: Table, rows: list[dict], root: Path, study: str, rule: str, name: str = "dose_response", **wildcards
):
    path = root.joinpath(study, rule, *wildcards.values(), f"{name}.parquet")
    contract.write(path, made_up(contract, rows))
    _sidecar(path, rule, wildcards)
