import numpy as np
import pandas as pd
import pytest
import torch

from sonoscope.audio.files import to_flac
from sonoscope.musicgen.replay import encode_clips, pooled_hidden_states, read_clips


def clips(*contents):
    return pd.DataFrame(
        {"clip_id": [f"clip-{k}" for k in range(len(contents))], "audio": [{"bytes": c, "path": ""} for c in contents]}
    )


def tone(rate, seconds=1.0):
    return (0.3 * np.sin(2 * np.pi * 440 * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


def test_damaged_clips_cost_one_row_and_one_line(caplog):
    good = to_flac(tone(16000), 16000)
    table = clips(good, b"", good[: len(good) // 3], b"not audio", good)
    audio, skipped = read_clips(table, 16000, 1.0)
    assert audio.shape == (5, 16000)
    assert {"clip-1", "clip-3"} <= set(skipped)
    assert not audio[1].any()
    assert np.array_equal(audio[0], audio[4])
    assert len(caplog.records) == len(skipped)
    assert all(item in caplog.text for item in skipped)


def test_clips_are_resampled_cut_and_padded():
    audio, skipped = read_clips(clips(to_flac(tone(32000), 32000), to_flac(tone(16000, 0.25), 16000)), 16000, 0.5)
    assert not skipped
    assert np.abs(audio[0, 500:7500] - tone(16000)[500:7500]).max() < 0.02
    assert not audio[1, 4100:].any()


def test_tokens_and_states_do_not_depend_on_the_batch(model):
    audio = np.stack([np.roll(tone(16000, 0.5), 37 * k) * (k + 1) / 5 for k in range(5)])
    tokens = encode_clips(model, audio, 2)
    assert np.array_equal(tokens, encode_clips(model, audio, 5))
    prompts = [None] * 5
    one = pooled_hidden_states(model, tokens, prompts, [0, 2], 2)
    two = pooled_hidden_states(model, tokens, prompts, [0, 2], 5)
    for a, b in zip(one, two, strict=True):
        assert a.shape == (5, 2, 32)
        assert np.allclose(a, b, atol=1e-5)
    whole = model.hidden_states(torch.from_numpy(tokens.astype(np.int64)), prompts, [0, 2])
    assert np.allclose(one[0], whole[:, :, 1:].mean(2), atol=1e-5)
    assert np.allclose(one[1], whole[:, :, -1], atol=1e-5)


def test_a_killed_replay_finds_its_batches_by_their_content(model, tmp_path, monkeypatch):
    tokens = np.random.default_rng(0).integers(0, 64, (6, 4, 10)).astype(np.int16)
    prompts = [None] * 6
    whole = pooled_hidden_states(model, tokens, prompts, [0, 2], 2, tmp_path)
    assert len(list(tmp_path.iterdir())) == 3

    def refused(*_):
        raise AssertionError("replayed again")

    with monkeypatch.context() as patch:
        patch.setattr(type(model), "hidden_states", refused)
        again = pooled_hidden_states(model, tokens, prompts, [0, 2], 2, tmp_path)
        with pytest.raises(AssertionError, match="replayed again"):  # other content is another file
            pooled_hidden_states(model, tokens, prompts, [0, 1], 2, tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(again, whole, strict=True))
