"""What steering costs in time: a push against no push, and the jobs of the study."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from statistics import median
from typing import Any

import torch

from sonoscope.musicgen.interface import Injection, MusicGen
from sonoscope.scorecard import Row, measure

RULES = (
    "fit_direction", "calibrate_measure", "measure_limits", "classify_concept", "generate_steered", "score_steered",
    "analyse_steering", "encode_clips", "capture_hidden_states", "compose_syntheory",
)  # fmt: skip
"""Rules whose jobs the target `steering` is made of."""
SLOWDOWN, SECONDS = 1.05, 360.0
"""Bars: steered over unsteered generation; seconds of the demo's jobs, of one core each: three minutes on two cores."""
_CLIPS, _LENGTH, _REPEATS = 8, 0.5, 11


def slowdown(model: MusicGen) -> tuple[float, int]:
    """Time of generation with a push at all layers over that without, median of paired repeats; and their number."""
    layers = tuple(range(model.num_layers))
    delta = torch.zeros(_CLIPS, model.num_layers, model.dim)
    injection = Injection(layers, delta, torch.ones(_CLIPS, 4096))
    prompts, seeds = ["a repeated note on flute"] * _CLIPS, list(range(_CLIPS))
    model.generate(prompts, seeds, _LENGTH)  # the first call pays for what is set up once
    ratios = []
    for repeat in range(_REPEATS):
        order = (None, injection) if repeat % 2 else (injection, None)  # what drifts hits both sides alike
        taken = {one is None: _seconds(model, prompts, seeds, one) for one in order}
        ratios.append(taken[False] / taken[True])
    return median(ratios), _REPEATS


def _seconds(model: MusicGen, prompts: list[str], seeds: list[int], injection: Injection | None) -> float:
    clock = time.process_time if model.device.type == "cpu" else time.perf_counter  # others may use the other cores
    start = clock()
    model.generate(prompts, seeds, _LENGTH, injection=injection)
    return clock() - start


def busy_seconds(lines: Iterable[Mapping[str, Any]], concepts: Sequence[str]) -> tuple[float, int]:
    """Seconds of the jobs of the study in all, and the number of jobs; each as it last finished."""
    seconds: dict[str, float] = {}
    for line in lines:
        own = line["wildcards"].get("concept")
        if line["event"] != "completed" or line["rule"] not in RULES or (own is not None and own not in concepts):
            continue
        seconds[json.dumps([line["rule"], line["wildcards"]], sort_keys=True)] = float(line["seconds"])
    return sum(seconds.values()), len(seconds)


def timing_rows(ratio: tuple[float, int], busy: tuple[float, int], preset: str, sources: Sequence[str]) -> list[Row]:
    """Rows ``steering.seconds``, whose bar is the demo's, and ``steering.slowdown``."""
    target = SECONDS if preset == "demo" else None
    return [
        measure("steering.seconds", busy[0], n=busy[1], target=target, better="lower", sources=sources),
        measure("steering.slowdown", ratio[0], n=ratio[1], target=SLOWDOWN, better="lower", sources=sources),
    ]
