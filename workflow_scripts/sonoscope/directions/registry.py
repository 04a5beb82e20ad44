"""Estimators by name, fitted to all layers of a model."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from sonoscope.directions.baselines import LDA, PCA, DifferenceInMeans, Logistic, Ridge
from sonoscope.directions.dictionary import SAEFeature
from sonoscope.directions.errors import DirectionError
from sonoscope.directions.estimator import Estimator
from sonoscope.directions.nulls import RandomDirection, ShuffledRFM
from sonoscope.directions.rfm import RFM, share_choices

log = logging.getLogger(__name__)

ESTIMATORS: Mapping[str, type[Estimator]] = {
    "rfm": RFM,
    "difference_in_means": DifferenceInMeans,
    "ridge": Ridge,
    "logistic": Logistic,
    "lda": LDA,
    "pca": PCA,
    "sae": SAEFeature,
    "random": RandomDirection,
    "shuffled_rfm": ShuffledRFM,
}


NEED_CLASSES: frozenset[str] = frozenset({"logistic", "lda"})
"""Estimators that cannot be fitted to a number, such as a tempo."""


def new_estimator(name: str, **hyperparameters: Any) -> Estimator:
    """Unfitted estimator by name.

    Raises
    ------
    DirectionError
        No such estimator, or it has no such hyperparameter.
    """
    if name not in ESTIMATORS:
        raise DirectionError(f"estimator: expected one of {', '.join(ESTIMATORS)}, found {name!r}")
    try:
        return ESTIMATORS[name](**hyperparameters)
    except TypeError as error:
        raise DirectionError(f"estimator {name}: {error}") from None


def fit_layers(
    hidden_states: Tensor,
    labels: Tensor,
    groups: Tensor | None = None,
    *,
    estimator: str = "rfm",
    layers: Sequence[int] | None = None,
    stacked: bool | None = None,
    **hyperparameters: Any,
) -> list[Estimator]:
    """One fitted estimator per layer; all layers share folds and the points of a search, so that their scores compare.

    Parameters
    ----------
    hidden_states
        Shape (n, layers, dim).
    labels, groups
        Shape (n,).
    estimator
        Name in `ESTIMATORS`.
    layers
        Numbers of the layers along the second axis, for log lines only; 0, 1, … without it.
    stacked
        Whether RFMs choose their settings for all layers at once, which finds the same; by default on a graphics card.
    hyperparameters
        Of the estimator. A ``random`` direction is another draw in each layer.
    """
    if hidden_states.ndim != 3:
        raise DirectionError(f"hidden states: expected shape (n, layers, dim), found {tuple(hidden_states.shape)}")
    names = range(hidden_states.shape[1]) if layers is None else layers
    unfitted = []
    for position in range(len(names)):
        chosen = dict(hyperparameters)
        if estimator == "random":
            chosen["draw"] = chosen.get("draw", 0) + position
        unfitted.append(new_estimator(estimator, **chosen))
    machines = [one for one in unfitted if type(one) is RFM and one.can_share()]
    if machines and (hidden_states.is_cuda if stacked is None else stacked):
        share_choices(machines, hidden_states, labels, groups)
    fitted = []
    for position, layer in enumerate(names):
        fitted.append(unfitted[position].fit(hidden_states[:, position], labels, groups))
        found = fitted[-1].score_
        if found is not None:
            told = f"{fitted[-1].score_name_} {found.estimate:.3f} [{found.low:.3f}, {found.high:.3f}]"
            log.info("%s, layer %d: %s, sign %d", estimator, layer, told, fitted[-1].sign_)
    return fitted
