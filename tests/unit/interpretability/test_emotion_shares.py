"""The capture of the study of emotions in one, two or seven jobs gives the same bytes."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sonoscope.audio.files import to_flac
from sonoscope.contracts import read_json
from sonoscope.contracts.corpora import PROMPTS
from sonoscope.contracts.interpretability import HEARD, PIECES
from sonoscope.interpretability import capture
from sonoscope.interpretability.emotion_shares import Captured, capture_share, merge_shares
from sonoscope.interpretability.layers import CaptureError
from sonoscope.interpretability.shards import HALF_MAX, ShardStore, ShardWriter, merge_stores
from sonoscope.sharing import ShareError, merge_tensors

COUNT, BATCH, SWAPPED = 11, 2, 5
WHOLE = Captured(*map(Path, ("h.safetensors", "t.safetensors", "c.parquet", "s.safetensors", "v", "store")))
SETTINGS = {
    "musicgen": {"name": "random", "seconds": 0.2, "batch": BATCH},
    "interpretability.emotions": {"words": ["happy", "sad"], "prompts": 3, "seeds": [0, 1]},
    "interpretability.heard.swapped": SWAPPED,
    "interpretability.dictionary.depth": 0.5,
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory, folder):
    home, rate = tmp_path_factory.mktemp("inputs"), 16000
    times = np.arange(rate // 4) / rate
    sounds = [to_flac((0.2 * np.sin(2 * np.pi * 110 * (k + 2) * times)).astype(np.float32), rate) for k in range(COUNT)]
    same = {"arm": "free", "group": "g", "energy": 0.0, "mode": "major", "tempo": 100.0, "dynamics": 64}
    same |= {"register": 0, "valence": 0.0, "arousal": 0.0}
    audio = [{"bytes": sound, "path": ""} for sound in sounds]
    PIECES.write(
        home / "pieces.parquet",
        pd.DataFrame({"clip_id": [f"piece-{k}" for k in range(COUNT)], "audio": audio}).assign(**same),
    )
    rows = [
        {"id": f"{word}-{kind}-{k}", "prompt": f"a {word} {kind} {k}", "emotion": word, "template_id": f"{kind}-{k}"}
        for word in ("happy", "sad") for kind in ("emotion", "cue") for k in range(2)
    ]  # fmt: skip
    PROMPTS.write(home / "prompts.parquet", pd.DataFrame(rows).assign(valence=0.5, arousal=0.5))
    return home / "pieces.parquet", home / "prompts.parquet", folder / "state_dict.bin"


def captured(inputs, folder, share=0, shares=1):
    files = WHOLE.within(folder)
    capture_share(*inputs, files, "random", SETTINGS, share, shares)
    return files


def contents(folder):
    """Bytes of everything but the time taken."""
    files = [p for p in folder.rglob("*") if p.is_file() and p.name != "v" and "shares" not in p.parts]
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in files}


@pytest.fixture(scope="module")
def whole(inputs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    captured(inputs, folder)
    return folder


@pytest.mark.parametrize("shares", [2, 7])
def test_shares_give_the_same_bytes_as_one_job(inputs, whole, tmp_path, shares):
    parts = [captured(inputs, tmp_path / "shares" / str(k), k, shares) for k in range(shares)]
    revision = merge_shares(parts, WHOLE.within(tmp_path))
    assert contents(tmp_path) == contents(whole)
    assert set(contents(whole)) >= {"store/layer_1/null/manifest.json", "store/layer_1/null/shard-00000.safetensors"}
    found, header = HEARD.read(whole / "h.safetensors")
    assert header["revision"] == revision
    assert len(found["null"]) == len(found["null_movement"]) == len(found["repetition"]) == COUNT
    assert len(found["swapped"]) == len(found["swapped_movement"]) == SWAPPED
    speed = read_json(tmp_path / "v")
    assert speed["clips"] == 12 and min(speed["seconds_per_frame"].values()) > 0


def test_more_shares_than_batches_leave_empty_ones(inputs, whole, tmp_path):
    parts = [captured(inputs, tmp_path / "shares" / str(k), k, 9) for k in range(9)]
    assert min(len(HEARD.read(part.heard)[0]["null"]) for part in parts) == 0
    assert min(read_json(part.speed)["clips"] for part in parts) == 0
    merge_shares(parts, WHOLE.within(tmp_path))
    assert contents(tmp_path) == contents(whole)


def test_swapped_texts_are_spread_over_the_shares(inputs, tmp_path):
    parts = [captured(inputs, tmp_path / str(k), k, 3) for k in range(3)]
    assert [len(HEARD.read(part.heard)[0]["swapped"]) for part in parts] == [2, 2, 1]


def test_a_killed_job_does_not_generate_finished_batches_again(inputs, whole, tmp_path, monkeypatch):
    done, generate = [], capture._generate

    def counted(extractor, texts, *rest):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(texts)
        return generate(extractor, texts, *rest)

    monkeypatch.setattr(capture, "_generate", counted)
    with pytest.raises(KeyboardInterrupt):
        captured(inputs, tmp_path)
    monkeypatch.setattr(capture, "_generate", lambda *rest: done.append(rest[1]) or generate(*rest))
    captured(inputs, tmp_path)
    assert len(done) == 6  # batches of two of twelve clips, each once
    assert contents(tmp_path) == contents(whole)  # nothing is left of what was kept
    assert not (tmp_path / "kept").exists()


def test_time_per_frame_is_a_mean_over_clips(inputs, tmp_path):
    parts = [captured(inputs, tmp_path / str(k), k, 2) for k in range(2)]
    for part, (seconds, clips) in zip(parts, ((1.0, 9), (5.0, 3)), strict=True):
        part.speed.write_text(f'{{"seconds_per_frame": {{"generation": {seconds}}}, "clips": {clips}}}')
    merge_shares(parts, WHOLE.within(tmp_path))
    assert read_json(tmp_path / "v") == {"seconds_per_frame": {"generation": 2.0}, "clips": 12}


def test_a_store_is_cut_and_rounded_as_by_one_writer(tmp_path):
    rows = np.random.default_rng(0).standard_normal((12_000, 3)).astype(np.float32) * 7
    rows[9000, 1] = 2 * HALF_MAX
    batches = [rows[k : k + 700] for k in range(0, len(rows), 700)]
    one = ShardWriter(tmp_path / "one", 4, "null", {"model": "toy"})
    parts = [tmp_path / "parts" / str(k) for k in range(3)]
    for folder, some in zip(parts, (batches[:5], batches[5:6], batches[6:]), strict=True):
        part = ShardWriter(folder, 4, "null", {"model": "toy"}, rows=700, dtype="float32")
        for batch in some:
            one.add(batch)
            part.add(batch)
        part.finish()
    one.finish()
    parts.insert(1, tmp_path / "parts" / "empty")
    merge_stores(parts, tmp_path / "merged")
    assert contents(tmp_path / "merged") == contents(tmp_path / "one")
    kinds = [shard["dtype"] for shard in ShardStore(tmp_path / "merged", 4, "null").manifest["shards"]]
    assert kinds == ["float16", "float32"]
    with pytest.raises(CaptureError, match="expected rows in at least one share"):
        merge_stores(parts[1:2], tmp_path / "none")
    other = ShardWriter(tmp_path / "other", 4, "null", {"model": "another"}, dtype="float32")
    other.add(rows[:10])
    other.finish()
    with pytest.raises(CaptureError, match=r"expected the capture of .*delete the shares"):
        merge_stores([*parts, tmp_path / "other"], tmp_path / "mixed")
    with pytest.raises(CaptureError, match="expected rows in float32"):
        merge_stores([tmp_path / "one"], tmp_path / "rounded")


def test_a_tensor_without_rows_in_any_part_is_not_merged(tmp_path):
    arrays = {
        "null": np.ones((2, 1, 3), np.float32), "swapped": np.ones((0, 2, 1, 3), np.float32),
        "histogram": np.ones((2, 4), np.float32), "repetition": np.ones((2, 5), np.float32),
        "null_movement": np.ones((2, 1, 8), np.float32), "swapped_movement": np.ones((0, 2, 1, 8), np.float32),
    }  # fmt: skip
    header = {"model": "toy", "revision": "1", "texts": "", "frame_rate": "50"}
    HEARD.write(tmp_path / "part.safetensors", arrays, header)
    with pytest.raises(ShareError, match="expected rows of swapped, swapped_movement in at least one share"):
        merge_tensors(HEARD, [tmp_path / "part.safetensors"], tmp_path / "merged.safetensors")
