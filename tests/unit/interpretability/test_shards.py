import numpy as np
import pytest

from sonoscope.interpretability.layers import CaptureError
from sonoscope.interpretability.shards import ShardStore, ShardWriter


@pytest.fixture
def states():
    states = np.random.default_rng(0).standard_normal((1000, 6)) * [1, 2, 3, 4, 5, 60] + 1
    return states.astype(np.float32)


def written(folder, states, **how):
    writer = ShardWriter(folder, 2, "null", {"model": "toy"}, rows=300, **how)
    for part in np.array_split(states, 7):
        writer.add(part)
    writer.finish()
    return ShardStore(folder, 2, "null")


def test_rows_come_back_in_any_order_within_half_precision(tmp_path, states):
    store = written(tmp_path, states)
    store.verify()
    index = np.random.default_rng(1).permutation(1000)[:400]
    np.testing.assert_allclose(store.rows(index), states[index], rtol=1e-3, atol=1e-3)
    assert [s["rows"] for s in store.manifest["shards"]] == [300, 300, 300, 100]
    np.testing.assert_allclose(store.manifest["mean"], states.astype(np.float64).mean(0), rtol=1e-9)
    np.testing.assert_allclose(store.manifest["std"], states.astype(np.float64).std(0), rtol=1e-6)


def test_what_half_precision_cannot_hold_is_kept_whole_or_refused(tmp_path, states):
    states[450, 0] = 1e5
    store = written(tmp_path / "auto", states)
    assert [s["dtype"] for s in store.manifest["shards"]] == ["float16", "float32", "float16", "float16"]
    assert store.rows(np.array([450]))[0, 0] == 1e5
    with pytest.raises(CaptureError, match="above the 65504 of float16"):
        written(tmp_path / "half", states, dtype="float16")


def test_each_epoch_sees_every_row_once_in_another_order(tmp_path):
    states = np.arange(1000, dtype=np.float32)[:, None] + np.zeros(2, np.float32)
    store = written(tmp_path, states)
    batches = list(store.batches(np.arange(1000), 100, np.random.default_rng(0), epochs=2))
    first, second = np.concatenate(batches[:10])[:, 0], np.concatenate(batches[10:])[:, 0]
    assert sorted(first) == sorted(second) == list(range(1000)) and not (first == second).all()
    assert np.mean(np.abs(np.diff(first)) == 1) < 0.02


def test_a_damaged_shard_and_a_missing_manifest_are_said(tmp_path, states):
    store = written(tmp_path, states)
    file = store.home / "shard-00001.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(CaptureError, match="digest differs"):
        store.verify()
    with pytest.raises(CaptureError, match="expected a manifest"):
        ShardStore(tmp_path, 3, "null")
