"""Where models begin: at closed forms that were fitted on all training rows, so that training need only add to them."""

from collections.abc import Mapping
from typing import cast

import torch
from torch import Tensor

from sonoscope.dynamics.baselines import training_rows, validation_rows, whitening
from sonoscope.dynamics.ensembles import Ensemble
from sonoscope.dynamics.lengths import fit_lengths
from sonoscope.dynamics.likelihoods import Predictor, RidgeAutoregression
from sonoscope.dynamics.store import Part

_SHARES = (0.0, 0.5, 1.0)
"""Shares of the way to whitened coordinates of which the best on validation speakers is where training begins."""
_ROWS = 4096


def begin(ensemble: Ensemble, part: Part, closed: Mapping[int, Mapping[str, Predictor]], coordinates: str) -> None:
    """Set statistics, coordinates, and the linear predictions of steps and of their log-lengths, of all members.

    Parameters
    ----------
    ensemble : Ensemble
        Not trained yet; changed in place.
    part : Part
    closed : mapping
        Fitted closed forms, by horizon and name.
    coordinates : {"fitted", "whitened", "standardised", "raw"}
        See `settings.dynamics.Fit`.
    """
    horizons = sorted({k for _, k in ensemble.members})
    linear = {k: cast(RidgeAutoregression, closed[k]["ridge_var"]) for k in horizons}
    rows, held_out = training_rows(part), validation_rows(part)
    maps = {k: _coordinates(ensemble, part, k, closed[k], linear, coordinates) for k in horizons}
    ensemble.calibrate(
        part.mean, part.deviation, torch.stack([maps[k] for _, k in ensemble.members]), part.deltas(rows)
    )
    ensemble.start_from(linear)
    if ensemble.shape.family == "mdn":
        return
    for i, (_, k) in enumerate(ensemble.members):
        if k in horizons:
            one = ensemble.pick([i])
            seen, others = (
                (*one.log_lengths(part.contexts(r, k), part.deltas(r)), speakers_of(part, r)) for r in (rows, held_out)
            )
            ensemble.start_lengths(k, fit_lengths(seen, others, ensemble.shape.lengths))
            horizons.remove(k)


def speakers_of(part: Part, rows: Tensor) -> Tensor:
    """Numbers of the speakers of some store rows, [n]."""
    numbers = torch.from_numpy(part.frames.speaker_id.astype("category").cat.codes.to_numpy(dtype="int64", copy=True))
    known = torch.tensor(part.frames.row.to_numpy())
    order = known.argsort()
    return numbers[order[torch.searchsorted(known[order], rows)]]


def _coordinates(
    ensemble: Ensemble,
    part: Part,
    horizon: int,
    closed: Mapping[str, Predictor],
    linear: Mapping[int, RidgeAutoregression],
    kind: str,
) -> Tensor:
    """The map [D, D] in which the model that is begun with predicts validation speakers best."""
    if kind != "fitted":
        return whitening(closed, part, kind)
    rows, held_out = training_rows(part), validation_rows(part)
    some = part.deltas(rows[torch.linspace(0, len(rows) - 1, min(len(rows), _ROWS)).long()])
    contexts, deltas = part.contexts(held_out, horizon)[None], part.deltas(held_out)[None]
    maps = [whitening(closed, part, kind, share) for share in _SHARES]
    reached = []
    for own in maps:
        trial = Ensemble(ensemble.shape, [(0, horizon)], torch.Generator().manual_seed(0))
        trial.calibrate(part.mean, part.deviation, own[None], some)
        trial.start_from(linear)
        reached.append(float(trial.step(contexts).log_prob(deltas).mean()))
    return maps[reached.index(max(reached))]
