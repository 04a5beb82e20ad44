"""Experiment 6: a score over the noise that rollouts show, a sweep of corrections, and what is known of both."""

from pathlib import Path
from typing import Any

from sonoscope import scorecard
from sonoscope.contracts import write_json
from sonoscope.contracts.csv import write_csv
from sonoscope.dynamics import experiment6
from sonoscope.dynamics.checkpoints import load_rolled
from sonoscope.dynamics.known_scores import judge_known
from sonoscope.dynamics.score_model import denoising_r2
from sonoscope.dynamics.store import open_parts
from sonoscope.job import run
from sonoscope.settings.dynamics import Dynamics


def main(
    latents: list[Path], frames: Path, statistics: Path, checkpoints: Path, score: Path, swept: Path, summary: Path,
    best: Path, known: Path, rows: Path, settings: Dynamics, seed: int, score_max_steps: int | None = None,
    k: int | None = None, run_id: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Write the ``score``, the ``swept`` settings with ``summary``, the ``best`` on test speakers, and ``rows``."""
    settings = settings.with_options(k=k, run_id=run_id)
    part = open_parts(latents, frames, statistics, settings.slice)[0]
    model = load_rolled(checkpoints, part.name, False, settings)
    error = experiment6.rollout_error(model, part, settings, seed)
    found = experiment6.fit_score(part, settings, error, seed, score_max_steps)
    found.save(score, part=part.name, rollout_error=f"{error:.4f}")
    validation, test = (experiment6.bench(model, part, s, settings, seed) for s in ("validation", "test"))
    records = experiment6.sweep(validation, found)
    write_json(swept, records)
    write_csv(summary, experiment6.summary(records))
    chosen = experiment6.best_of(records, "energy_score")
    tracked = experiment6.best_of(records, "state_err_normalised")
    moved = chosen["modes"]["D_corrected"]["displacement"]
    settings_of = {
        "best": experiment6.setting_of(chosen),
        "best_by_state_err": experiment6.setting_of(tracked),
        "control": experiment6.matched_shrink(validation, found, moved),
    }
    judged = experiment6.judge_best(test, found, settings_of, settings.resamples)
    denoised = denoising_r2(found, part.store.take(part.rows("test")), settings.correction.known_sigmas, seed)
    write_json(
        best, {"tier": part.tier, "part": part.name, "rollout_error": error, "judged": judged, "denoising": denoised}
    )
    answers = judge_known(settings.correction, seed)
    write_csv(known, answers)
    scorecard.write(rows, experiment6.scorecard_rows(answers, judged))
    return {"part": part.name, "tier": part.tier, "sigma_max": found.shape.sigma_max, "run_id": settings.run_id}


if __name__ == "__main__":
    run(main)
