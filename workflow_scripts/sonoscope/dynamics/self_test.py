"""The self-test of the study: what models reach on processes whose best prediction is known."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from sonoscope.dynamics.accuracy import accuracy_row
from sonoscope.dynamics.baselines import UNCONDITIONAL, log_scale
from sonoscope.dynamics.evaluation import number
from sonoscope.dynamics.processes import Process
from sonoscope.dynamics.store import Part
from sonoscope.scorecard import Row, measure

TARGET = 0.02
"""Largest gap to the optimum, as a share of its NLL."""
PUBLISHED = "vmf_published"
_SOURCE = ["judge_processes", "dynamics/judge_processes/known_answers.csv"]


def exact_nll(process: Process, part: Part, horizon: int, scale: float) -> float:
    """NLL of the true law on the test frames that models are judged on, nats per frame of the scaled process.

    On the same frames chance cancels, which it does not against the analytic optimum.
    """
    rows = part.rows("test")
    contexts, deltas = (t.double() / scale for t in (part.contexts(rows, horizon), part.deltas(rows)))
    return float(-process.log_prob(contexts, deltas, horizon).mean()) + log_scale(part.dim, scale)


def compare(
    entries: Sequence[Mapping[str, Any]], parts: Sequence[Part], processes: Mapping[str, Process], scale: float
) -> pd.DataFrame:
    """One row per process, horizon and model; ``chosen`` marks the one that predicts validation sequences best."""
    rows = []
    by_name = {p.name: p for p in parts}
    exact = {
        (e["part"], e["horizon_k"]): exact_nll(processes[e["part"]], by_name[e["part"]], e["horizon_k"], scale)
        for e in {(e["part"], e["horizon_k"]): e for e in entries}.values()
    }
    for e in entries:
        name, k = e["part"], e["horizon_k"]
        optimum, nll = processes[name].optimum(k), e["eval"]["nll"]
        best = optimum.nll + log_scale(by_name[name].dim, scale)
        rows.append(
            {
                "process": name,
                "horizon_k": k,
                "model_type": e["model_type"],
                "n": e["eval"]["n"],
                "nll": nll,
                "nll_of_true_law": exact[name, k],
                "optimal_nll": best,
                "unconditional_nll": optimum.unconditional_nll + log_scale(by_name[name].dim, scale),
                "gap": None if nll is None else number((nll - exact[name, k]) / abs(best)),
                "direction_cosine": e["eval"]["direction_cosine"],
                "optimal_cosine": optimum.cosine,
                "state_r2": e["eval"]["state_r2"],
                "optimal_state_r2": optimum.state_r2,
                "delta_r2": e["eval"]["delta_r2"],
                "optimal_delta_r2": optimum.delta_r2,
                "validation_nll": e["validation"]["nll"],
                "chosen": False,
            }
        )
    frame = pd.DataFrame(rows)
    candidates = frame[(frame.model_type != PUBLISHED) & frame.validation_nll.notna()]
    frame.loc[candidates.groupby(["process", "horizon_k"]).validation_nll.idxmin(), "chosen"] = True
    return frame


def scorecard_rows(frame: pd.DataFrame, accuracy: Sequence[dict[str, float]]) -> list[Row]:
    """The worst horizon of each process, by the model chosen on validation; and what the published head reaches."""
    rows = [accuracy_row(accuracy)]
    for process, own in frame.groupby("process", sort=False):
        chosen = own[own.chosen]
        worst = chosen.sort_values("gap").iloc[-1]
        simple = own[own.model_type.isin(UNCONDITIONAL) & (own.horizon_k == worst.horizon_k)]
        name = f"dynamics.known_answer.{process}"
        count = int(worst.n)
        rows.append(
            measure(
                f"{name}.nll_gap", float(worst.gap), n=count, target=TARGET, better="lower",
                baseline=float(simple.gap.min()), sources=_SOURCE,
            )
        )  # fmt: skip
        published = own[(own.model_type == PUBLISHED) & own.gap.notna()]
        if len(published):
            rows.append(measure(f"{name}.published_nll_gap", float(published.gap.max()), n=count, sources=_SOURCE))
        vmf = own[(own.model_type == "vmf") & own.gap.notna()]
        if len(vmf):
            rows.append(measure(f"{name}.vmf_nll_gap", float(vmf.gap.max()), n=count, sources=_SOURCE))
    return rows
