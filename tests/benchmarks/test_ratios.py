"""Ours beside its peers in one run: `make bench` prints the ratios and stores them for docs/benchmarks.md."""

import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest
import torch

from sonoscope.doctor.memory import MODELS
from sonoscope.musicgen.audiocraft_backend import AudiocraftMusicGen
from sonoscope.musicgen.checkpoint import load_codec, register_text_encoder
from sonoscope.musicgen.craft import ConditioningAttributes, builders
from sonoscope.musicgen.geometry import lm_config
from sonoscope.musicgen.interface import Injection
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.musicgen.steering import captured
from sonoscope.settings.geometry import LanguageModelGeometry
from sonoscope.storage import WORKFLOW

SHIPPED = WORKFLOW / "resources/models/sonoscope-musicgen/state_dict.bin"
PROMPT, SECONDS = "a repeated note on flute", 2.0
BATCHES = {1: "one clip", 16: "16 clips"}
pytestmark = pytest.mark.skipif(not SHIPPED.is_file(), reason="no shipped model here")


@pytest.fixture(scope="module")
def model():
    torch.set_num_threads(1)
    return load_musicgen(SHIPPED, "sonoscope-musicgen")


def ours(model, clips, injection=None, seconds=SECONDS):
    return lambda: model.generate([PROMPT] * clips, list(range(clips)), seconds, injection=injection)


def random_musicgen(size):
    """A language model of a published size with random weights, on the card, with the shipped codec."""
    encoder, g = str(SHIPPED.parent / "text_encoder"), MODELS[size]
    register_text_encoder(encoder, 64)
    shape = LanguageModelGeometry(dim=g.dim, heads=g.dim // 64, layers=g.layers, codebook_cardinality=2048)
    cfg = lm_config(shape, 16000, encoder)
    cfg.device, cfg.dtype = "cuda", "float16"
    return AudiocraftMusicGen(size, "random", load_codec(SHIPPED.parent, "cuda"), builders.get_lm_model(cfg), 30.0)


def by_audiocraft(model, clips, seconds=SECONDS):
    """The loop of audiocraft's own `generate`, with the same sampling and guidance."""
    conditions = [ConditioningAttributes(text={"description": PROMPT}) for _ in range(clips)]
    frames = round(seconds * model.frame_rate)
    return lambda: model.lm.generate(None, conditions, max_gen_len=frames, top_k=250, cfg_coef=3.0)


@pytest.mark.parametrize("clips", BATCHES)
def test_generation_beside_audiocraft(model, ratios, clips):
    name = "speed.generate_vs_audiocraft" + ("" if clips == 16 else ".one")
    what = f"{BATCHES[clips]} of {SECONDS:g} s, shipped model, guidance 3, top 250"
    found = ratios.compare(
        name, "audiocraft generate", ours(model, clips), by_audiocraft(model, clips), what=what, target=1.5
    )
    assert found >= 1


@pytest.mark.parametrize("clips", BATCHES)
def test_generation_beside_transformers(model, ratios, clips, tmp_path):
    from sonoscope.musicgen.conversion import convert_folder

    convert_folder(SHIPPED.parent, tmp_path)
    other = load_musicgen(tmp_path / "config.json", "sonoscope-musicgen")
    inputs = other.tokenizer([PROMPT] * clips, return_tensors="pt")
    frames = round(SECONDS * other.frame_rate)

    def theirs():
        with torch.no_grad():
            other.model.generate(**inputs, do_sample=True, guidance_scale=3.0, top_k=250, max_new_tokens=frames + 3)

    name = "speed.generate_vs_transformers" + ("" if clips == 16 else ".one")
    what = f"{BATCHES[clips]} of {SECONDS:g} s, shipped model, audio included"
    assert (
        ratios.compare(name, "transformers generate", lambda: model.decode(ours(model, clips)()), theirs, what=what)
        >= 1
    )


@pytest.mark.parametrize("clips", BATCHES)
def test_steering_costs_next_to_nothing(model, ratios, clips):
    layers = tuple(range(model.num_layers))
    injection = Injection(layers, torch.zeros(clips, len(layers), model.dim), torch.ones(clips, 4096))
    name = "speed.steering_overhead" + ("" if clips == 16 else ".one")
    what = f"a scheduled push at all {len(layers)} layers, {BATCHES[clips]} of {SECONDS:g} s; time over that without"
    found = ratios.compare(
        name, "ours, unsteered", ours(model, clips, injection), ours(model, clips), what=what, target=1.05,
        better="lower", rounds=9, memory=False,
    )  # fmt: skip
    assert found <= 1.1


def test_capture_by_replay_beside_capture_while_generating(model, ratios):
    layers = list(range(model.num_layers))
    tokens = model.generate([PROMPT] * 16, list(range(16)), SECONDS)

    def while_generating():
        model.own_decoder = False
        with captured(model.blocks, layers) as store:
            ours(model, 16)()
        model.own_decoder = True
        return [torch.cat(calls, 1) for calls in store]

    what = f"states of all {len(layers)} layers of 16 clips of {SECONDS:g} s; theirs, as published, while they are made"
    found = ratios.compare(
        "speed.capture", "hooks while generating", lambda: model.hidden_states(tokens, [PROMPT] * 16, layers),
        while_generating, what=what,
    )  # fmt: skip
    assert found >= 1


def test_recursive_feature_machine_beside_xrfm(ratios):
    pytest.importorskip("xrfm")
    from test_rfm import DIM, UPDATES, GramMetric, N, own, problem, theirs

    torch.set_num_threads(1)
    states, labels = problem()
    what = f"{N} states of width {DIM}, {UPDATES} updates, and the first eigenvector"
    found = ratios.compare(
        "speed.rfm_vs_xrfm", "xrfm", lambda: own(states, labels, GramMetric), lambda: theirs(states, labels), what=what,
        rounds=3,
    )  # fmt: skip
    assert found >= 1


def test_events_beside_the_published_rules(ratios):
    from test_events import WHOLE, read_bars, reader, slowly

    from sonoscope.affect.speed import typical_files

    files = typical_files(4, 0)
    peer = f"rules note by note, {reader()[0]}"
    found = ratios.compare(
        "speed.events", peer, lambda: [read_bars(f, WHOLE) for f in files], lambda: [slowly(f) for f in files],
        what="4 multi-track files of 70 bars", target=20.0, rounds=3,
    )  # fmt: skip
    assert found >= 1


def test_sketch_of_gradients_beside_dattri(ratios):
    projection = pytest.importorskip("dattri.func.projection")
    from test_attribution import COLUMNS, SAMPLES

    from sonoscope.attribution.projections import SJLT
    from sonoscope.attribution.speed import COORDINATES, gradients

    torch.set_num_threads(1)
    rows, dim = gradients(SAMPLES, COORDINATES), 8 * COLUMNS  # an eighth of what is used: theirs takes minutes for all
    kind = projection.ProjectionType.rademacher
    theirs = projection.BasicProjector(COORDINATES, dim, 0, kind, "cpu", block_size=COLUMNS)
    what = f"{SAMPLES} gradients of {COORDINATES:,} numbers to {dim}, which costs ours as much as 4096 do"

    def ours():
        sketch = SJLT(dim, 0)
        sums = torch.zeros(len(rows), SJLT.width * dim)
        sketch.add(sums, "w", 0, rows)
        return sketch.finished(sums)

    ratios.compare(
        "speed.gradients_vs_dattri", "dattri, Rademacher", ours, lambda: theirs.project(rows, 0),
        what=what, rounds=3,
    )  # fmt: skip


def test_a_call_with_nothing_to_do(ratios):
    """Parsing all rules and looking at one finished file: what every call of snakemake costs."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-m", "snakemake", "--cores", "1", "--snakefile", str(WORKFLOW / "Snakefile")]
        words += ["--directory", folder, "--config", "preset=tiny", "--", "measure_composer"]
        plain = os.environ | {"SONOSCOPE_STORAGE": folder}
        subprocess.run(words, env=plain, check=True, capture_output=True)
        seconds = []
        for _ in range(3):
            before = os.times()
            done = subprocess.run([*words[:3], "-n", *words[3:]], env=plain, check=True, capture_output=True, text=True)
            after = os.times()
            assert "Nothing to be done" in done.stdout + done.stderr
            spent = [t.children_user + t.children_system for t in (before, after)]
            seconds.append(spent[1] - spent[0])
    ratios.single("speed.noop_seconds", seconds, what="processor time of a dry run of finished results", target=5.0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no graphics card is visible")
@pytest.mark.parametrize("size", ["musicgen-small", "musicgen-large"])
def test_generation_at_published_sizes_with_random_weights(ratios, size):
    model = random_musicgen(size)
    found = ratios.compare(
        f"speed.generate_vs_audiocraft.{size}", "audiocraft generate", ours(model, 16, seconds=5.0),
        by_audiocraft(model, 16, seconds=5.0), what=f"16 clips of 5 s, geometry of {size}, random weights, float16",
        target=3.0 if size == "musicgen-large" else 1.0, rounds=3,
    )  # fmt: skip
    assert found >= 1
    assert np.isfinite(found)
