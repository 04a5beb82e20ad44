"""Clips of emotion steering in one, two or seven jobs have the same bytes."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

from sonoscope.contracts import write_json
from sonoscope.contracts.dictionary_features import FEATURES
from sonoscope.contracts.emotion_steering import HEARD_AGAIN, STEERED
from sonoscope.contracts.interpretability import HEARD, PIECES
from sonoscope.contracts.world import TOKENS
from sonoscope.interpretability import emotion_steering
from sonoscope.interpretability.steering_shares import emotion_share, feature_share, merge_shares
from sonoscope.sharing import ShareError, merge_tables

COUNT, FREE = 40, 34
SETTINGS = {
    "musicgen": {"name": "random", "seconds": 0.2, "batch": 4},
    "interpretability.steering": {
        "targets": ["arousal", "happy"], "coefficients": [0.1], "prompts": 2, "random": 2, "features": 3,
    },
    "interpretability.features.kind": "topk",
}  # fmt: skip


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, model):
    home, rng = tmp_path_factory.mktemp("inputs"), np.random.default_rng(0)
    pieces = pd.DataFrame({"clip_id": [f"piece-{k}" for k in range(COUNT)]}).assign(
        audio=[{"bytes": b"", "path": ""}] * COUNT, arm=["free"] * FREE + ["slow_soft"] * (COUNT - FREE), group="g",
        energy=0.0, mode="major", tempo=100.0, dynamics=64, register=0, valence=rng.uniform(-1, 1, COUNT),
        arousal=rng.uniform(-1, 1, COUNT),
    )  # fmt: skip
    PIECES.write(home / "pieces.parquet", pieces)
    header = {"model": "random", "revision": "7", "frame_rate": "50.0"}
    states = rng.standard_normal((COUNT, model.num_layers, model.dim)).astype(np.float32)
    found = {
        "null": states, "null_movement": states, "swapped": states[:1, None], "swapped_movement": states[:1, None],
        "histogram": np.ones((COUNT, 1), np.float32), "repetition": np.ones((COUNT, 1), np.float32),
    }  # fmt: skip
    HEARD.write(home / "heard.safetensors", found, header | {"texts": "a sad piece"})
    tokens = rng.integers(0, model.cardinality, (COUNT, model.num_codebooks, 10)).astype(np.int16)
    TOKENS.write(home / "tokens.safetensors", {"tokens": tokens}, header | {"cardinality": str(model.cardinality)})
    features = pd.DataFrame({"feature": range(8), "shown": [-1, 2, 0, -1, 1, -1, -1, -1]})
    others = dict.fromkeys(("rate", "correlation", "auc", "selectivity", "p_value", "adjusted"), 0.5)
    FEATURES.write(home / "features.parquet", features.assign(cue="tempo", emotion="happy", **others))
    topk = home / "dictionaries/topk"
    write_json(topk / "cfg.json", {"metadata": {"hook_name": "blocks.1.hook_resid_post"}})
    rows = torch.randn(8, model.dim, generator=torch.Generator().manual_seed(0))
    save_file({"W_dec": rows}, topk / "sae_weights.safetensors")
    return home


@pytest.fixture(params=["emotions", "features"])
def steer(request, inputs, folder):
    """A job of either rule: it writes into a folder, and gives its table of clips."""
    names = {"emotions": ("heard", "tokens"), "features": ("heard", "features", "dictionaries")}[request.param]
    suffix = {"heard": ".safetensors", "tokens": ".safetensors", "features": ".parquet", "dictionaries": ""}
    read = [inputs / "pieces.parquet", *(inputs / f"{name}{suffix[name]}" for name in names), folder / "state_dict.bin"]

    def job(target, share=0, shares=1):
        clips = target / "clips.parquet"
        work, more = (emotion_share, [target / "listened.parquet"]) if "tokens" in names else (feature_share, [])
        work(*read, clips, *more, "random", SETTINGS, 0, share, shares)
        return clips

    listened = "listened.parquet" if "tokens" in names else None
    return job, partial(merged, inputs / "heard.safetensors", listened)


def merged(heard, listened, parts, target):
    return merge_shares(parts, target / "clips.parquet", heard, None if listened is None else target / listened)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.glob("*.parquet")}


@pytest.mark.parametrize("shares", [2, 7])
def test_shares_give_the_same_bytes_as_one_job(steer, tmp_path, shares):
    job, merge = steer
    whole = job(tmp_path / "whole")
    parts = [job(tmp_path / str(shares) / str(k), k, shares) for k in range(shares)]
    assert merge(parts, tmp_path / str(shares)) == "7"
    assert contents(tmp_path / str(shares)) == contents(tmp_path / "whole")
    assert len(STEERED.read(whole)) == 2 * (
        1 + 2 * 2 + 4 + 3 * 2 if "listened.parquet" in contents(whole.parent) else 6
    )
    assert all(len(STEERED.read(part)) % 4 == 0 for part in parts[:-1])  # whole batches


def test_a_killed_job_does_not_generate_finished_batches_again(steer, tmp_path, monkeypatch):
    job, _ = steer
    job(tmp_path / "whole")
    done, generate = [], emotion_steering._generate

    def counted(model, rows, *rest):
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(len(rows))
        return generate(model, rows, *rest)

    monkeypatch.setattr(emotion_steering, "_generate", counted)
    with pytest.raises(KeyboardInterrupt):
        job(tmp_path / "killed")
    monkeypatch.setattr(emotion_steering, "_generate", lambda *given: done.append(len(given[1])) or generate(*given))
    clips = job(tmp_path / "killed")
    assert sum(done) == len(STEERED.read(clips))
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
    assert not (tmp_path / "killed/kept").exists()


def test_the_listener_learns_from_every_piece_once(inputs, folder, tmp_path):
    read = [inputs / name for name in ("pieces.parquet", "heard.safetensors", "tokens.safetensors")]
    heard = []
    for k in range(3):
        listened = tmp_path / f"{k}.parquet"
        emotion_share(
            *read, folder / "state_dict.bin", tmp_path / f"clips-{k}.parquet", listened, "random", SETTINGS, 0, k, 3
        )
        heard += HEARD_AGAIN.read(listened)["clip_id"].tolist()
    assert heard == [f"piece-{k}" for k in range(1, FREE, 2)]


def test_shares_without_rows_are_not_merged(tmp_path):
    HEARD_AGAIN.write(tmp_path / "0.parquet", pd.DataFrame(columns=list(HEARD_AGAIN.columns)))
    with pytest.raises(ShareError, match=r"merged\.parquet: expected rows in at least one share"):
        merge_tables(HEARD_AGAIN, [tmp_path / "0.parquet"], tmp_path / "merged.parquet")
