"""Rollouts in codes of directions and by the mdn, decoded (experiments 10 and 11)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sonoscope.codecs.interface import ContinuousCodec
from sonoscope.dynamics.direction_codes import DirectionAutoregression
from sonoscope.dynamics.rollout import Plan
from sonoscope.dynamics.rollout_audio import Rollout, places, render
from sonoscope.dynamics.store import Part
from sonoscope.settings.bottlenecks import DirectionAr

_MARGIN = 4


def render_codes(
    codec: ContinuousCodec, latents: Sequence[Path], index: Sequence[Path], model: DirectionAutoregression, part: Part,
    horizon: int, settings: DirectionAr, audio: Path, seed: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """``audio_eval_results.json`` of experiment 10: argmax and drawn codes between true frames of whole utterances."""
    count = len(model.members)
    rollouts = [Rollout("argmax", model, count, lambda: Plan(advance="median"))]
    if "categorical" in settings.strategies:
        rollouts.append(Rollout("categorical", model, count, lambda: Plan(advance="sample")))
    return render_rollouts(codec, latents, index, rollouts, part, horizon, settings, audio, seed)


def render_rollouts(
    codec: ContinuousCodec, latents: Sequence[Path], index: Sequence[Path], rollouts: Sequence[Rollout], part: Part,
    horizon: int, settings: DirectionAr, audio: Path, seed: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """Decode some rollouts of test utterances; one record per clip, none where audio is left out."""
    audio.mkdir(parents=True, exist_ok=True)
    if settings.skip_audio:
        return []
    longest = max(settings.audio_k_values)
    found = places(latents, index, settings.n_utterances, 1, 200, part.window, horizon, longest)
    frame, _ = render(
        codec, found, rollouts, settings.audio_k_values, part.mean, part.window, horizon, _MARGIN, audio,
        settings.sample_rate, seed, with_controls=False,
    )  # fmt: skip
    return frame.astype(object).where(frame.notna(), None).to_dict("records")  # type: ignore[return-value]
