"""Which clips to generate: prompts, seeds and injections, one row per clip."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from sonoscope.directions.files import Directions
from sonoscope.directions.layers import layer_weights
from sonoscope.directions.schedules import clip_long, schedule
from sonoscope.directions.subspace import gram_schmidt
from sonoscope.musicgen.interface import Injection
from sonoscope.settings.injection import CONTROLS, Experiment, Handling, LayerSelection, Push
from sonoscope.symbolic.describe import open_prompts, target_prompts

UNSTEERED = "none"
"""Name of the estimator, and of the variant, of clips that nothing was added to."""

Key = tuple[str, str, str]
"""Concept, target and pooling: what directions were fitted to."""
Found = Mapping[Key, Mapping[str, Directions]]
"""Directions by what they were fitted to and by estimator."""


def key_of(push: Push) -> Key:
    """What the direction of a push was fitted to."""
    return push.concept, push.target, push.pooling


def keys_of(experiment: Experiment) -> list[Key]:
    """What the directions of an experiment were fitted to, each once."""
    return list(dict.fromkeys(key_of(push) for push in experiment.pushes))


def clip_plan(name: str, experiment: Experiment, seed: int) -> pd.DataFrame:
    """Clips to generate: each prompt and seed unsteered, and with each variant, estimator and coefficient.

    The seed of sampling is the same for all clips of one prompt and one seed of the settings, so that they are paired.
    """
    first = experiment.pushes[0]
    count = experiment.count or 1
    prompts = (
        open_prompts(first.concept, count)
        if experiment.prompts == "open"
        else target_prompts(first.concept, first.target, count)
    )
    arms = [(UNSTEERED, UNSTEERED, 0.0)] + [
        (variant, estimator, coefficient)
        for variant in experiment.variants
        for estimator in experiment.estimators or ()
        for coefficient in experiment.coefficients or ()
    ]
    rows = [
        {
            "clip_id": "-".join(part for part in (variant, estimator, f"{coefficient:g}", f"{number:02d}", str(own))),
            "experiment": name,
            "variant": variant,
            "estimator": estimator,
            "coefficient": coefficient,
            "prompt_id": f"{number:02d}",
            "prompt": prompt,
            "seed": own,
            "sampling_seed": (seed + 7919 * number + own) % 2**31,
        }
        for number, prompt in enumerate(prompts)
        for own in experiment.seeds or ()
        for variant, estimator, coefficient in arms
    ]
    return pd.DataFrame(rows)


def batches(plan: pd.DataFrame, experiment: Experiment, size: int) -> list[pd.DataFrame]:
    """The plan in batches of clips that are written to in the same way, prompts of one length together."""
    kinds = {v: _kind(experiment.handling(v)) for v in experiment.variants}
    unsteered = next(iter(kinds.values()))
    order = plan.assign(
        kind=[kinds.get(v, unsteered) for v in plan["variant"]], words=[len(text.split()) for text in plan["prompt"]]
    ).sort_values(["kind", "words"], kind="stable")
    return [
        part.iloc[first : first + size].drop(columns=["kind", "words"])
        for _, part in order.groupby("kind", sort=False)
        for first in range(0, len(part), size)
    ]


def _kind(h: Handling) -> str:
    return f"{h.branch} {h.mode} {h.keep_norm}"


@dataclass(frozen=True)
class Planner:
    """Turns planned clips into injections.

    Attributes
    ----------
    found
        The directions, all of one model.
    frames, steps
        Frames of a clip, and decode steps of its generation.
    """

    found: Found
    experiment: Experiment
    frames: int
    steps: int

    @property
    def layers(self) -> tuple[int, ...]:
        """Layers that directions were fitted to."""
        return next(iter(next(iter(self.found.values())).values())).origin.layers

    def injections(self, rows: pd.DataFrame) -> list[Injection]:
        """One injection per push for a batch of planned clips; rows that lack a push get zeros."""
        steered = [v for v in dict.fromkeys(rows["variant"]) if v != UNSTEERED]
        if not steered:
            return []
        handling = self.experiment.handling(steered[0])  # a batch holds one kind
        return [self._injection(number, rows, handling) for number in range(len(self.experiment.pushes))]

    def _injection(self, number: int, rows: pd.DataFrame, handling: Handling) -> Injection:
        push = self.experiment.pushes[number]
        arms = list(zip(rows["variant"], rows["estimator"], rows["coefficient"], strict=True))
        doses = {arm: self._dose(number, *arm) for arm in set(arms)}
        strengths = {arm[0]: self._strength(push, arm[0]) for arm in arms}
        delta = torch.stack([doses[arm] for arm in arms])
        of_push = self.found[key_of(push)]
        read, mean = None, None
        if handling.mode != "add":
            mean = next(iter(of_push.values())).means
            read = torch.stack([self._read(of_push, push.estimator or arm[1], handling) for arm in arms])
        schedule_of_rows = torch.stack([strengths[arm[0]] for arm in arms])
        return Injection(
            self.layers, delta, schedule_of_rows, self._gate(number, rows), handling.branch, read, mean,
            handling.keep_norm,
        )  # fmt: skip

    def _dose(self, number: int, variant: str, estimator: str, coefficient: float) -> torch.Tensor:
        """What one arm adds at each layer, ``(layers, dim)``: zeros where the push is off."""
        push = self.experiment.pushes[number]
        of_push = self.found[key_of(push)]
        shape = next(iter(of_push.values())).vectors
        if variant == UNSTEERED or number not in self.experiment.active(variant):
            return torch.zeros_like(shape)
        h = self.experiment.handling(variant)
        own = of_push[push.estimator or estimator]
        weights = self._weights(of_push, own, push.layers or h.layers)
        if h.mode != "add":
            write = own.vectors if h.mode == "erase" else own.leace[0]
            return coefficient * push.weight * (weights > 0).float()[:, None] * write
        vectors = self._orthogonal(number, variant, estimator) if h.orthogonal else own.vectors
        return coefficient * push.weight * (own.scale(h.coefficient_unit) * weights)[:, None] * vectors

    def _read(self, of_push: Mapping[str, Directions], estimator: str, handling: Handling) -> torch.Tensor:
        own = of_push.get(estimator) or next(iter(of_push.values()))  # unsteered rows have no estimator
        return own.vectors if handling.mode == "erase" else own.leace[1]

    def _orthogonal(self, number: int, variant: str, estimator: str) -> torch.Tensor:
        """Directions of a push without what those of the active pushes before it explain, layer by layer."""
        before = [k for k in self.experiment.active(variant) if k <= number]
        vectors = [
            self.found[key_of(p)][p.estimator or estimator].vectors for p in (self.experiment.pushes[k] for k in before)
        ]
        each = [gram_schmidt(torch.stack([v[layer] for v in vectors]))[-1] for layer in range(len(vectors[0]))]
        return torch.stack(each)

    def _weights(self, of_push: Mapping[str, Directions], own: Directions, chosen: LayerSelection) -> torch.Tensor:
        """Weight of each layer. Controls take those of the first estimator that is none, so that doses are equal."""
        judged = own if own.estimator not in CONTROLS else next(
            (d for name, d in of_push.items() if name not in CONTROLS), own
        )  # fmt: skip
        inside = [k for k, layer in enumerate(self.layers) if chosen.layers is None or layer in chosen.layers]
        scores = judged.scores()
        found = layer_weights(
            [scores[k] for k in inside], chosen.rule, top_k=chosen.top_k, kappa=chosen.kappa,
            temperature=chosen.temperature, floor=chosen.floor,
        )  # fmt: skip
        weights = torch.zeros(len(self.layers))
        weights[inside] = torch.from_numpy(found).float()
        return weights

    def _strength(self, push: Push, variant: str) -> torch.Tensor:
        """Schedule of a push over the decode steps ``(steps,)``."""
        if variant == UNSTEERED:
            return torch.ones(self.steps)
        s = push.schedule or self.experiment.handling(variant).schedule
        parameters = s.parameters if s.span == "published" else clip_long(s.name, self.frames) | s.parameters
        phi = schedule(s.name, **parameters)
        return torch.tensor([phi(t) for t in range(self.steps)])

    def _gate(self, number: int, rows: pd.DataFrame) -> torch.Tensor | None:
        push = self.experiment.pushes[number]
        shares = [
            1.0 if v == UNSTEERED else push.gate or self.experiment.handling(v).gate for v in rows["variant"]
        ]  # fmt: skip
        if all(share == 1 for share in shares):
            return None
        drawn = [
            np.random.default_rng([seed, 13, number]).random(self.steps) < share
            for seed, share in zip(rows["sampling_seed"], shares, strict=True)
        ]
        return torch.from_numpy(np.stack(drawn))


def direction_cosines(found: Found, keys: Sequence[Key]) -> pd.DataFrame:
    """Cosine of each pair of directions at each layer, per estimator."""
    rows = []
    for k, one in enumerate(keys):
        for other in keys[k + 1 :]:
            for estimator in found[one]:
                if estimator not in found[other] or estimator in CONTROLS:
                    continue
                a, b = found[one][estimator], found[other][estimator]
                for layer, cosine in zip(a.origin.layers, (a.vectors * b.vectors).sum(-1).tolist(), strict=True):
                    rows.append(
                        {
                            "first": "-".join(one), "second": "-".join(other), "estimator": estimator, "layer": layer,
                            "cosine": cosine,
                        }
                    )  # fmt: skip
    return pd.DataFrame(rows, columns=["first", "second", "estimator", "layer", "cosine"])
