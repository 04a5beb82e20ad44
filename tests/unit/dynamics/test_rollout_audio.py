import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from toy_parts import make_part

from sonoscope.audio.files import read_audio
from sonoscope.dynamics import experiment6, experiment7, rollout_audio
from sonoscope.dynamics.correction import Setting
from sonoscope.dynamics.encoding import write_shard
from sonoscope.dynamics.ensembles import Ensemble, shape_of
from sonoscope.dynamics.linear import autoregression
from sonoscope.dynamics.rollout import Plan
from sonoscope.dynamics.rollout_audio import Place, Rollout, controls, manifest, places, render, roll_from, spliced
from sonoscope.settings.bottlenecks import Correction, Perceptual
from sonoscope.settings.dynamics import Dynamics, Fit
from sonoscope.settings.dynamics import Rollout as RolloutSettings


class Sine:
    """A codec whose sound is a tone as loud as the first coordinate."""

    name, sample_rate, frame_rate, dim = "sine", 16_000, 12.5, 4

    def decode(self, latents):
        loud = latents[:, :, 0].repeat_interleave(1280, 1)
        return 0.2 * torch.tanh(loud * torch.sin(torch.arange(loud.shape[1]) * 0.2))[:, None]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def part():
    return make_part(autoregression(4, 0.6).sample(60, 40, generator()), name="ar1_06")


@pytest.fixture(scope="module")
def model(part):
    found = Ensemble(shape_of("vmf", part.window, 4, 8, 1, 1), [(0, 1), (1, 1)], generator())
    found.calibrate(part.mean, part.deviation, torch.eye(4).expand(2, 4, 4).double(), part.deltas(part.rows("train")))
    return found.requires_grad_(False)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("latents")
    x = autoregression(4, 0.6).sample(6, 40, generator()).float()
    index = pd.DataFrame(
        {
            "utterance_id": [f"u{i}" for i in range(6)], "speaker_id": [f"s{i % 3}" for i in range(6)],
            "split": ["test"] * 4 + ["train"] * 2, "part": "toy",
            "audio_path": pd.Series([None] * 6, dtype="string"),
        }
    )  # fmt: skip
    header = {"source": "toy", "frame_rate": "12.5", "unit": "one", "tier": "speech"}
    write_shard(folder / "x.safetensors", folder / "x.parquet", list(x), x.flatten(0, 1).norm(dim=1), index, header)
    return [folder / "x.safetensors"], [folder / "x.parquet"]


def test_starts_lie_a_third_in_and_have_room(written):
    found = places(*written, 2, 1, 200, 3, 1, 8)
    assert [p.utterance for p in found] == ["u0", "u1"] and found[0].start == 40 // 3 + 3
    several = places(*written, 1, 3, 200, 3, 1, 8)
    assert [p.start for p in several] == [16, 23, 31] and several[-1].start + 8 < 40
    assert places(*written, 2, 1, 200, 3, 1, 39) == []


def test_only_rolled_frames_differ_and_controls_know_what_they_may():
    path = torch.arange(10.0)[:, None].expand(10, 2)
    place = Place("u", "s", path, 4)
    made = spliced(place, torch.full((3, 2), 99.0))
    assert torch.equal(made[:4], path[:4]) and torch.equal(made[7:], path[7:]) and bool((made[4:7] == 99).all())
    filled = controls(place, 3, torch.zeros(2))
    assert bool((filled["hold"] == 3).all()) and bool((filled["mean"] == 0).all())
    assert torch.allclose(filled["interpolate"], path[4:7])  # on a straight line it is the truth


def test_rollouts_see_nothing_from_their_start_on(model):
    x = torch.randn(20, 4, generator=generator())
    other = x.clone()
    other[10:] = 50.0
    way = Rollout("vmf", model, 2, lambda: Plan(advance="median"))
    a, b = (roll_from(Place("u", "s", path, 10), way, 4, 3, 1, 0) for path in (x, other))
    assert a.shape == (4, 4) and torch.equal(a, b)


def test_clips_are_written_listed_and_scored(written, model, tmp_path):
    found = places(*written, 2, 1, 200, 3, 1, 4)
    settings = Perceptual(lengths=(1, 4))
    ways = experiment7.rollouts_of({"vmf": model}, settings)
    assert [w.name for w in ways] == ["vmf", "vmf_drawn"]
    table, trials = render(Sine(), found, ways, (1, 4), torch.zeros(4), 3, 1, 2, tmp_path / "audio", 48_000, 0)
    assert len(table) == len(trials) == 2 * 2 * 5
    entry = manifest(table)[0]
    assert list(entry)[:5] == ["utterance_id", "rollout_length", "rollout_start", "total_frames", "wav_path"]
    audio, rate = read_audio(tmp_path / entry["wav_path"])
    assert rate == 48_000 and len(audio) == 40 * 3840
    assert (tmp_path / "audio" / "utt_000_u0" / "GT.wav").is_file()
    assert json.dumps(manifest(table))
    means = experiment7.by_length(table, 200, 0)
    near, far = (means[(means.kind == "mean") & (means.rollout_length == k)].log_mel_distance.iloc[0] for k in (1, 4))
    assert far > 0 and near > 0
    rows = {r.name: r for r in experiment7.scorecard_rows(means, "vmf")}
    assert set(rows) == {"dynamics.exp7.k1.vmf", "dynamics.exp7.k4.vmf"}
    assert rows["dynamics.exp7.k4.vmf"].null is not None


def test_a_rollout_that_is_lost_is_silent_and_says_so(written, model, tmp_path):
    found = places(*written, 1, 1, 200, 3, 1, 2)
    lost = Rollout("lost", model, 2, lambda: Plan(correct=lambda c, z: z * math.nan))
    table, _ = render(Sine(), found, [lost], (2,), torch.zeros(4), 3, 1, 2, tmp_path / "a", 16_000, 0, False)
    assert not table.finite.iloc[0] and table.latent_error.isna().all()
    assert float(np.abs(read_audio(tmp_path / table.wav_path.iloc[0])[0]).max()) == 0
    assert rollout_audio.TRUTH == "GT"


@pytest.fixture(scope="module")
def settings():
    return Dynamics(
        horizons=(1, 2), fit=Fit(models=("vmf",)),
        rollout=RolloutSettings(k_steps=4, n_eval_utterances=6, segments_per_utt=2, draws=2),
        correction=Correction(
            hidden=8, layers=1, max_steps=20, sigma=(0.3, 1.0), n_steps=(1,), step_size=(0.2,), tweedie_scale=(1.0,),
            methods=("tweedie", "langevin_drift"),
        ),
    )  # fmt: skip


def test_sweep_chooses_on_validation_and_the_control_moves_as_far(part, model, settings):
    error = experiment6.rollout_error(model, part, settings, 0)
    assert 0.5 < error < 2  # of a process whose mean forecast ends at its mean
    score = experiment6.fit_score(part, settings, 4.0, 0, None)
    assert score.shape.sigma_max == pytest.approx(6.0)  # raised to cover what rollouts show
    own = experiment6.bench(model, part, "validation", settings, 0)
    records = experiment6.sweep(own, score)
    assert len(records) == 1 + 4 and "D_rollout" in records[0]["modes"]
    best = experiment6.best_of(records, "energy_score")
    setting = experiment6.setting_of(best)
    assert setting.method in ("tweedie", "langevin_drift")
    moved = best["modes"]["D_corrected"]["displacement"]
    control = experiment6.matched_shrink(own, score, moved)
    assert own.run(score, control)["displacement"] == pytest.approx(moved, rel=0.3)
    judged = experiment6.judge_best(own, score, {"best": setting, "control": control}, 200)
    none = judged[0]
    assert none["name"] == "none" and none["energy_score_change"] == 0
    frame = experiment6.summary(records)
    assert list(frame.columns)[:9] == [
        "method", "n_steps", "step_size", "sigma", "tweedie_scale", "mode", "cos", "state_err", "nll",
    ]  # fmt: skip
    known = pd.DataFrame({"correction": ["tweedie"], "gap": [0.01], "gaussian_gap": [0.2]})
    rows = {r.name: r for r in experiment6.scorecard_rows(known, judged)}
    assert rows["dynamics.exp6.known_answer_gap"].met and rows["dynamics.exp6.best"].null == none["energy_score"]


def test_correcting_by_nothing_changes_nothing(part, model, settings):
    score = experiment6.fit_score(part, settings, 1.0, 0, None)
    own = experiment6.bench(model, part, "test", settings, 0)
    plain, still = own.run(score, None), own.run(score, Setting("shrink", 1.0, scale=0.0))
    for name in ("state_err", "cos", "energy_score"):
        assert torch.allclose(plain[name], still[name], rtol=1e-3, atol=1e-3)
