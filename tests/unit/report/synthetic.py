"""A run whose results are made up: sines for clips, and a dose-response that rises or stays flat as told."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile

from sonoscope import scorecard
from sonoscope.contracts import write_json
from sonoscope.contracts.skipped import SKIPPED
from sonoscope.contracts.steering import CLIPS, DOSE_RESPONSE, LAYER_SCORES, SCORES
from sonoscope.statistics.proportions import wilson_interval

PROMPTS = {
    "electronic": "happy electronic music with a steady beat",
    "piano": "sad slow piano, solo",
    "strings": "calm strings, long notes",
    "guitar": "fingerpicked acoustic guitar",
}
COEFFICIENTS = (0.0, 0.02, 0.05, 0.1)
SETTINGS = {"coefficients": list(COEFFICIENTS), "headline": 0.1, "prompts": 4, "seeds": [0, 1]}
NAMES = ("C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B")


def make(
    root: Path, *, model="sonoscope-musicgen", concept="notes", target="C", effect=0.6, seconds=1.0, prompts=PROMPTS
):
    """Write all that the steering study leaves behind, below ``root``."""
    generator = np.random.default_rng(0)
    experiment = f"{concept}-{target}"
    place = Path(model, experiment)
    rows = []
    for i, (prompt_id, prompt) in enumerate(prompts.items()):
        for seed in (0, 1):
            for estimator, coefficient in [
                ("none", 0.0),
                *((e, c) for e in ("rfm", "difference_in_means", "random") for c in COEFFICIENTS[1:]),
            ]:
                pull = (
                    {"rfm": 1.0, "difference_in_means": 0.6, "random": 0.0, "none": 0.0}[estimator]
                    * effect
                    * coefficient
                    / 0.1
                )
                hit = generator.random() < 0.12 + pull
                note = 0 if hit else int(generator.integers(1, 12))
                clip = f"{prompt_id}-{seed}-{estimator}-{coefficient:g}"
                audio = f"audio/{clip}.flac"
                path = root / "steering/generate_steered" / place / audio
                loud = 0.4 if estimator != "random" else 0.15
                samples = _sound(note, seconds, loud, i, generator)
                path.parent.mkdir(parents=True, exist_ok=True)
                soundfile.write(path, samples, 16000)
                rows.append(
                    {
                        "clip_id": clip, "experiment": experiment, "variant": _variant(estimator),
                        "concept": concept, "target": target, "estimator": estimator,
                        "coefficient": coefficient, "prompt_id": prompt_id, "prompt": prompt, "seed": seed,
                        "audio": audio, "score": float(hit), "heard": NAMES[note],
                        "listener": float(hit), "probe": float(hit), "divergence": coefficient, "adherence": None,
                        "onset_rate": 2.0,
                        "nll": 3.4 + 3 * coefficient + 0.1 * generator.random(),
                        "rms": float(np.sqrt(np.mean(samples**2))), "peak": float(np.abs(samples).max()),
                        "is_silent": False, "is_clipped": seed == 1 and coefficient == 0.1 and estimator == "rfm",
                    }
                )  # fmt: skip
    scores = pd.DataFrame(rows).astype({"adherence": float})
    folder = root / "steering"
    CLIPS.write(folder / "generate_steered" / place / "clips.parquet", scores[list(CLIPS.columns)])
    SCORES.write(folder / "score_steered" / place / "scores.parquet", scores)
    dose = pd.DataFrame([_dose(e, c, effect, concept, target) for e, c in _conditions()])
    DOSE_RESPONSE.write(folder / "analyse_steering" / place / "dose_response.parquet", dose)
    layers = pd.DataFrame(list(_layers(concept, target)))
    LAYER_SCORES.write(folder / "analyse_steering" / place / "layer_scores.parquet", layers)
    wildcards = {"model": model, "experiment": experiment}
    for rule, outputs in {
        "generate_steered": ["clips.parquet"],
        "score_steered": ["scores.parquet"],
        "analyse_steering": ["dose_response.parquet", "layer_scores.parquet", "scorecard.json"],
    }.items():
        sidecar(root, f"steering/{rule}/{place}", rule, outputs, wildcards)
    return root


def finish(root: Path):
    """Scorecard, diary and a list of skipped items."""
    rows = [
        scorecard.measure("steering.note_accuracy.steered", 0.71, low=0.58, high=0.81, n=48, null=0.12, baseline=0.11,
                          target=0.5,
                          sources=["analyse_steering", "steering/analyse_steering/m/notes/C/dose_response.parquet"]),
        scorecard.measure("steering.note_accuracy.unsteered", 0.11, low=0.05, high=0.22, n=48),
        scorecard.measure("foundation.noop_seconds", 6.2, n=3, target=5, better="lower", sources=["measure_noop"]),
    ]  # fmt: skip
    scorecard.write(root / "scorecard.json", sorted(rows, key=lambda r: r.name))
    skipped = pd.DataFrame({"item": ["program 21"], "reason": ["silent in every octave"], "file": [None]})
    SKIPPED.write(root / "world/skipped.parquet", skipped)
    line = {"event": "completed", "rule": "analyse_steering", "time": "2026-01-02T03:04:05.678+00:00"}
    (root / "manifest.jsonl").write_text(json.dumps(line) + "\n")


def sidecar(root: Path, folder: str, rule: str, outputs: list[str], wildcards, settings=SETTINGS):
    """Write a provenance file as the runner would."""
    from sonoscope import provenance

    record = {
        "rule": rule, "wildcards": dict(wildcards), "params": {"settings": settings, "seed": 7}, "code": "0123456789ab",
        "commit": "8f3c1d2e5b6a79808f3c1d2e5b6a79808f3c1d2e", "dirty": False,
        "versions": {"python": "3.11.7", "torch": "2.13.0"},
        "seed": 7, "device": "cpu", "dtype": "float32", "facts": {},
        "inputs": {"directions": {provenance.portable(root / "steering/x.safetensors"): "sha256:" + "ab" * 32}},
        "outputs": [provenance.portable(root / folder / o) for o in outputs],
    }  # fmt: skip
    write_json(root / folder / "provenance.json", record)


def _variant(estimator):
    return "none" if estimator == "none" else "plain"


def _conditions():
    yield "none", 0.0
    for estimator in ("rfm", "difference_in_means", "random"):
        for coefficient in COEFFICIENTS[1:]:
            yield estimator, coefficient


def _dose(estimator, coefficient, effect, concept, target, n=48):
    pull = (
        {"rfm": 1.0, "difference_in_means": 0.6, "random": 0.03, "none": 0.0}[estimator]
        * effect
        * (1 - np.exp(-coefficient / 0.05))
        / (1 - np.exp(-2))
    )
    hits = round(n * (0.1 + pull))
    interval = wilson_interval(hits, n)
    low, high = interval.low, interval.high
    nll = 3.41 + {"rfm": 2.1, "difference_in_means": 3.4, "random": 3.0, "none": 0.0}[estimator] * coefficient
    return {
        "experiment": f"{concept}-{target}", "variant": _variant(estimator),
        "concept": concept, "target": target, "estimator": estimator, "coefficient": coefficient,
        "coefficient_unit": "relative", "unit": "share", "listener": hits / n, "probe": hits / n,
        "nll_change": nll - 3.41, "nll_change_low": nll - 3.43, "nll_change_high": nll - 3.39,
        "divergence": coefficient, "frechet": 10 * coefficient, "embedding": "spectral", "adherence": float("nan"),
        "onset_rate": 2.0, "silent": 0, "clipped": 0, "is_headline": coefficient in (0.0, 0.1),
        "measure": "chroma", "n": n, "accuracy": hits / n, "low": low, "high": high, "chance": 1 / 12,
        "nll": nll, "nll_low": nll - 0.04, "nll_high": nll + 0.04,
    }  # fmt: skip


def _layers(concept, target):
    for estimator, height in (("difference_in_means", 0.86), ("random", 0.52), ("rfm", 0.93)):
        for layer in range(8):
            score = 0.5 + (height - 0.5) * np.exp(-(((layer - 4) / 3) ** 2))
            yield {
                "concept": concept, "target": target, "pooling": "mean", "estimator": estimator, "layer": layer,
                "measure": "balanced_accuracy",
                "n": 240, "score": score, "low": score - 0.04, "high": min(score + 0.04, 1.0), "chance": 0.5,
            }  # fmt: skip


def _sound(note, seconds, loud, voice, generator):
    t = np.arange(int(16000 * seconds)) / 16000
    pitch = 261.6 * 2 ** (note / 12)
    tone = sum(np.sin(2 * np.pi * pitch * k * t) / k ** (1 + voice / 2) for k in range(1, 6))
    beat = np.exp(-((t * (1 + voice)) % 1) * 3)
    return loud * (tone * beat / 2 + 0.01 * generator.standard_normal(len(t)))
