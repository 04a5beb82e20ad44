"""Corpora in one, two or seven jobs give the same bytes."""

import json

import numpy as np
import pandas as pd
import pytest

from sonoscope.audio.files import to_flac
from sonoscope.contracts import read_json
from sonoscope.contracts.errors import ContractError
from sonoscope.contracts.world import CLIPS, HIDDEN_STATES, TOKENS
from sonoscope.musicgen.shares import capture_share, encode_share
from sonoscope.sharing import ShareError, merge_tensors, rows_of, share_of

ROWS, BATCH = 11, 3


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "notes.parquet"
    rate = 16000
    times = np.arange(rate // 2) / rate
    sounds = [to_flac((0.2 * np.sin(2 * np.pi * 110 * (k + 2) * times)).astype(np.float32), rate) for k in range(ROWS)]
    sounds[4] = b"damaged"
    rows = {
        "clip_id": [f"clip-{k}" for k in range(ROWS)], "audio": [{"bytes": s, "path": ""} for s in sounds],
        "midi": b"", "prompt": "a note", "is_silent": False, "render_id": "r", "split_group": "g",
    }  # fmt: skip
    CLIPS.write(path, pd.DataFrame(rows))
    return path


def test_rows_are_whole_batches_and_each_once():
    for shares in (1, 2, 3, 7):
        rows = [rows_of(ROWS, BATCH, k, shares) for k in range(shares)]
        assert [n for r in rows for n in range(ROWS)[r]] == list(range(ROWS))
        assert all(r.start % BATCH == 0 for r in rows)
    with pytest.raises(ShareError, match="one of 0 to 1, got 2"):
        share_of([1, 2], 2, 2)


def test_one_two_and_seven_shares_give_the_same_bytes(model, corpus, tmp_path):
    found = {}
    for shares in (1, 2, 7):
        folders = [tmp_path / str(shares) / str(k) for k in range(shares)]
        for k, folder in enumerate(folders):
            encode_share(model, corpus, folder / "tokens.safetensors", folder / "skipped.json", BATCH, k, shares)
        tokens, states = (tmp_path / str(shares) / name for name in ("tokens.safetensors", "states.safetensors"))
        merge_tensors(TOKENS, [f / "tokens.safetensors" for f in folders], tokens)
        for k, folder in enumerate(folders):
            capture_share(model, tokens, folder / "states.safetensors", BATCH, k, shares)
        merge_tensors(HIDDEN_STATES, [f / "states.safetensors" for f in folders], states)
        skipped = [item for f in folders for item in read_json(f / "skipped.json")]
        found[shares] = tokens.read_bytes(), states.read_bytes(), json.dumps(skipped)
        assert [item["item"] for item in skipped] == ["clip-4"]
        assert not list(tmp_path.rglob("kept*"))
    assert found[1] == found[2] == found[7]


def test_shares_of_different_models_are_not_merged(model, corpus, tmp_path):
    one, other = tmp_path / "0.safetensors", tmp_path / "1.safetensors"
    encode_share(model, corpus, one, tmp_path / "skipped.json", BATCH, 0, 2)
    arrays, header = TOKENS.read(one)
    TOKENS.write(other, arrays, {k: v for k, v in header.items() if "." not in k} | {"revision": "another"})
    with pytest.raises(ShareError, match=r"1\.safetensors: expected the header of .*0\.safetensors; delete"):
        merge_tensors(TOKENS, [one, other], tmp_path / "merged.safetensors")
    one.write_bytes(b"cut off")
    with pytest.raises(ContractError, match="delete it to have it made again"):
        merge_tensors(TOKENS, [one, other], tmp_path / "merged.safetensors")
