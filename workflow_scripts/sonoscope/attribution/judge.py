"""The judgement of every method, and the study's rows of the scorecard."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope import scorecard
from sonoscope.attribution import counterfactuals, evaluation
from sonoscope.attribution.errors import AttributionError
from sonoscope.settings.attribution import Attribution
from sonoscope.statistics import Interval, bootstrap_interval, resampled, wilson_interval

Floats = NDArray[np.float64]
SIMILARITIES = ("code_ngrams", "log_mel", "caption")
CONTROLS = ("random", "legacy", "base_gradient_cosine", *SIMILARITIES)
"""Methods that do not see the training: null, published formula, and likeness."""


def matrix(scores: pd.DataFrame, method: str, queries: Sequence[str], songs: Sequence[str]) -> Floats:
    """Scores of one method, ``(queries, songs)``."""
    mine = scores[scores.method == method].pivot_table(index="query_id", columns="song_id", values="score")
    return mine.loc[list(queries), list(songs)].to_numpy(np.float64)


def judge_songs(
    scores: pd.DataFrame, asked: pd.DataFrame, values: pd.DataFrame, settings: Attribution, seed: int
) -> list[dict[str, Any]]:
    """Rows of `sonoscope.contracts.attribution.JUDGEMENT` for the fine-tune on many songs.

    Parameters
    ----------
    scores, asked, values : DataFrame
        As SCORES, QUERIES and TRUTH declare them; of queries those of kind "songs".
    """
    queries = [str(q) for q in asked.query_id]
    trained = sorted(scores[scores.trained].song_id.unique())
    every = sorted(scores.song_id.unique())
    own = [trained.index(str(s)) for s in asked.source]
    members, cube = counterfactuals.by_subset(values, queries, trained)
    rows: list[dict[str, Any]] = []
    if cube.size and cube.shape[2] > 1:
        rows.append(_row("truth", "noise_ceiling", evaluation.noise_ceiling(cube), len(queries)))
    for method in scores.method.unique():
        generator = np.random.default_rng([seed, 5])
        mine = matrix(scores, method, queries, trained)
        if len(members) >= 4:
            try:
                found = evaluation.lds_interval(mine, members, cube.mean(2), generator, settings.resamples)
                rows.append(_interval(method, "lds", found))
            except AttributionError:
                rows.append(_row(method, "lds", 0.0, len(queries)))  # constant scores predict nothing
        found_songs = evaluation.retrieval(mine, own)
        for name, column in (
            ("auroc", found_songs.auroc), ("mean_rank", found_songs.rank), ("top1", found_songs.recall(1)),
            ("recall_at_3", found_songs.recall(3)), ("recall_at_5", found_songs.recall(5)),
        ):  # fmt: skip
            rows.append(_interval(method, name, _mean(column, asked.source, generator, settings.resamples)))
        flags = np.array([song in trained for song in every])
        if (~flags).any():
            column = evaluation.decoy_auroc(matrix(scores, method, queries, every), flags)
            rows.append(_interval(method, "decoy_auroc", _mean(column, asked.source, generator, settings.resamples)))
        if len(queries) > 1:
            invariant = evaluation.invariance(mine)
            rows.append(_row(method, "query_correlation", invariant.correlation, len(queries)))
            rows.append(_row(method, "rank_one_energy", invariant.rank_one, len(queries)))
    return rows


def judge_pairs(
    scores: pd.DataFrame, asked: pd.DataFrame, values: pd.DataFrame, number: int, pair: tuple[str, str]
) -> list[dict[str, Any]]:
    """Agreement of every method with exact leave-one-out and Shapley values on one pair of songs."""
    queries = [str(q) for q in asked.query_id]
    found = counterfactuals.of_pair(values, number, queries)
    rows = []
    for method in scores.method.unique():
        mine = matrix(scores, method, queries, list(pair))
        for name, exact in (("loo", found.leave_one_out), ("shapley", found.shapley)):
            hits = evaluation.agreement(mine, exact)
            interval = wilson_interval(int(hits.sum()), len(hits))
            rows.append(_interval(method, f"{name}_agreement.pair_{number}", interval))
        within = evaluation.within_caption(mine, list(asked.prompt))
        rows.append(_row(method, f"within_caption.pair_{number}", within, len(queries)))
    return rows


def _mean(values: Floats, groups: Any, generator: np.random.Generator, resamples: int) -> Interval:
    if len(set(groups)) < 2:
        return Interval(float(values.mean()), float(values.mean()), float(values.mean()), len(values), 1)
    return bootstrap_interval(
        resampled(lambda x: float(np.mean(x)), values), len(values), generator, list(groups), resamples=resamples
    )


def _row(method: str, measure: str, value: float, n: int) -> dict[str, Any]:
    return {"method": method, "measure": measure, "value": float(value), "low": None, "high": None, "n": n}


def _interval(method: str, measure: str, found: Interval) -> dict[str, Any]:
    return _row(method, measure, found.estimate, found.groups) | {"low": found.low, "high": found.high}


def score_rows(judgement: pd.DataFrame, settings: Attribution, sources: Sequence[str]) -> list[scorecard.Row]:
    """The study's rows of the scorecard; only the headline method is held against the targets."""
    table = judgement.set_index(["method", "measure"])
    methods = [m for m in judgement.method.unique() if m != "truth" and "@" not in m]
    headline = settings.scoring.headline

    def of(method: str, measure: str) -> Any:
        return table.loc[(method, measure)] if (method, measure) in table.index else None

    def value(method: str, measure: str) -> float | None:
        found = of(method, measure)
        return float(found["value"]) if found is not None else None

    rows: list[scorecard.Row] = []
    targets = {"lds": (0.5, "higher"), "auroc": (0.9, "higher"), "query_correlation": (0.5, "lower")}
    for measure, (target, better) in targets.items():
        comparable = measure != "query_correlation"
        likeness = [v for m in SIMILARITIES if (v := value(m, measure)) is not None]
        for method in methods:
            if (found := of(method, measure)) is None:
                continue
            held = method == headline
            rows.append(
                scorecard.measure(
                    f"attribution.{measure}.{method}", float(found["value"]), n=int(found["n"]),
                    low=_end(found, "low"), high=_end(found, "high"),
                    null=value("random", measure) if method != "random" else None,
                    baseline=max(likeness) if likeness and comparable and method not in CONTROLS else None,
                    target=target if held else None, better="lower" if better == "lower" else "higher", sources=sources,
                )
            )  # fmt: skip
    rows += _agreement_row(judgement, headline, sources)
    if (ceiling := value("truth", "noise_ceiling")) is not None:
        rows.append(scorecard.measure("attribution.noise_ceiling", ceiling, sources=sources))
    rows += _beyond_likeness(of, headline, sources)
    return rows


def _end(found: Any, end: str) -> float | None:
    """One end of an interval, None where there is no interval."""
    missing = found["low"] is None or not np.isfinite(found["low"])
    return None if missing else float(found[end])


def _agreement_row(judgement: pd.DataFrame, headline: str, sources: Sequence[str]) -> list[scorecard.Row]:
    mine = judgement[judgement.measure.str.startswith("loo_agreement") & (judgement.method == headline)]
    null = judgement[judgement.measure.str.startswith("loo_agreement") & (judgement.method == "random")]
    if mine.empty:
        return []
    n = int(mine.n.sum())
    found = wilson_interval(round(float((mine.value * mine.n).sum())), n)
    return [
        scorecard.measure(
            "attribution.loo_agreement", found.estimate, low=found.low, high=found.high, n=n, target=0.95,
            null=float((null.value * null.n).sum() / null.n.sum()) if len(null) else None, sources=sources,
        )
    ]  # fmt: skip


def _beyond_likeness(of: Any, headline: str, sources: Sequence[str]) -> list[scorecard.Row]:
    """Lower end of the headline's LDS minus the upper end of the best likeness; above 0 they do not overlap."""
    mine = of(headline, "lds")
    others = [x for m in SIMILARITIES if (x := of(m, "lds")) is not None and _end(x, "low") is not None]
    if mine is None or _end(mine, "low") is None or not others:
        return []
    best = max(others, key=lambda x: float(x["value"]))
    gap = float(mine["low"]) - float(best["high"])
    return [
        scorecard.measure(
            "attribution.lds_beyond_similarity", gap, n=int(mine["n"]), target=0.0, better="higher", sources=sources
        )
    ]  # fmt: skip
