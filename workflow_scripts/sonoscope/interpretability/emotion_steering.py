"""Emotion steering: directions from rendered music, the arms that push along them and along controls, and their clips.

Directions come from hidden states of rendered pieces under null text, by the estimators of the steering study; the word
of an emotion takes no part in them. What is generated is scored elsewhere, by a listener that never sees a state.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from sonoscope.audio.files import to_flac
from sonoscope.contracts.emotion_steering import STEERED
from sonoscope.directions.estimator import Estimator
from sonoscope.directions.layers import layer_weights
from sonoscope.directions.registry import fit_layers
from sonoscope.interpretability.features import emotions_of
from sonoscope.interpretability.sae_files import Decoder
from sonoscope.logs import Progress
from sonoscope.musicgen.interface import Injection, MusicGen, Sampling
from sonoscope.settings.interpretability import EmotionSteering
from sonoscope.sharing import rows_of
from sonoscope.symbolic.emotions import BY_WORD
from sonoscope.symbolic.instruments import INSTRUMENTS

WORDS: tuple[str, ...] = ("happy", "sad", "calm", "energetic")
"""Emotions that are asked for; valence and arousal are the axes between them."""
UNSTEERED = "unsteered"


@dataclass(frozen=True)
class Push:
    """Unit directions and their doses at every layer."""

    directions: Tensor
    """``[L, D]``."""
    doses: Tensor
    """What a coefficient of 1 adds at each layer: weight times mean norm of the states, ``[L]``."""

    def delta(self, coefficient: float) -> Tensor:
        """What is added at each layer, ``[L, D]``."""
        return coefficient * self.doses[:, None] * self.directions


@dataclass(frozen=True)
class Arm:
    """One way of asking for an emotion."""

    arm: str
    """unsteered, steered, random, top_pc, prompt or feature."""
    target: str
    """What is pushed towards."""
    coefficient: float
    push: Push | None
    """None where nothing is added."""


def labels_of(pieces: pd.DataFrame, target: str) -> NDArray[np.float64]:
    """Valence or arousal of each piece, or 1 where the emotion is the nearest of the four to it."""
    if target in ("valence", "arousal"):
        return pieces[target].to_numpy(np.float64)
    nearest = emotions_of(pieces["valence"].to_numpy(), pieces["arousal"].to_numpy(), list(WORDS))
    return np.array([word == target for word in nearest], dtype=np.float64)


def fit_targets(
    states: NDArray[np.float32], pieces: pd.DataFrame, settings: EmotionSteering
) -> dict[str, list[Estimator]]:
    """Estimators of every target, one per layer, from states ``(n, L, D)``."""
    held = torch.from_numpy(states)
    return {
        target: fit_layers(held, torch.tensor(labels_of(pieces, target)).float(), estimator=settings.estimator)
        for target in settings.targets
    }


def push_of(fitted: Sequence[Estimator]) -> Push:
    """Directions of a target, weighed by their held-out scores as the steering study does."""
    scores = [0.0 if f.score_ is None else f.score_.estimate for f in fitted]
    weights = torch.from_numpy(layer_weights(scores, "power")).float()
    norms = torch.tensor([f.mean_norm_ for f in fitted])
    return Push(torch.stack([f.direction_ for f in fitted]), weights * norms)


def control_pushes(states: NDArray[np.float32], like: Sequence[Push], count: int, seed: int) -> dict[str, list[Push]]:
    """Random directions, and the first principal component, with the mean dose of the targets at each layer."""
    doses = torch.stack([push.doses for push in like]).mean(0)
    held = torch.from_numpy(states)
    layers, dim = states.shape[1:]
    generator = torch.Generator().manual_seed(seed)
    drawn = torch.nn.functional.normalize(torch.randn(count, layers, dim, generator=generator), dim=-1)
    top = torch.stack(
        [torch.linalg.svd(held[:, k] - held[:, k].mean(0), full_matrices=False)[2][0] for k in range(layers)]
    )
    return {"random": [Push(each, doses) for each in drawn], "top_pc": [Push(top, doses)]}


def feature_push(row: Tensor, layer: int, like: Push) -> Push:
    """A feature's decoder row at its own layer, with the whole dose that others spread over the layers."""
    directions = torch.zeros_like(like.directions)
    directions[layer] = row / row.norm()
    doses = torch.zeros_like(like.doses)
    doses[layer] = like.doses.sum()
    return Push(directions, doses)


def both_ways(arm: str, target: str, push: Push, coefficients: Sequence[float]) -> list[Arm]:
    """A push and its opposite, at every size."""
    signed = sorted({sign * c for c in coefficients for sign in (-1, 1)})
    return [Arm(arm, target, coefficient, push) for coefficient in signed]


def neutral_prompts(count: int) -> list[str]:
    """Sentences that name no emotion, as the templates form them."""
    plain = ["a piece", "a tune", "music"]
    named = [f"{word} on {i.name}" for i in INSTRUMENTS for word in plain]
    spread = [named[(7 * k) % len(named)] for k in range(len(named))]  # 7 and 36 share no factor: each stands once
    return (plain + spread)[:count]


def with_emotion(prompt: str, emotion: str) -> str:
    """The same sentence with an emotion: a piece on flute, a sad piece on flute."""
    if not prompt.startswith("a "):
        return f"{emotion} {prompt}"
    article = "an" if emotion[0] in "aeiou" else "a"
    return f"{article} {emotion} {prompt.removeprefix('a ')}"


def plan_clips(arms: Sequence[Arm], settings: EmotionSteering, seed: int) -> pd.DataFrame:
    """One row per clip; all arms share the seeds of sampling of a prompt, so that they are paired."""
    rows: list[dict[str, Any]] = []
    for number, arm in enumerate(arms):
        for p, neutral in enumerate(neutral_prompts(settings.prompts)):
            rows += [
                {
                    "clip_id": f"{arm.arm}-{arm.target}-{arm.coefficient:+g}-{p:02d}-{own}", "arm": arm.arm,
                    "target": arm.target, "coefficient": arm.coefficient, "prompt_id": f"{p:02d}",
                    "prompt": with_emotion(neutral, arm.target) if arm.arm == "prompt" else neutral,
                    "neutral": neutral, "seed": own, "number": number,
                    "sampling_seed": (seed + 7919 * p + own) % 2**31,
                }
                for own in settings.seeds
            ]  # fmt: skip
    return pd.DataFrame(rows)


def generate_arms(
    model: MusicGen, arms: Sequence[Arm], settings: EmotionSteering, seconds: float, sampling: Sampling, batch: int,
    seed: int, share: int = 0, shares: int = 1, kept: Path | None = None,
) -> pd.DataFrame:  # fmt: skip
    """Generate all clips, or those of one share; fits `sonoscope.contracts.emotion_steering.STEERED`.

    Parameters
    ----------
    kept
        Folder in which finished batches are kept, named by what they are made of; a killed job that runs again does
        not generate them anew.
    """
    plan = plan_clips(arms, settings, seed)
    plan = plan.iloc[np.argsort([len(text.split()) for text in plan["prompt"]], kind="stable")]
    plan = plan.iloc[rows_of(len(plan), batch, share, shares)]
    nothing = torch.zeros(model.num_layers, model.dim)
    parts = [plan[:0].assign(nll=0.0, audio=None)]
    with Progress(len(plan), "clips") as progress:
        for first in range(0, len(plan), batch):
            rows = plan.iloc[first : first + batch]
            own = [arms[k] for k in rows["number"]]
            delta = torch.stack([nothing if a.push is None else a.push.delta(a.coefficient) for a in own])
            about = f"{model.name} {model.revision} {seconds} {sampling} {rows.to_json()}".encode()
            name = hashlib.sha256(about + delta.contiguous().numpy().tobytes()).hexdigest()[:16]
            file = None if kept is None else kept / f"{name}.parquet"
            if file is None or not file.exists():
                parts.append(_generate(model, rows, delta, seconds, sampling))
                if file is not None:
                    STEERED.write(file, parts[-1])
            else:
                parts.append(STEERED.read(file))
            progress.advance(len(rows))
    return pd.concat(parts[1:] or parts, ignore_index=True)[list(STEERED.columns)]


def _generate(model: MusicGen, rows: pd.DataFrame, delta: Tensor, seconds: float, sampling: Sampling) -> pd.DataFrame:
    """One batch, with what is added at each layer ``[B, L, D]``."""
    injection = Injection(tuple(range(model.num_layers)), delta)
    tokens = model.generate(rows["prompt"].tolist(), rows["sampling_seed"].tolist(), seconds, sampling, injection)
    sound = model.decode(tokens)[:, 0].float().cpu().numpy()
    audio = [
        {"bytes": to_flac(clip, model.sample_rate), "path": f"{name}.flac"}
        for name, clip in zip(rows["clip_id"], sound, strict=True)
    ]
    nll = model.nll(tokens, rows["neutral"].tolist()).tolist()
    return rows.assign(nll=nll, audio=pd.Series(audio, index=rows.index))[list(STEERED.columns)]


def feature_arms(
    found: pd.DataFrame, decoder: Decoder, fitted: Sequence[Estimator], settings: EmotionSteering
) -> list[Arm]:
    """Both ways along the first features that have dashboards, at the largest coefficient."""
    like, largest = push_of(fitted), [max(settings.coefficients)]
    chosen = found[found["shown"] >= 0].sort_values("shown")["feature"].head(settings.features)
    return [
        arm
        for feature in chosen
        for arm in both_ways("feature", str(feature), feature_push(decoder.rows[feature], decoder.layer, like), largest)
    ]


def emotion_arms(
    fitted: dict[str, list[Estimator]], states: NDArray[np.float32], settings: EmotionSteering, seed: int
) -> list[Arm]:
    """The unsteered arm, both ways along every target, and the controls: prompts, random, first component."""
    pushes = {target: push_of(each) for target, each in fitted.items()}
    controls = control_pushes(states, list(pushes.values()), settings.random, seed)
    largest = [max(settings.coefficients)]
    arms = [Arm(UNSTEERED, UNSTEERED, 0.0, None)]
    for target, push in pushes.items():
        arms += both_ways("steered", target, push, settings.coefficients)
    arms += [Arm("prompt", word, 0.0, None) for word in WORDS]
    for name, several in controls.items():
        arms += [arm for k, push in enumerate(several) for arm in both_ways(name, str(k), push, largest)]
    return arms


def axis_of(target: str) -> NDArray[np.float64]:
    """Unit vector of the plane of valence and arousal along which a target lies."""
    if target in ("valence", "arousal"):
        return np.array([float(target == "valence"), float(target == "arousal")])
    place = np.array(BY_WORD[target][1:3], dtype=np.float64)
    unit: NDArray[np.float64] = place / np.linalg.norm(place)
    return unit


def decoded_pieces(model: MusicGen, tokens: NDArray[np.int16], pieces: pd.DataFrame, batch: int) -> pd.DataFrame:
    """Pieces as the codec returns them; a table that fits `sonoscope.contracts.emotion_steering.HEARD_AGAIN`."""
    audio: list[dict[str, Any]] = []
    for first in range(0, len(tokens), batch):
        sound = model.decode(torch.from_numpy(tokens[first : first + batch].astype(np.int64)))[:, 0]
        names = pieces["clip_id"].iloc[first : first + batch]
        audio += [
            {"bytes": to_flac(clip, model.sample_rate), "path": f"{name}.flac"}
            for name, clip in zip(names, sound.float().cpu().numpy(), strict=True)
        ]
    return pieces[["clip_id", "valence", "arousal"]].assign(audio=pd.Series(audio, index=pieces.index))
