"""Experiment 11: a one-step denoiser on the latents of a bottleneck, in rollouts of codes and of the mdn."""

from pathlib import Path
from typing import Any

from sonoscope import scorecard
from sonoscope.codecs.bottleneck import BottleneckVae
from sonoscope.contracts import write_json
from sonoscope.contracts.csv import write_csv
from sonoscope.dynamics import experiment11
from sonoscope.dynamics.denoised_audio import render_conditions
from sonoscope.dynamics.direction_codes import DirectionAutoregression
from sonoscope.dynamics.ensembles import Ensemble
from sonoscope.dynamics.score_model import denoising_r2
from sonoscope.dynamics.store import open_parts
from sonoscope.job import run
from sonoscope.settings.bottlenecks import DirectionAr, Tweedie


def main(
    checkpoint: Path, codec_file: list[Path], latents: Path, index: Path, frames: Path, statistics: Path,
    phase1: Path, direction_ar: Path, score: Path, rolled: Path, swept: Path, best: Path, paired: Path, summary: Path,
    audio_results: Path, audio: Path, rows: Path, settings: Tweedie, rollout: DirectionAr, horizon: int,
    resamples: int, seed: int, score_checkpoint: Path | None = None, score_max_steps: int | None = None,
    skip_audio: bool | None = None, skip_mdn: bool | None = None, sigma: float | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Sweep the noise level on validation speakers, judge on test speakers; published names and options."""
    given: dict[str, Any] = {"score_max_steps": score_max_steps, "sigma": sigma}
    given |= {"skip_audio": skip_audio, "skip_mdn": skip_mdn}
    given["score_checkpoint"] = score_checkpoint and str(score_checkpoint)
    s = settings.model_copy(update={n: v for n, v in given.items() if v is not None})
    (part,) = open_parts([latents], frames, statistics)
    model = experiment11.score_of(part, s, seed)
    model.save(score, part=part.name)
    codes = DirectionAutoregression.load(direction_ar)
    mdn = None if s.skip_mdn else Ensemble.load(phase1.parent / "checkpoints" / f"mdn_k{horizon}_final.safetensors")
    chosen = experiment11.conditions(codes, mdn)
    size = (rollout.n_eval_utterances, rollout.segments_per_utt, max(rollout.k_values), seed)
    validation, test = (experiment11.Bench.of(part, split, horizon, *size) for split in ("validation", "test"))
    found = experiment11.sweep(validation, chosen, model, s, resamples)
    outcome = experiment11.judge(test, chosen, model, found, rollout.k_values, s.select_at, resamples)
    write_json(rolled, outcome.entries)
    write_json(swept, found.entries)
    write_json(best, found.best)
    denoised = denoising_r2(model, part.store.take(part.rows("test")), s.sigmas, seed)
    write_json(paired, {"tier": part.tier, "conditions": outcome.paired, "denoising": denoised})
    write_csv(summary, experiment11.summary(outcome))
    vae = BottleneckVae.load(checkpoint, codec_file[0] if codec_file else None)
    heard = rollout.model_copy(update={"skip_audio": s.skip_audio})
    clips = render_conditions(vae, [latents], [index], chosen, model, found, part, horizon, heard, audio, seed)
    write_json(audio_results, clips)
    scorecard.write(rows, experiment11.scorecard_rows(outcome))
    return {"part": part.name, "tier": part.tier}


if __name__ == "__main__":
    run(main)
