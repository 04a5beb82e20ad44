import json
import math
import re

import numpy as np
import pandas as pd
import pytest
import torch
from toy_parts import make_part

from sonoscope.audio.files import read_audio
from sonoscope.contracts.dynamics import LATENTS
from sonoscope.dynamics import finetune
from sonoscope.dynamics.encoding import frame_energy, shard_of, write_shard
from sonoscope.dynamics.evaluation import interval, number, paired_difference
from sonoscope.dynamics.experiment2 import diagnose, per_step_table
from sonoscope.dynamics.experiment3 import Sequences, predictability
from sonoscope.dynamics.experiment4 import fit_components, projected, rotation
from sonoscope.dynamics.linear import autoregression
from sonoscope.dynamics.listening import Trial, score_answers, write_page
from sonoscope.dynamics.phase0 import DegenerateLatentsError, build
from sonoscope.dynamics.store import FrameStore, in_slice, memory_map, open_parts
from sonoscope.dynamics.trajectories import all_modes, latent_error, matched, published, rotated
from sonoscope.settings.dynamics import Dynamics, Finetune, Fit, Rollout


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def shards(folder, x, names=("a", "b"), header=None):
    """Two shards of sequences [N, T, D], and their indices."""
    paths, tables = [], []
    halves = np.array_split(np.arange(len(x)), len(names))
    for name, half in zip(names, halves, strict=True):
        index = pd.DataFrame(
            {
                "utterance_id": [f"u{i:03d}" for i in half],
                "speaker_id": [f"s{i // 4}" for i in half],
                "split": [("test", "validation", "train", "train")[i // 4 % 4] for i in half],
                "part": "codec",
                "audio_path": pd.Series([None] * len(half), dtype="string"),
            }
        )
        about = {"source": "codec", "frame_rate": "12.5", "unit": "one", "tier": "speech"} | (header or {})
        latents, table = folder / f"{name}.safetensors", folder / f"{name}.parquet"
        rows = list(x[torch.from_numpy(half)].float())
        write_shard(latents, table, rows, torch.cat(rows).norm(dim=1), index, about)
        paths.append(latents)
        tables.append(table)
    return paths, tables


def outputs(folder):
    return [folder / n for n in ("frames.parquet", "statistics.safetensors", "health.json")]


def test_phase0_counts_frames_over_shards_and_knows_slices(tmp_path):
    x = torch.arange(30.0)[None, :, None] + 100 * torch.arange(16.0)[:, None, None]
    x = x + torch.zeros(16, 30, 3)
    paths, tables = shards(tmp_path, x)
    out = outputs(tmp_path)
    build(paths, tables, *out, window=3, horizons=(1, 4))
    (part,) = open_parts(paths, *out[:2])
    first = 3 - 1 + 4
    assert len(part.frames) == 16 * (30 - first) and part.frames.t.min() == first
    rows = torch.from_numpy(part.frames.row.to_numpy())
    assert bool((part.deltas(rows) == 1).all())
    times = torch.from_numpy(part.frames.t.to_numpy())
    assert torch.equal(part.contexts(rows, 4)[:, -1, 0] % 100, (times - 4).float())
    assert torch.equal(part.spans(rows)[:, 0, 0] % 100, (times - first).float())
    assert part.frames.groupby("speaker_id").split.nunique().max() == 1
    (loud,) = open_parts(paths, *out[:2], "high_energy")
    assert 0 < len(loud.frames) < len(part.frames)
    assert bool(in_slice(part.frames, "utterance_medial").eq(part.frames.pos_frac.between(0.17, 0.83)).all())
    with pytest.raises(ValueError, match="high_energy"):
        in_slice(part.frames, "loud")


def test_one_two_and_seven_shards_give_the_same_dataset(tmp_path):
    x, found = torch.randn(16, 30, 3, generator=generator()), {}
    for count in (1, 2, 7):
        folder = tmp_path / str(count)
        folder.mkdir()
        paths, tables = shards(folder, x, [str(k) for k in range(count)])
        build(paths, tables, *outputs(folder), window=3, horizons=(1, 4))
        found[count] = [path.read_bytes() for path in outputs(folder)]
    assert found[1] == found[2] == found[7]


def test_moments_come_from_training_frames_alone(tmp_path):
    x = torch.randn(16, 30, 3, generator=generator())
    x[:8] += 50  # speakers of test and validation
    paths, tables = shards(tmp_path, x)
    build(paths, tables, *outputs(tmp_path), window=3, horizons=(1,))
    (part,) = open_parts(paths, *outputs(tmp_path)[:2])
    assert float(part.mean.abs().max()) < 0.5


def test_latents_that_do_not_vary_are_refused(tmp_path):
    x = torch.randn(16, 30, 3, generator=generator())
    x[..., 1] = 2.0
    paths, tables = shards(tmp_path, x)
    with pytest.raises(DegenerateLatentsError, match="1 of 3 coordinates never change"):
        build(paths, tables, *outputs(tmp_path), window=3, horizons=(1,))
    with pytest.raises(DegenerateLatentsError, match="more than 32 frames"):
        build(*shards(tmp_path, torch.randn(16, 30, 3)), *outputs(tmp_path), window=3, horizons=(30,))


def test_a_shard_is_mapped_not_read_and_cannot_be_spoilt(tmp_path):
    paths, _ = shards(tmp_path, torch.randn(16, 30, 3, generator=generator()))
    before, mapped = LATENTS.read(paths[0])[0]["x"], memory_map(paths[0], "x")
    assert np.array_equal(before, mapped)
    torch.from_numpy(mapped)[0] = 9
    assert np.array_equal(LATENTS.read(paths[0])[0]["x"], before)
    store = FrameStore.open(paths)
    rows = torch.tensor([[0, 300], [470, 239]])
    joined = torch.cat(store.shards)
    assert torch.equal(store.take(rows), joined[rows])


def test_shards_hold_each_utterance_once():
    table = pd.DataFrame({"utterance_id": [str(i) for i in range(10)]})
    found = pd.concat([shard_of(table, i, 3) for i in range(3)])
    assert found.utterance_id.tolist() == table.utterance_id.tolist()


def test_energy_is_the_root_mean_square_under_each_frame():
    audio = torch.cat([torch.zeros(100), torch.ones(100), torch.ones(50)])
    assert frame_energy(audio, 3, 100.0).tolist() == pytest.approx([0, 1, math.sqrt(0.5)])


def test_targets_of_fine_tuning_are_aligned(counting):
    """With x_t = t each target is 1, and each context ends at the target's origin; the published shift is one off."""
    rows = finetune.segment_rows(counting, "train", 4)[:6]
    before = counting.window - 1 + 1
    frames = counting.store.take(rows[None, :, None] + torch.arange(-before, 4))
    contexts, deltas = finetune.aligned(frames, counting.window, before, 4)
    origin = (rows % 40)[:, None] + torch.arange(4) - 1.0
    assert bool((deltas == 1).all()) and torch.equal(contexts[0, :, :, -1, 0], origin)
    shifted = counting.store.take(rows[None, :, None] + torch.arange(-before - 1, 4))
    late, _ = finetune.aligned(shifted, counting.window, before + 1, 4)
    assert torch.equal(late[0, :, :, -1, 0], origin - 1)


def test_the_teacher_leaves_linearly():
    settings = Finetune(max_steps=100, teacher_warmup=0.5, teacher_start=0.2, teacher_end=0.0)
    assert [finetune.teacher_probability(s, settings) for s in (0, 25, 50, 99)] == pytest.approx([0.2, 0.1, 0, 0])


def test_fine_tuning_leaves_its_start_alone(reverting):
    from test_ensembles import stack

    start, _ = stack("vmf", reverting, [(0, 1), (1, 1)])
    kept = [p.clone() for p in start.parameters()]
    for arm in ("rollout", "teacher", "noise", "shifted"):
        tuned, losses = finetune.fine_tune(start, reverting, 1, Finetune(steps=3, batch_size=8, max_steps=2), arm, 0)
        assert len(losses) == 2 and None not in losses
        assert any(not torch.equal(p, q) for p, q in zip(tuned.parameters(), kept, strict=True))
    assert all(torch.equal(p, q) for p, q in zip(start.parameters(), kept, strict=True))


def test_the_diagnostic_has_published_keys_and_sane_numbers(reverting):
    from test_ensembles import stack

    settings = Dynamics(
        window=3, horizons=(1, 2), resamples=100, fit=Fit(models=("vmf",), seeds=(0, 1)),
        rollout=Rollout(k_steps=4, n_eval_utterances=12, segments_per_utt=2, draws=4, inject_after_steps_periodic=(2,)),
    )  # fmt: skip
    model, closed = stack("vmf", reverting, [(0, 1), (1, 1)])
    model.start_from({1: closed[1]["ridge_var"]})
    found, rows = diagnose(reverting, {"vmf": (model, 2)}, settings, 0)
    assert list(found["modes"]) == ["A_teacher", "B_periodic", "C_one_shot", "D_rollout"]
    keys = {"step", "n", "nll", "nll_baseline", "dnll", "cos", "mag_ratio", "state_err"}
    assert all(keys <= set(step) for step in found["modes"]["A_teacher"]["per_step"])
    assert found["modes"]["D_rollout"]["per_step"][0]["state_err"] == 0
    assert found["modes"]["B_periodic"]["per_step"][2]["state_err"] == 0  # injected after step 2
    assert found["modes"]["A_teacher"]["state_err"] == 0
    table = per_step_table(rows)
    energy = table.groupby("predictor").energy_score.mean()
    assert energy["vmf"] < energy["persistence"]
    json.dumps(found, allow_nan=False)


def test_slow_and_fast_codecs_agree_at_equal_lags():
    """A process sampled 4 times as fast, each frame held: at equal lags in time, equal predictability."""
    x = autoregression(3, 0.7).sample(60, 50, generator())
    splits = {"train": slice(0, 30), "validation": slice(30, 40), "test": slice(40, 60)}

    def codec(values, rate):
        return Sequences(
            "toy", rate, {s: [(f"{s}{i % 4}", v) for i, v in enumerate(values[i])] for s, i in splits.items()}
        )

    slow, fast = codec(x, 12.5), codec(x.repeat_interleave(4, 1), 50.0)
    first = predictability(slow, 80, 320, 100, 0)["state_r2"]
    again = predictability(fast.averaged(12.5), 80, 320, 100, 0)["state_r2"]
    assert first == pytest.approx(0.49, abs=0.06) and again == pytest.approx(first, abs=1e-6)
    white = torch.randn(60, 50, 3, generator=generator(1), dtype=torch.float64)
    assert abs(predictability(codec(white, 12.5), 80, 320, 100, 0)["state_r2"]) < 0.03


def test_principal_components_come_from_training_frames(reverting):
    loud = make_part(torch.randn(60, 40, 3, generator=generator()) * torch.tensor([5.0, 1.0, 0.2]))
    found = fit_components(loud, 2, 200)
    assert abs(found["components"][0, 0]) > 0.99 and found["explained_variance_ratio"][0] > 0.9
    axes = torch.from_numpy(found["components"])
    small = projected(loud, axes, torch.from_numpy(found["mean"]), "pca2")
    assert small.dim == 2 and torch.allclose(small.deltas(small.rows("test")), loud.deltas(loud.rows("test")) @ axes.T,
                                             atol=1e-5)  # fmt: skip
    turned = rotation(6, 4, 0)
    assert torch.allclose(turned @ turned.T, torch.eye(4), atol=1e-6)
    with pytest.raises(ValueError, match="at most 3"):
        fit_components(loud, 4, 200)


def test_matched_modes_are_equally_wrong_and_published_ones_are_not():
    x = torch.randn(60, 8, generator=generator()).cumsum(0)
    for name, path in matched(x, (0.25, 1.0), generator(1)).items():
        assert latent_error(path, x) == pytest.approx(float(name.split("_e")[1]), rel=1e-4), name
    slow = published(x, (0.75,), generator(1))["B_slow_a0.75"]
    assert torch.allclose(slow, 0.25 * x[0] + 0.75 * x, atol=1e-4)  # it telescopes: a contraction to the first frame
    wrong = published(x, (), generator(1))["C_wrong_dir"]
    assert torch.allclose(wrong.diff(dim=0).norm(dim=-1), x.diff(dim=0).norm(dim=-1), atol=1e-4)
    steps = x.diff(dim=0)
    turned = rotated(steps, math.pi / 3, generator())
    assert torch.allclose(torch.nn.functional.cosine_similarity(turned, steps), torch.full((59,), 0.5), atol=1e-4)
    names = [name for name, _, _ in all_modes(x, (0.5,), (1.0,), 0)]
    assert names[0] == "GT" and {"hold_2", "interpolate_2", "A_stationary"} <= set(names)
    assert len(set(names)) == len(names)


def test_the_listening_page_is_blind_offline_and_can_be_scored(tmp_path):
    sound = np.sin(np.arange(2400) / 20).astype(np.float32)
    trials = [Trial("u1", mode, sound * level, sound) for mode, level in (("GT", 1.0), ("hold_2", 0.2), ("noise", 0.5))]
    keys = write_page(tmp_path, "Can it be heard?", trials, 24_000, seed=3)
    page = (tmp_path / "index.html").read_text()
    assert not re.search(r"hold_2|noise|\bGT\b|https?://", page)
    assert {k.mode for k in keys} == {"GT", "hold_2", "noise"} and len({k.trial for k in keys}) == 3
    assert "answers.json" in page and page.count("<audio") == 6
    key = json.loads((tmp_path / "key.json").read_text())
    answers = {"answers": [{"trial": k["trial"], "rating": 5 if k["mode"] == "GT" else None} for k in key]}
    assert score_answers(answers, key) == {"GT": [5]}
    with pytest.raises(ValueError, match="another page"):
        score_answers({"answers": [{"trial": "T1", "rating": 1}]}, key)
    assert write_page(tmp_path / "b", "Same", trials, 24_000, seed=3) == keys
    import base64

    clips = re.findall(r"base64,([^']+)'", page)
    levels = [np.sqrt(np.mean(read_audio(base64.b64decode(c))[0] ** 2)) for c in clips]
    assert max(levels) / min(levels) < 1.05


def test_what_has_no_number_is_null():
    assert number(float("nan")) is None and number(float("inf")) is None and number(1) == 1.0
    assert interval(lambda w: w[:, 0], 1, 100, 0) is None
    block = {"by_speaker": {"n": [10.0, 30.0], "nll": [20.0, 30.0]}}
    other = {"by_speaker": {"n": [10.0, 30.0], "nll": [10.0, 60.0]}}
    value, (low, high) = paired_difference(block, other, 200, 0)
    assert value == pytest.approx(-0.5) and low == pytest.approx(-1) and high == pytest.approx(1)


def test_options_of_the_published_commands_win_over_settings():
    changed = Dynamics().with_options("high_energy", 2, 7, 1e-4, True, False, "mine")
    assert (changed.slice, changed.k, changed.rollout.k, changed.force, changed.resume) == (
        "high_energy",
        2,
        2,
        True,
        False,
    )
    assert (changed.fit.max_steps, changed.fit.lr, changed.run_id) == (7, 1e-4, "mine")
    assert Dynamics().with_options() == Dynamics()
    with pytest.raises(ValueError, match="expected one of horizons"):
        Dynamics().with_options(k=3)
