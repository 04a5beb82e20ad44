"""What one unit of each heavy kind of work costs on one core, with the shipped models: measured, then multiplied."""

import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sonoscope import storage
from sonoscope.affect.speed import typical_files
from sonoscope.attribution.gradients import Embedder
from sonoscope.attribution.songs import Window
from sonoscope.codecs.loading import load_codec
from sonoscope.contracts import write_json
from sonoscope.musetok.events import read_bars
from sonoscope.musetok.latents import encode_bars
from sonoscope.musetok.loading import load_musetok
from sonoscope.musicgen.interface import MusicGen
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.scale.machine import describe_machine
from sonoscope.settings.attribution import Embedding
from sonoscope.settings.musetok import Encoding

SECONDS, CLIPS, WINDOW, FILES = 4.0, 16, 4.0, 6


def measure_constants(path: Path, repeats: int = 5) -> None:
    """Measure all constants on one thread and write them, with machine and spread."""
    torch.set_num_threads(1)
    work: dict[str, tuple[str, Callable[[], object], float]] = {}
    work |= _musicgen_work() | _musetok_work() | _speech_work()
    constants: dict[str, Any] = {}
    for name, (unit, call, amount) in work.items():
        call()  # the first call pays for what is set up once
        each = [_cpu_seconds(call) / amount for _ in range(repeats)]
        constants[name] = {
            "value": statistics.median(each), "least": min(each), "most": max(each), "n": repeats, "unit": unit,
        }  # fmt: skip
    write_json(path, {"machine": describe_machine(), "constants": constants})


def _musicgen_work() -> dict[str, tuple[str, Callable[[], object], float]]:
    model = load_musicgen(storage.WORKFLOW / "resources/models/sonoscope-musicgen/state_dict.bin", "sonoscope-musicgen")
    frames = round(SECONDS * model.frame_rate)
    rng = np.random.default_rng(0)
    tokens = torch.from_numpy(rng.integers(0, model.cardinality, (CLIPS, model.num_codebooks, frames)))
    audio = torch.randn(CLIPS, 1, round(SECONDS * model.sample_rate), generator=torch.Generator().manual_seed(0)) / 10
    length, layers, prompts = CLIPS * SECONDS, range(model.num_layers), ["a waltz on flute"] * CLIPS
    unit = "CPU s per second of audio"
    return {
        "encode": (unit, lambda: model.encode(audio), length),
        "replay": (unit, lambda: model.hidden_states(tokens, [None] * CLIPS, layers), length),
        "generate": (unit, lambda: model.generate(prompts, list(range(CLIPS)), SECONDS), length),
        "decode": (unit, lambda: model.decode(tokens), length),
        "embed": ("CPU s per window of 4 s", _embedding(model), 4),
    }


def _embedding(model: MusicGen) -> Callable[[], object]:
    embedder, rng = Embedder(model, Embedding()), np.random.default_rng(1)
    frames = round(WINDOW * model.frame_rate)
    shape = (model.num_codebooks, frames)
    windows = [
        Window(f"s{k}", 0, 0.0, WINDOW, "a waltz", rng.integers(0, model.cardinality, shape).astype(np.int16))
        for k in range(4)
    ]
    return lambda: embedder(windows)


def _musetok_work() -> dict[str, tuple[str, Callable[[], object], float]]:
    model, _ = load_musetok(storage.WORKFLOW / "resources/models/sonoscope-musetok/model.safetensors")
    files, encoding = typical_files(FILES, 0), Encoding()
    bars = [bar for content in files for bar in read_bars(content, encoding.events)]
    distinct = len({bar.tobytes() for bar in bars})
    return {
        "parse": ("CPU s per MIDI file", lambda: [read_bars(f, encoding.events) for f in files], FILES),
        "bars": ("CPU s per distinct bar", lambda: encode_bars(model, bars, encoding.batch_tokens), distinct),
    }


def _speech_work() -> dict[str, tuple[str, Callable[[], object], float]]:
    codec = load_codec(storage.WORKFLOW / "resources/models/sonoscope-speech/codec.safetensors", "sonoscope-speech")
    seconds = 12.0  # about an utterance of LibriSpeech
    audio = torch.randn(1, 1, round(seconds * codec.sample_rate), generator=torch.Generator().manual_seed(0)) / 10

    def encode() -> None:
        with torch.no_grad():
            codec.encode(audio)

    return {"speech": ("CPU s per second of audio", encode, seconds)}


def _cpu_seconds(call: Callable[[], object]) -> float:
    start = time.process_time()
    call()
    return time.process_time() - start
