"""Experiment 1B: training on self-generated context, with its controls."""

from pathlib import Path
from typing import get_args

from sonoscope.contracts import write_json
from sonoscope.dynamics.checkpoints import load_rolled
from sonoscope.dynamics.experiment2 import diagnose
from sonoscope.dynamics.finetune import Arm, fine_tune, summary
from sonoscope.dynamics.store import open_parts
from sonoscope.job import run
from sonoscope.settings.dynamics import Dynamics

AS_PUBLISHED = "vmf_rollout"


def main(
    latents: list[Path], frames: Path, statistics: Path, checkpoints: Path, final: Path, diagnostic: Path,
    summary_file: Path, settings: Dynamics, seed: int, k: int | None = None, max_steps: int | None = None,
    lr: float | None = None, force: bool | None = None, resume: bool | None = None, run_id: str | None = None,
) -> None:  # fmt: skip
    """Fine-tune in every arm; write the ``final`` model of the rollout arm, and modes A and D of all."""
    settings = settings.with_options(k=k, force=force, resume=resume, run_id=run_id).with_finetuning(max_steps, lr)
    part = open_parts(latents, frames, statistics, settings.slice)[0]
    start = load_rolled(checkpoints, part.name, False, settings)
    horizon = start.members[0][1]
    arms = [arm for arm in get_args(Arm) if settings.legacy or arm != "shifted"]
    kept = {arm: final.with_name(f"unfinished-{arm}.pt") for arm in arms}
    if settings.force or not settings.resume:
        for path in kept.values():
            path.unlink(missing_ok=True)
    tuned = {arm: fine_tune(start, part, horizon, settings.finetune, arm, seed, kept[arm]) for arm in arms}
    tuned["rollout"][0].save(final, horizon, settings.finetune.max_steps, part=part.name, arm=AS_PUBLISHED)
    models = {"exp1": start, **{arm: model for arm, (model, _) in tuned.items()}}
    sized = {name: (model, len(model.members)) for name, model in models.items()}
    found, _ = diagnose(part, sized, settings, seed, ("A_teacher", "D_rollout"), ())
    found |= {"predictor": "rollout", "modes": found["predictors"]["rollout"]}
    write_json(diagnostic, found)
    write_json(summary_file, summary(found, {arm: losses for arm, (_, losses) in tuned.items()}))


if __name__ == "__main__":
    run(main)
