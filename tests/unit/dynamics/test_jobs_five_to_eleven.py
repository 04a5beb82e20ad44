"""The scripts of experiments 5 to 11, one after the other on made-up latents and sounds; no snakemake."""

import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from sonoscope import scorecard
from sonoscope.audio.files import write_audio
from sonoscope.codecs.mel import LogMel
from sonoscope.codecs.mel_pca import MelPca
from sonoscope.contracts.speech import UTTERANCES
from sonoscope.settings.bottlenecks import (
    BetaVae,
    Codebook,
    Correction,
    DirectionAr,
    Perceptual,
    Tweedie,
    VaeGan,
    Variant,
)
from sonoscope.settings.dynamics import Battery, Dynamics, Fit, KnownProcesses, Rollout

SCRIPTS = Path(__file__).resolve().parents[3] / "workflow_scripts" / "dynamics"
RATE = 16_000
FIT = Fit(models=("vmf", "mdn"), seeds=(0,), hidden=8, components=2, max_steps=4, validate_every=2, batch=32)
ROLLOUT = Rollout(k_steps=4, n_eval_utterances=3, segments_per_utt=2, draws=2, inject_after_steps_periodic=(2,))
SETTINGS = Dynamics(window=3, horizons=(1, 2), fit=FIT, rollout=ROLLOUT, resamples=100, battery=Battery())
KNOWN = KnownProcesses(dim=4, sequences=30, frames=40)
VARIANT = Variant(smooth=0.1, pred=0.1)


def job(name):
    spec = importlib.util.spec_from_file_location(f"job_{name}", SCRIPTS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.main


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """Twelve utterances of six speakers: noise with slow envelopes."""
    root = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    rows = []
    for i in range(12):
        t = np.arange(int(2.4 * RATE)) / RATE
        bands = sum(np.sin(2 * np.pi * f * t) * (1 + np.sin(3 * t + i * f)) for f in (200, 500, 1200, 3000))
        sound = 0.03 * bands + 0.01 * rng.standard_normal(len(t))
        write_audio(root / f"u{i}.flac", sound.astype(np.float32), RATE)
        split = ("train", "train", "train", "validation", "test", "test")[i % 6]
        rows.append(
            {"utterance_id": f"{i % 6}-1-{i:04d}", "file": f"u{i}.flac", "speaker_id": str(i % 6), "sex": "F",
             "chapter_id": "1", "subset": "made", "seconds": 2.4, "text": "A", "split": split}
        )  # fmt: skip
    (root / "SPEAKERS.TXT").write_text("")
    UTTERANCES.write(root / "utterances.parquet", pd.DataFrame(rows).astype("object").convert_dtypes())
    return root


@pytest.fixture(scope="module")
def betavae(corpus, tmp_path_factory):
    """Experiment 5 of one variant, with its battery."""
    at = tmp_path_factory.mktemp("betavae")
    settings = BetaVae(
        variants={"v": VARIANT}, latent_dim=4, hidden=8, max_steps=4, batch=2, segment=1.0, predictor_window=3,
        recon_utterances=2, recon_seconds=1.0, samples=0,
    )  # fmt: skip
    paths = [at / "checkpoints" / "vae_final.safetensors", at / "latents.safetensors", at / "latents_index.parquet"]
    results = [at / "recon_metrics.json", at / "health.json", at / "samples"]
    source = [corpus / "SPEAKERS.TXT"], corpus / "utterances.parquet"
    job("train_betavae")([], *source, *paths, *results, "v", settings, 100, 0)
    assert (at / "samples").is_dir()
    phase0 = [at / "phase0_frames.parquet", at / "statistics.safetensors", at / "phase0_health.json"]
    job("judge_bottleneck")(*paths[1:], *phase0, at / "phase1" / "metrics.json", SETTINGS, 0)
    return at


def test_variants_are_compared(betavae):
    lists = [[betavae / n] for n in ("recon_metrics.json", "health.json", "phase1/metrics.json")]
    diagnostics = [betavae / "phase1" / "injection_diag.json"]
    job("compare_betavae")(*lists, diagnostics, betavae / "summary.csv", betavae / "rows.json", {"v": VARIANT})
    frame = pd.read_csv(betavae / "summary.csv")
    first = ["variant", "beta", "lambda_smooth", "lambda_pred"]
    assert list(frame.columns)[:4] == first and frame.active_units.iloc[0] >= 0.8
    names = {r.name for r in scorecard.read(betavae / "rows.json")}
    assert {f"dynamics.exp5.v.{n}" for n in ("active_units", "effective_rank", "logmel")} <= names


def test_codes_and_denoised_rollouts(betavae, tmp_path):
    shared = [betavae / "checkpoints" / "vae_final.safetensors", [], betavae / "latents.safetensors"]
    shared += [betavae / n for n in ("latents_index.parquet", "phase0_frames.parquet", "statistics.safetensors")]
    eight = tmp_path / "eight"
    books = Codebook(k_values=(4,), restarts=1, iterations=3, n_utterances=1, max_frames=10)
    names = (
        "codebooks",
        "summary.csv",
        "near_zero.json",
        "distribution.json",
        "eval_results.json",
        "audio",
        "rows.json",
    )
    job("fit_codebooks")(*shared, *(eight / n for n in names), books, KNOWN, 100, 0)
    assert (eight / "codebooks" / "codebook_normalized_K0004.safetensors").is_file()
    assert {r.name for r in scorecard.read(eight / "rows.json")} >= {
        "dynamics.exp8.k4.angle",
        "dynamics.exp8.k4.null_angle",
    }
    codes = DirectionAr(
        k_codebook=4, hidden=8, max_steps=4, validate_every=2, batch=32, k_values=(1, 2, 4), n_eval_utterances=3,
        segments_per_utt=2, n_utterances=1, audio_k_values=(2,),
    )  # fmt: skip
    ten = tmp_path / "ten"
    names = ("final.safetensors", "forced.json", "rollout_metrics.json", "per_step.csv", "audio.json", "rollout_audio")
    outputs = [ten / n for n in (*names, "summary.csv", "rows.json")]
    job("fit_direction_ar")(*shared, eight / "codebooks", *outputs, codes, KNOWN, FIT, 1, 100, 0)
    assert json.loads((ten / "audio.json").read_text()) and {"dynamics.exp10.argmax", "dynamics.exp10.categorical"} <= {
        r.name for r in scorecard.read(ten / "rows.json")
    }
    eleven = tmp_path / "eleven"
    names = ("score.safetensors", "rollout_metrics.json", "sigma_sweep.json", "best_sigmas.json", "paired.json")
    outputs = [eleven / n for n in (*names, "summary.csv", "audio.json", "rollout_audio", "rows.json")]
    tweedie = Tweedie(hidden=8, layers=1, score_max_steps=4, sigma_sweep=(0.1, 0.5), select_at=2)
    inputs = [*shared, betavae / "phase1" / "checkpoints", ten / "final.safetensors"]
    job("denoise_rollouts")(*inputs, *outputs, tweedie, codes, 1, 100, 0)
    conditions = {e["condition"] for e in json.loads((eleven / "rollout_metrics.json").read_text())}
    six = {"dir_ar_argmax", "dir_ar_categorical", "mdn_baseline", "dir_ar_argmax_tweedie", "dir_ar_categorical_tweedie"}
    assert six | {"mdn_tweedie"} <= conditions
    lone = [eleven / f"again_{n.name}" for n in outputs]
    again = {"score_checkpoint": eleven / "score.safetensors", "skip_audio": True, "skip_mdn": True, "sigma": 0.3}
    job("denoise_rollouts")(*inputs, *lone, tweedie, codes, 1, 100, 0, **again)
    best = json.loads(lone[3].read_text())
    assert {b["best_sigma"] for b in best.values()} == {0.3} and not any("mdn" in name for name in best)
    assert json.loads(lone[6].read_text()) == []


def test_rollouts_are_corrected_and_decoded(betavae, tmp_path):
    """On the latents at hand; a codec of as many dimensions decodes them to some sound."""
    latents, index = [betavae / "latents.safetensors"], [betavae / "latents_index.parquet"]
    phase0 = betavae / "phase0_frames.parquet", betavae / "statistics.safetensors"
    checkpoints = betavae / "phase1" / "checkpoints"
    small = Correction(
        hidden=8, layers=1, max_steps=4, n_steps=(1,), step_size=(0.5,), sigma=(0.5,), tweedie_scale=(1.0,),
        known_max_steps=4, known_frames=300, known_dim=3, known_sigmas=(0.5,),
    )  # fmt: skip
    names = ("score.safetensors", "sweep_results.json", "summary.csv", "best.json", "known.csv", "rows.json")
    outputs = [tmp_path / n for n in names]
    settings = SETTINGS.model_copy(update={"correction": small})
    job("correct_rollouts")(latents, *phase0, checkpoints, *outputs, settings, 0)
    assert {r.name for r in scorecard.read(outputs[-1])} == {"dynamics.exp6.known_answer_gap", "dynamics.exp6.best"}
    noise = torch.randn(1, 1, 48_000, generator=torch.Generator().manual_seed(0)) * 0.1
    MelPca.fit([noise], 4, LogMel()).save(tmp_path / "codec.safetensors")
    names = ("audio", "manifest.json", "scores.csv", "summary.csv", "listen", "rows.json")
    outputs = [tmp_path / "seven" / n for n in names]
    heard = Perceptual(lengths=(1, 2), n_utterances=1, models=("vmf", "mdn"), max_frames=30, margin=1)
    codec = [tmp_path / "codec.safetensors", latents, index, *phase0, checkpoints]
    job("decode_rollouts")(*codec, *outputs, "mel-pca-4", heard, 1, 100, 0)
    listed = json.loads(outputs[1].read_text())
    assert (
        all((tmp_path / "seven" / e["wav_path"]).is_file() for e in listed)
        and outputs[4].joinpath("key.json").is_file()
    )
    assert {e["kind"] for e in listed} == {"vmf", "mdn", "vmf_drawn", "hold", "interpolate", "mean"}


def test_vaegan_is_trained_and_compared(corpus, betavae, tmp_path, monkeypatch):
    from toy_vaegan import stand_in

    from sonoscope.codecs import bottleneck

    monkeypatch.setattr(bottleneck, "load_codec", lambda file, name: stand_in())
    names = ("checkpoints/vae_final.safetensors", "latents.safetensors", "latents_index.parquet", "before.json")
    outputs = [tmp_path / n for n in (*names, "recon.json", "health.json", "samples")]
    settings = VaeGan(
        codec="toy", latent_dim=4, hidden=8, max_steps=4, batch=2, segment=0.64, windows=(128, 256), channels=2,
        gan_from=0.4, recon_utterances=2, recon_seconds=1.0, samples=1,
    )  # fmt: skip
    source = [corpus / "SPEAKERS.TXT"], corpus / "utterances.parquet"
    job("train_vaegan")([tmp_path], [], *source, *outputs, settings, 100, 0)
    assert len(list((tmp_path / "samples").glob("*.wav"))) == 2
    phase0 = [tmp_path / n for n in ("frames.parquet", "statistics.safetensors", "phase0.json")]
    job("judge_bottleneck")(*outputs[1:3], *phase0, tmp_path / "phase1" / "metrics.json", SETTINGS, 0)
    pd.DataFrame([{"variant": "v", "tier": "speech"}]).to_csv(tmp_path / "betavae.csv", index=False)
    inputs = [outputs[4], outputs[3], outputs[5], tmp_path / "phase1" / "metrics.json"]
    inputs += [tmp_path / "phase1" / "injection_diag.json", tmp_path / "betavae.csv"]
    job("compare_vaegan")(*inputs, tmp_path / "summary.csv", tmp_path / "rows.json")
    frame = pd.read_csv(tmp_path / "summary.csv")
    assert list(frame.variant) == ["vaegan", "v"] and "stand-in" in frame.teacher.iloc[0]
    metrics = tmp_path / "phase1" / "metrics.json"
    out = tmp_path / "conclusions.csv", tmp_path / "conclusion_rows.json"
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "benchmarks" / "train_vaegan.jsonl").write_text('{"s": 3.5}\n')
    job("weigh_conclusions")(
        [tmp_path / "rows.json"], metrics, tmp_path / "betavae.csv", *out, tmp_path / "benchmarks", ["train_vaegan"],
        "synthetic", 10.0,
    )  # fmt: skip
    assert scorecard.read(out[1])[0].value == 3.5 and len(pd.read_csv(out[0])) > 10
