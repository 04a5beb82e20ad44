"""Which clips to generate: prompts, seeds and injections, one row per clip."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from sonoscope.directions.files import Directions
from sonoscope.directions.layers import layer_weights
from sonoscope.directions.schedules import schedule
from sonoscope.musicgen.interface import Injection
from sonoscope.settings.steering import Steering
from sonoscope.symbolic.describe import open_prompts

UNSTEERED = "none"
"""Name of the estimator of clips that nothing was added to."""


def clip_plan(concept: str, target: str, s: Steering, seed: int) -> pd.DataFrame:
    """Clips to generate: each prompt and seed unsteered, and with each estimator at each coefficient but 0.

    The seed of sampling is the same for all clips of one prompt and one seed of the settings, so that they are paired.
    """
    prompts = open_prompts(concept, s.prompts)
    settings = [(UNSTEERED, 0.0)] + [(e, c) for e in s.steer_with for c in s.coefficients if c != 0.0]
    rows = [
        {
            "clip_id": f"{estimator}-{coefficient:g}-{number:02d}-{own_seed}",
            "concept": concept,
            "target": target,
            "estimator": estimator,
            "coefficient": coefficient,
            "prompt_id": f"{number:02d}",
            "prompt": prompt,
            "seed": own_seed,
            "sampling_seed": (seed + 7919 * number + own_seed) % 2**31,
        }
        for number, prompt in enumerate(prompts)
        for own_seed in s.seeds
        for estimator, coefficient in settings
    ]
    return pd.DataFrame(rows)


def doses(directions: Mapping[str, Directions], s: Steering) -> dict[str, torch.Tensor]:
    """What a coefficient of 1 adds at each layer, per estimator: ``(layers, dim)``, in the unit of the hidden states.

    Controls take the layer weights of the first estimator that is no control, so that they get the same dose.
    """
    judged = [name for name in s.steer_with if name not in ("random", "shuffled_rfm")] or list(s.steer_with)
    out: dict[str, torch.Tensor] = {}
    for name in s.steer_with:
        own = directions[name]
        scores = directions[name if name in judged else judged[0]].scores()
        weights = layer_weights(
            scores, s.layers.rule, top_k=s.layers.top_k, kappa=s.layers.kappa, temperature=s.layers.temperature,
            floor=s.layers.floor,
        )  # fmt: skip
        scale = own.scale(s.coefficient_unit) * torch.from_numpy(weights).float()
        out[name] = scale[:, None] * own.vectors
    return out


def injection_for(
    rows: pd.DataFrame, dose: Mapping[str, torch.Tensor], layers: Sequence[int], s: Steering, steps: int
) -> Injection:
    """The injection of a batch of planned clips over ``steps`` decode steps; unsteered rows get zeros."""
    shape = next(iter(dose.values())).shape
    delta = torch.stack(
        [
            dose[estimator] * coefficient if estimator != UNSTEERED else torch.zeros(shape)
            for estimator, coefficient in zip(rows["estimator"], rows["coefficient"], strict=True)
        ]
    )
    phi = schedule(s.schedule.name, **s.schedule.parameters)
    gate = None
    if s.gate < 1:
        drawn = [np.random.default_rng([seed, 13]).random(steps) < s.gate for seed in rows["sampling_seed"]]
        gate = torch.from_numpy(np.stack(drawn))
    return Injection(tuple(layers), delta, torch.tensor([phi(t) for t in range(steps)]), gate, s.branch)
