"""The classification table: which classes of a concept hidden states tell apart, by RFM, linear and MLP probes.

Each probe is chosen on validation clips and scored once on test clips. With grouped splits no render, instrument or
root stands on two sides; with the published random split of single clips it may.
"""

import logging
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from sonoscope.directions.metric import GramMetric
from sonoscope.directions.readout import RidgeRegression
from sonoscope.directions.recursion import KernelSettings, recursion
from sonoscope.directions.search import SearchSpace
from sonoscope.settings.directions import Multiclass
from sonoscope.statistics.bootstrap import bootstrap_interval
from sonoscope.statistics.splits import Split, grouped_split

log = logging.getLogger(__name__)
Floats = NDArray[np.float64]


class Task:
    """One concept under one split: targets as columns, and how predictions are scored.

    Classes are one-hot columns, scored by accuracy; a number is one z-scored column, scored by R².
    """

    def __init__(self, labels: NDArray[np.generic], split: Split, is_number: bool) -> None:
        self.split, self.is_number = split, is_number
        if is_number:
            values = labels.astype(np.float64)
            train = values[split.train]
            self.targets = ((values - train.mean()) / train.std())[:, None]
        else:
            self.classes = np.unique(labels)
            self.targets = (labels[:, None] == self.classes).astype(np.float64)

    @property
    def measure(self) -> str:
        """What is scored."""
        return "R²" if self.is_number else "accuracy"

    @property
    def chance(self) -> float:
        """Score of guessing: the mean, or the most frequent class of the test clips."""
        return 0.0 if self.is_number else float(self.targets[self.split.test].mean(0).max())

    def score(self, predicted: Floats, rows: NDArray[np.int64]) -> float:
        """Score of predictions (rows, outputs)."""
        return float(self._statistic(predicted, rows)(np.ones((1, len(rows))))[0])

    def _statistic(self, predicted: Floats, rows: NDArray[np.int64]) -> Any:
        wanted = self.targets[rows]
        if not self.is_number:
            hits = (predicted.argmax(1) == wanted.argmax(1)).astype(np.float64)
            return lambda w: (w @ hits) / w.sum(1)
        error, values = np.square(predicted[:, 0] - wanted[:, 0]), wanted[:, 0]

        def r_squared(w: Floats) -> Floats:
            mean = (w @ values) / w.sum(1)
            spread = w @ np.square(values) / w.sum(1) - mean**2
            return np.asarray(1 - (w @ error) / w.sum(1) / np.maximum(spread, 1e-12), dtype=np.float64)

        return r_squared

    def interval(self, predicted: Floats, groups: NDArray[np.str_], seed: int) -> tuple[float, float, float]:
        """Test score with its 95 % interval over groups."""
        rows = self.split.test
        codes = pd.factorize(groups[rows])[0]
        if len(set(codes)) < 2:
            codes = np.arange(len(rows))
        found = bootstrap_interval(
            self._statistic(predicted, rows), len(rows), np.random.default_rng([seed, 41]), codes, resamples=1000
        )
        return found.estimate, min(found.low, found.estimate), max(found.high, found.estimate)


def classification_table(
    states: NDArray[np.float32], labels: NDArray[np.generic], groups: NDArray[np.str_], layers: list[int], s: Multiclass
) -> pd.DataFrame:
    """Rows of `sonoscope.contracts.steering.CLASSIFICATION` but for the concept.

    Parameters
    ----------
    states : ndarray, shape (clips, layers, dim)
    labels : ndarray, shape (clips,)
        Text for classes, numbers for a number.
    groups : ndarray, shape (clips,)
    layers : list of int
        Numbers of the layers.
    """
    is_number = np.issubdtype(labels.dtype, np.number)
    rows: list[dict[str, Any]] = []
    for kind in s.splits:
        divided = grouped_split(
            len(labels), np.random.default_rng([s.seed, 40]), groups if kind == "group" else None,
            None if is_number else labels,
        )  # fmt: skip
        task = Task(labels, divided, is_number)
        units = groups if kind == "group" else np.arange(len(labels)).astype(np.str_)
        for found in _probes(states, task, layers, s):
            test = found.pop("predicted")
            score, low, high = task.interval(test, units, s.seed)
            rows.append(
                {
                    "split": kind, **found, "measure": task.measure, "n": len(divided.test), "score": score,
                    "low": low, "high": high, "chance": task.chance,
                }
            )  # fmt: skip
            log.info("%s split, %s %s: %s %.3f", kind, found["probe"], found["n_components"] or "", task.measure, score)
    table = pd.DataFrame(rows)
    best = table.groupby(["split", "probe"])["validation"].transform("max")
    # the first of equals; test scores play no part
    table["is_best"] = ~table.assign(best=table["validation"] == best).duplicated(["split", "probe", "best"]) & (
        table["validation"] == best
    )
    return table


def _probes(states: NDArray[np.float32], task: Task, layers: list[int], s: Multiclass) -> Iterator[dict[str, Any]]:
    linear = [_linear(states[:, k], task) for k in range(len(layers))]
    order = sorted(range(len(layers)), key=lambda k: -linear[k]["validation"])
    best = order[: s.layer_candidates]
    yield {"probe": "linear", "n_components": 0, "layer": layers[order[0]], **linear[order[0]]}
    tried = [{"probe": "mlp", "n_components": 0, "layer": layers[k], **_mlp(states[:, k], task, s)} for k in best]
    yield max(tried, key=lambda t: t["validation"])
    found = [(k, _rfm(states[:, k], task, s)) for k in best]
    for number in range(len(found[0][1])):
        k, rows = max(found, key=lambda f: f[1][number]["validation"])
        yield {**rows[number], "layer": layers[k]}


def _linear(x: NDArray[np.float32], task: Task) -> dict[str, Any]:
    split = task.split
    model = RidgeRegression().fit(x[split.train], task.targets[split.train])
    scores = [task.score(model.predict(x[split.validation], p), split.validation) for p in range(len(model.penalties))]
    chosen = int(np.argmax(scores))
    return {"validation": scores[chosen], "predicted": model.predict(x[split.test], chosen)}


def _mlp(x: NDArray[np.float32], task: Task, s: Multiclass) -> dict[str, Any]:
    split = task.split
    mean, std = x[split.train].mean(0), x[split.train].std(0) + 1e-6
    scaled = (x - mean) / std
    kind = MLPRegressor if task.is_number else MLPClassifier
    size = min(64, max(8, len(split.train) // 20))
    model = kind(
        hidden_layer_sizes=(s.hidden,), alpha=1e-2, batch_size=size, max_iter=120, random_state=s.seed,
        n_iter_no_change=8,
    )  # fmt: skip
    wanted = task.targets[split.train]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(scaled[split.train], wanted[:, 0] if task.is_number else wanted.argmax(1))

    def predict(rows: NDArray[np.int64]) -> Floats:
        if task.is_number:
            return np.asarray(model.predict(scaled[rows]), dtype=np.float64)[:, None]
        out = np.zeros((len(rows), task.targets.shape[1]))
        out[:, model.classes_] = model.predict_proba(scaled[rows])
        return out

    return {"validation": task.score(predict(split.validation), split.validation), "predicted": predict(split.test)}


def _rfm(x: NDArray[np.float32], task: Task, s: Multiclass) -> list[dict[str, Any]]:
    """The predictor, then ridge readouts of its leading eigenvectors; settings and iterate by validation."""
    split = task.split
    train, validation, test = (
        torch.from_numpy(x[rows]).double() for rows in (split.train, split.validation, split.test)
    )
    mean = train.mean(0)
    points, held_out = train - mean, [validation - mean, test - mean]
    targets = torch.from_numpy(task.targets[split.train])
    offset = targets.mean(0)
    metric = GramMetric(points, held_out)
    drawn = SearchSpace().draw(s.search_points, np.random.default_rng([s.seed, 42]))
    best: tuple[float, Floats, KernelSettings, int] | None = None
    for settings in [KernelSettings(), *drawn]:
        metric.restart()
        for iterate in recursion(metric, targets - offset, settings, s.iterations):
            said = [(p + offset).numpy() for p in iterate.predictions()]
            value = task.score(said[0], split.validation)
            if best is None or value > best[0]:
                best = (value, said[1], settings, iterate.number)
    assert best is not None
    metric.restart()
    *_, last = recursion(metric, targets - offset, best[2], best[3])
    most = min(max(s.n_components), points.shape[1], len(points) - 1)
    vectors = last.eigenpairs(most)[1]
    rows: list[dict[str, Any]] = [{"probe": "rfm", "n_components": 0, "validation": best[0], "predicted": best[1]}]
    every = (torch.cat([points, *held_out]) @ vectors.T).numpy()
    sides = np.split(every, np.cumsum([len(points), len(validation)]))
    for count in sorted({min(k, len(vectors)) for k in s.n_components}):
        model = RidgeRegression().fit(sides[0][:, :count], task.targets[split.train])
        scores = [
            task.score(model.predict(sides[1][:, :count], p), split.validation) for p in range(len(model.penalties))
        ]
        chosen = int(np.argmax(scores))
        rows.append(
            {
                "probe": "rfm_projections", "n_components": count, "validation": scores[chosen],
                "predicted": model.predict(sides[2][:, :count], chosen),
            }
        )  # fmt: skip
    return rows
