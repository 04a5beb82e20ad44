"""The judgement of every method, and the study's rows of the scorecard."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope import scorecard
from sonoscope.attribution import counterfactuals, evaluation
from sonoscope.attribution.datamodel import Retrained
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.kinds import HELD_OUT, PROMPTED
from sonoscope.settings.attribution import Attribution
from sonoscope.statistics import Interval, bootstrap_interval, resampled, wilson_interval

Floats = NDArray[np.float64]
SIMILARITIES = ("code_ngrams", "log_mel", "caption", "clap", "clmr")
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
        As SCORES, QUERIES and TRUTH declare them; of queries those of the kinds in `sonoscope.attribution.kinds.MANY`.
    """
    asked = asked.reset_index(drop=True)
    trained = sorted(scores[scores.trained].song_id.unique())
    rows: list[dict[str, Any]] = []
    members, cube = counterfactuals.by_subset(values, [str(q) for q in asked.query_id], trained)
    if len(members) >= 4:
        rows += _predictions(scores, asked, members, cube, trained, settings, seed)
    for method in scores.method.unique():
        mine = asked[asked.query_id.isin(scores.query_id[scores.method == method])]
        rows += _retrieved(scores, method, mine, trained, np.random.default_rng([seed, 5]), settings.resamples)
    return rows


def _predictions(
    scores: pd.DataFrame, asked: pd.DataFrame, members: NDArray[np.bool_], cube: Floats, trained: Sequence[str],
    settings: Attribution, seed: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """LDS of every method over all queries and over those of each kind, and what the headline has beyond likeness."""
    kinds = asked.kind.to_numpy(dtype=object)
    truth = Retrained(members, cube.mean(2), kinds, np.random.default_rng([seed, 5]), settings.resamples)
    groups = {"": np.ones(len(asked), dtype=bool)} | {f".{kind}": kinds == kind for kind in dict.fromkeys(kinds)}
    rows = []
    if cube.shape[2] > 1:
        for name, some in groups.items():
            if (ceiling := _ceiling(cube[some])) is not None:
                rows.append(_row("truth", f"noise_ceiling{name}", ceiling, int(some.sum())))
    found: dict[str, tuple[Floats, Floats]] = {}
    everything = np.arange(len(asked))
    for method in scores.method.unique():
        there = asked.query_id.isin(scores.query_id[scores.method == method]).to_numpy()
        numbers = everything[there]
        table = matrix(scores, method, [str(q) for q in asked.query_id[there]], trained)
        of_queries, drawn = truth.correlations(table, numbers), truth.resampled(table, numbers)
        for name, some in groups.items():
            if (some & there).any() and (name or there.all()):
                rows.append(_interval(method, f"lds{name}", truth.interval(of_queries, drawn, numbers, some)))
        if there.all():
            found[method] = of_queries, drawn
    headline = settings.scoring.headline
    if headline in found:
        rows.append(_row(headline, "headline", 1.0, 1))  # so that whoever reads the table knows which method it is
    for method in (m for m in SIMILARITIES if m in found and headline in found):
        gain = [mine - other for mine, other in zip(found[headline], found[method], strict=True)]
        for name, some in groups.items():
            rows.append(_interval(method, f"headline_beyond{name}", truth.interval(gain[0], gain[1], everything, some)))
    return rows


def _ceiling(cube: Floats) -> float | None:
    """The noise ceiling; None where all values are alike."""
    try:
        return evaluation.noise_ceiling(cube)
    except AttributionError:
        return None


def _retrieved(
    scores: pd.DataFrame, method: str, asked: pd.DataFrame, trained: Sequence[str], generator: np.random.Generator,
    resamples: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """Ranks of source songs, of prompted clips and of held-out ones; trained songs beside decoys; query invariance."""
    rows = []
    for kind, suffix in ((PROMPTED, ""), (HELD_OUT, f".{HELD_OUT}")):
        some = asked[asked.kind == kind]
        if some.empty:
            continue
        own = [list(trained).index(str(s)) for s in some.source]
        ranks = evaluation.retrieval(matrix(scores, method, [str(q) for q in some.query_id], trained), own)
        for name, column in (
            ("auroc", ranks.auroc), ("mean_rank", ranks.rank), ("top1", ranks.recall(1)),
            ("recall_at_3", ranks.recall(3)), ("recall_at_5", ranks.recall(5)),
        ):  # fmt: skip
            rows.append(_interval(method, name + suffix, _mean(column, some.source, generator, resamples)))
    every = sorted(scores.song_id.unique())
    names = [str(q) for q in asked.query_id]
    flags = np.array([song in set(trained) for song in every])
    if (~flags).any():
        column = evaluation.decoy_auroc(matrix(scores, method, names, every), flags)
        groups = asked.source.fillna(asked.query_id)
        rows.append(_interval(method, "decoy_auroc", _mean(column, groups, generator, resamples)))
    if len(names) > 1:
        invariant = evaluation.invariance(matrix(scores, method, names, trained))
        rows.append(_row(method, "query_correlation", invariant.correlation, len(names)))
        rows.append(_row(method, "rank_one_energy", invariant.rank_one, len(names)))
    return rows


def judge_pairs(
    scores: pd.DataFrame, asked: pd.DataFrame, values: pd.DataFrame, number: int, pair: tuple[str, str]
) -> list[dict[str, Any]]:
    """Agreement of every method with exact leave-one-out and Shapley values on one pair of songs.

    Over all clips of the pair, and over those of each kind: of the songs' captions, and real ones that were held out.
    """
    rows = []
    prompted = asked.kind == f"pair-{number}"
    kinds = {"": np.ones(len(asked), dtype=bool), ".prompted": prompted.to_numpy(), ".held_out": ~prompted.to_numpy()}
    names = [str(q) for q in asked.query_id]
    found = counterfactuals.of_pair(values, number, names)
    for method in scores.method.unique():
        mine = matrix(scores, method, names, list(pair))
        for name, exact in (("loo", found.leave_one_out), ("shapley", found.shapley)):
            hits = evaluation.agreement(mine, exact)
            for kind, some in kinds.items():
                if some.any():
                    interval = wilson_interval(int(hits[some].sum()), int(some.sum()))
                    rows.append(_interval(method, f"{name}_agreement.pair_{number}{kind}", interval))
        if prompted.any():
            within = evaluation.within_caption(mine[prompted], [str(p) for p in asked.prompt[prompted]])
            rows.append(_row(method, f"within_caption.pair_{number}", within, int(prompted.sum())))
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
    beyond = _beyond_likeness(of, headline, sources)
    apart = not beyond or bool(beyond[0].met)  # the bar asks for intervals that do not overlap
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
                    target=target if held else None, better="lower" if better == "lower" else "higher",
                    provided=apart or measure != "lds", sources=sources,
                )
            )  # fmt: skip
    rows += _agreement_row(judgement, headline, sources)
    if (ceiling := value("truth", "noise_ceiling")) is not None:
        rows.append(scorecard.measure("attribution.noise_ceiling", ceiling, sources=sources))
    rows += _by_kind(judgement, of, headline, sources)
    rows += beyond
    return rows


def _end(found: Any, end: str) -> float | None:
    """One end of an interval, None where there is no interval."""
    missing = found["low"] is None or not np.isfinite(found["low"])
    return None if missing else float(found[end])


def _agreement_row(judgement: pd.DataFrame, headline: str, sources: Sequence[str]) -> list[scorecard.Row]:
    over_all = judgement[judgement.measure.str.fullmatch(r"loo_agreement\.pair_\d+")]
    shares = {str(m): float(np.average(r.value, weights=r.n)) for m, r in over_all.groupby("method")}
    if headline not in shares:
        return []
    n = int(over_all.n[over_all.method == headline].sum())
    found = wilson_interval(round(shares[headline] * n), n)
    likeness = [shares[m] for m in SIMILARITIES if m in shares]
    return [
        scorecard.measure(
            "attribution.loo_agreement", found.estimate, low=found.low, high=found.high, n=n, target=0.95,
            null=shares.get("random"), baseline=max(likeness) if likeness else None, sources=sources,
        )
    ]  # fmt: skip


def _beyond_likeness(of: Any, headline: str, sources: Sequence[str]) -> list[scorecard.Row]:
    """What the headline's LDS has beyond that of the best likeness.

    Once as the lower end of the one minus the upper end of the other, which is above 0 where the intervals do not
    overlap; once as their difference in the same resamples.
    """
    mine = of(headline, "lds")
    others = {m: x for m in SIMILARITIES if (x := of(m, "lds")) is not None and _end(x, "low") is not None}
    if mine is None or _end(mine, "low") is None or not others:
        return []
    best = max(others, key=lambda m: float(others[m]["value"]))
    gap = float(mine["low"]) - float(others[best]["high"])
    n = int(mine["n"])
    rows = [scorecard.measure("attribution.lds_beyond_similarity", gap, n=n, target=0.0, sources=sources)]
    if (gain := of(best, "headline_beyond")) is not None:
        rows.append(
            scorecard.measure(
                "attribution.lds_gain", float(gain["value"]), low=_end(gain, "low"), high=_end(gain, "high"), n=n,
                null=0.0, sources=sources,
            )
        )  # fmt: skip
    return rows


def _by_kind(judgement: pd.DataFrame, of: Any, headline: str, sources: Sequence[str]) -> list[scorecard.Row]:
    """The headline's LDS on the clips of each kind, beside that of the best likeness on the same clips."""
    rows = []
    for measure in dict.fromkeys(judgement.measure[judgement.measure.str.startswith("lds.")]):
        if (found := of(headline, measure)) is None:
            continue
        likeness = [float(x["value"]) for m in SIMILARITIES if (x := of(m, measure)) is not None]
        rows.append(
            scorecard.measure(
                f"attribution.lds_{measure.partition('.')[2]}.{headline}", float(found["value"]),
                low=_end(found, "low"), high=_end(found, "high"), n=int(found["n"]),
                baseline=max(likeness) if likeness else None, sources=sources,
            )
        )  # fmt: skip
    return rows
