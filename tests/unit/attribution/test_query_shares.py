"""Clips whose training songs are asked for: made by one, two or seven jobs, they have the same bytes."""

import shutil

import numpy as np
import pandas as pd
import pytest
import torch

from sonoscope.attribution import queries, query_shares
from sonoscope.attribution.query_shares import generate_share, merge_shares, plan
from sonoscope.attribution.songs import songs_of
from sonoscope.audio.files import write_audio
from sonoscope.contracts import write_json
from sonoscope.contracts.corpora import SONGS
from sonoscope.musicgen.interface import Sampling
from sonoscope.musicgen.random_model import build_random_musicgen
from sonoscope.settings.attribution import Attribution
from sonoscope.settings.musicgen import MusicGen

NAMES = ("clips.parquet", "tokens.safetensors", "audio")
SPEC = {"seeds": [42, 43, 44], "durations": [0.2, 0.4]}
SETTINGS = {
    "attribution": {
        "seconds": 0.5,
        "embedding": {"window": 0.5},
        "queries": {"seeds": 1, "pair_seeds": 2, "unprompted": 2, "held_out": 1, "pair_held_out": 2, "seconds": 0.3},
        "experiments": {"run": ["1"], "one": SPEC},
        "counterfactuals": {"pairs": 1},
    },
    "musicgen": {"name": "random", "batch": 2},
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Three songs, and models with random weights, each with others, in place of fine-tunes."""
    torch.set_num_threads(1)
    home = tmp_path_factory.mktemp("inputs")
    for number, name in enumerate(("base", "songs/all-seed0", "pairs/pair-0-ab-seed0")):
        build_random_musicgen(home / name, number)
    for part in ("songs", "pairs"):
        names = [path.name for path in (home / part).iterdir()]
        choice = {"trained": ["s0", "s1", "s2"], "pairs": [["s0", "s1"]], "variants": [{"name": n} for n in names]}
        write_json(home / part / "records.json", choice)
    rng = np.random.default_rng(0)
    for k in range(3):  # the last is over before anything of it is held out
        write_audio(home / f"s{k}.flac", rng.uniform(-0.3, 0.3, 19200 if k < 2 else 11200).astype(np.float32), 16000)
    table = pd.DataFrame({"song_id": [f"s{k}" for k in range(3)], "file": [f"s{k}.flac" for k in range(3)]})
    table = table.assign(artist="a", title="", genre="", description=[f"song {k}" for k in range(3)], seconds=1.0)
    table = table.assign(tags=[[]] * 3, sample_rate=16000, split_group="a")
    SONGS.write(home / "songs.parquet", table)
    return home


def made(inputs, folder, share=0, shares=1):
    records = [inputs / part / "records.json" for part in ("songs", "pairs")]
    files = [folder / name for name in NAMES]
    base = inputs / "base/state_dict.bin"
    generate_share(inputs / "songs.parquet", base, *records, *files, "random", str(inputs), SETTINGS, share, shares)
    return folder


def contents(folder):
    files = [p for p in folder.rglob("*") if p.is_file() and "shares" not in p.parts]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def whole(inputs, tmp_path_factory):
    return made(inputs, tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize("shares", [2, 7, 16])
def test_shares_give_the_same_bytes_as_one_job(inputs, whole, tmp_path, shares):
    parts = [made(inputs, tmp_path / "shares" / str(k), k, shares) for k in range(shares)]
    number = merge_shares(parts, *(tmp_path / name for name in NAMES))
    assert contents(tmp_path) == contents(whole)
    frame, tokens = queries.read(tmp_path / NAMES[0], tmp_path / NAMES[1])
    assert number == len(frame) == len(tokens) == 3 + 2 + 4 + 6 + 2 + 4
    assert {k: len(rows) for k, rows in frame.groupby("kind")} == {
        "songs": 3, "unprompted": 2, "pair-0": 4, "experiment_1": 6, "held_out": 2, "pair-0-held_out": 4,
    }  # fmt: skip
    empty = [part for part in parts if not len(queries.read(part / NAMES[0], part / NAMES[1])[0])]
    assert bool(empty) == (shares == 16)  # of 14 batches and songs


def test_a_share_loads_the_models_of_its_own_batches_once(inputs, tmp_path, monkeypatch):
    asked, load = [], query_shares.load_musicgen
    monkeypatch.setattr(
        query_shares, "load_musicgen", lambda file, name: asked.append(file.parent.name) or load(file, name)
    )
    made(inputs, tmp_path / "0", 0, 4)
    assert asked == ["all-seed0"]
    made(inputs, tmp_path / "whole")
    assert asked[1:] == ["all-seed0", "pair-0-ab-seed0", "base"]


def test_clips_are_sampled_as_the_study_says_and_not_as_other_studies_do(inputs):
    songs = {s.song_id: s for s in songs_of(SONGS.read(inputs / "songs.parquet"), inputs)}
    records = [inputs / part / "records.json" for part in ("songs", "pairs")]
    own = SETTINGS["attribution"]["queries"] | {"temperature": 0.8, "guidance": 2.0}
    settings = Attribution.model_validate(SETTINGS["attribution"] | {"queries": own})
    units = plan(songs, inputs / "base/state_dict.bin", *records, inputs, settings, MusicGen(temperature=0.1, top_k=7))
    assert {u[1].keywords["sampling"] for u in units if "sampling" in u[1].keywords} == {Sampling(7, 0.8, 2.0)}


def test_a_part_that_lacks_a_sound_is_said(inputs, whole, tmp_path):
    parts = [made(inputs, tmp_path / str(k), k, 2) for k in range(2)]
    shutil.rmtree(parts[1] / "audio")
    with pytest.raises(FileNotFoundError, match="audio"):
        merge_shares(parts, *(tmp_path / name for name in NAMES))
