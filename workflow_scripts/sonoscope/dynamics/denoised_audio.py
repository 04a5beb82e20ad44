"""The conditions of experiment 11, decoded between true frames."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sonoscope.codecs.interface import ContinuousCodec
from sonoscope.dynamics.correction import Setting, corrector
from sonoscope.dynamics.direction_audio import render_rollouts
from sonoscope.dynamics.experiment11 import Condition, Swept, corrected_name
from sonoscope.dynamics.rollout import Plan
from sonoscope.dynamics.rollout_audio import Rollout
from sonoscope.dynamics.score_model import Denoiser
from sonoscope.dynamics.store import Part
from sonoscope.settings.bottlenecks import DirectionAr


def render_conditions(
    codec: ContinuousCodec, latents: Sequence[Path], index: Sequence[Path], conditions: Sequence[Condition],
    score: Denoiser, swept: Swept, part: Part, horizon: int, settings: DirectionAr, audio: Path, seed: int,
) -> list[dict[str, Any]]:  # fmt: skip
    """``audio_eval_results.json``: every condition as it is, and denoised at its chosen level."""
    rollouts = []
    for condition in conditions:
        rollouts.append(_rollout(condition, condition.name, score, None, seed))
        name = corrected_name(condition.name)
        if name in swept.best:
            setting = Setting("tweedie", swept.best[name]["best_sigma"])
            rollouts.append(_rollout(condition, name, score, setting, seed))
    return render_rollouts(codec, latents, index, rollouts, part, horizon, settings, audio, seed)


def _rollout(condition: Condition, name: str, score: Denoiser, setting: Setting | None, seed: int) -> Rollout:
    def plan() -> Plan:
        fix = None if setting is None else corrector(score, setting, seed)
        return Plan(advance=condition.advance, correct=fix)

    return Rollout(name, condition.model, condition.count, plan)
