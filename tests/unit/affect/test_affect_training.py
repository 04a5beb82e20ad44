"""Heads, losses, training and bundles."""

import json

import numpy as np
import pytest
import torch
from affect_fixtures import composed_clips
from hypothesis import given
from hypothesis import strategies as st
from safetensors import safe_open

from sonoscope.affect.baselines import BASELINES, baseline_predictions
from sonoscope.affect.bundle import BundleError, check_musetok, load_bundle, save_bundle
from sonoscope.affect.dataset import continuous_inputs
from sonoscope.affect.distance import Distance
from sonoscope.affect.fitting import Fitting, fit_variants
from sonoscope.affect.heads import AffectHead, Shape
from sonoscope.affect.losses import ccc_loss, equal_clips, loss_of
from sonoscope.affect.training import Normaliser, examples_of, shape_of, train_head
from sonoscope.contracts.affect import HISTORY, PREDICTIONS
from sonoscope.settings.affect import TrainAffect, Variant

BODIES = ("mlp", "pooled", "causal", "bidirectional")


def head(body, **more):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        shape = {"latent": 5, "side": 3, "codebooks": 0, "codes": 0, "tanh": False, "attention": False, **more}
        return AffectHead(Shape(body=body, dropout=0.1, model_width=8, heads=2, **shape)).eval()


@pytest.mark.parametrize("body", BODIES)
def test_padding_changes_nothing(body):
    x = torch.randn(2, 6, 8)
    mask = torch.ones(2, 6, dtype=torch.bool)
    model = head(body, attention=True)
    y, weight = model(x, None, mask)
    wide = torch.cat([x, torch.full((2, 3, 8), 7.0)], 1)
    z, wider = model(wide, None, torch.cat([mask, torch.zeros(2, 3, dtype=torch.bool)], 1))
    assert torch.allclose(y, z[:, :6], atol=1e-5)
    assert torch.allclose(weight, wider[:, :6], atol=1e-6)
    assert torch.allclose(weight.sum(1), torch.ones(2))


@pytest.mark.parametrize(("body", "sees_future"), [("causal", False), ("mlp", False), ("bidirectional", True)])
def test_only_a_bidirectional_head_sees_the_future(body, sees_future):
    x = torch.randn(1, 6, 8)
    other = x.clone()
    other[:, 4:] += 1
    mask = torch.ones(1, 6, dtype=torch.bool)
    change = (head(body)(x, None, mask)[0] - head(body)(other, None, mask)[0])[:, :4].abs().max()
    assert bool(change > 1e-4) == sees_future


def test_pooled_says_one_thing_and_tanh_is_bounded():
    x, mask = 50 * torch.randn(1, 6, 8), torch.ones(1, 6, dtype=torch.bool)
    y = head("pooled", tanh=True)(x, None, mask)[0]
    assert float(y.detach().std(1).max()) < 1e-6
    assert float(y.detach().abs().max()) <= 1


def test_codes_are_read():
    model = head("mlp", latent=0, side=2, codebooks=3, codes=4)
    codes = torch.randint(0, 4, (1, 5, 3))
    mask = torch.ones(1, 5, dtype=torch.bool)
    x = torch.zeros(1, 5, 2)
    assert not torch.allclose(model(x, codes, mask)[0], model(x, (codes + 1) % 4, mask)[0])


@given(st.integers(0, 30))
def test_losses_are_what_they_are_called(seed):
    generator = torch.Generator().manual_seed(seed)
    p, t = torch.randn(9, 2, generator=generator), torch.randn(9, 2, generator=generator)
    weight = torch.full((9,), 1 / 9)
    assert float(loss_of("mse", p, t, weight)) == pytest.approx(float(torch.nn.functional.mse_loss(p, t)), rel=1e-5)
    assert float(loss_of("l1", p, t, weight)) == pytest.approx(float(torch.nn.functional.l1_loss(p, t)), rel=1e-5)
    smooth = float(torch.nn.functional.smooth_l1_loss(p, t))
    assert float(loss_of("smooth_l1", p, t, weight)) == pytest.approx(smooth, rel=1e-5)
    both = float(loss_of("mse", p, t, weight) + loss_of("l1", p, t, weight))
    assert float(loss_of("combined", p, t, weight)) == pytest.approx(both, rel=1e-5)
    assert float(ccc_loss(t, t, weight)) == pytest.approx(0, abs=1e-5)
    assert float(ccc_loss(-t + 2 * t.mean(0), t, weight)) == pytest.approx(2, abs=1e-4)


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6))
def test_clips_weigh_equally(lengths):
    mask = torch.zeros(len(lengths), 9, dtype=torch.bool)
    for row, length in zip(mask, lengths, strict=True):
        row[:length] = True
    weight = equal_clips(mask)
    each = torch.split(weight, lengths)
    assert all(float(w.sum()) == pytest.approx(1 / len(lengths), rel=1e-4) for w in each)


@pytest.fixture(scope="module")
def clips():
    return composed_clips(20)


def job(clips, compare, **more):
    settings = TrainAffect(compare=compare, folds=2, patience=50, **{"epochs": 15, **more})
    return Fitting(clips, settings, 16, {"model": "tiny", "revision": "r"}, {"corpus": "test"}, 0.6, 0)


@pytest.fixture(scope="module")
def fitted(clips, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted")
    compare = ["side", "latents", "shuffled", "plan", "codes", "bag_attention"]
    return folder, fit_variants(job(clips, compare, learning_rate=8e-3), folder, folder)


def test_what_can_be_learned_is_learned_and_shuffled_labels_are_not(fitted):
    said, history = fitted[1]["predictions"], fitted[1]["history"]
    PREDICTIONS.check(said)
    HISTORY.check(history)
    side, null = (said[said.model == m] for m in ("side", "shuffled"))
    learned, by_chance = (np.corrcoef(m.arousal, m.true_arousal)[0, 1] for m in (side, null))
    assert learned > max(0.3, by_chance + 0.2)
    assert set(history.fold) >= {-1, 0, 1}
    assert not said.duplicated(["model", "clip_id", "bar_number"]).any()


def test_a_killed_training_goes_on(clips, fitted, tmp_path):
    folder, said = fitted[0], fitted[1]["predictions"]
    again = fit_variants(job(clips, ["side", "latents"]), folder, folder)["predictions"]  # nothing is trained
    assert again.equals(said[said.model.isin(["side", "latents"])].reset_index(drop=True))
    one, two = (
        fit_variants(job(clips, ["mlp"], epochs=2), folder, folder)["predictions"]
        for folder in (tmp_path, tmp_path / "b")
    )
    assert one.equals(two)
    assert (tmp_path / "mlp.safetensors").read_bytes() == (tmp_path / "b/mlp.safetensors").read_bytes()


def test_a_bundle_describes_itself(clips, fitted, tmp_path):
    path = fitted[0] / "latents.safetensors"
    bundle = load_bundle(path)
    with safe_open(path, framework="pt") as file:
        record = json.loads(file.metadata()["bundle"])
    assert record["variant"]["inputs"] == "latents"
    assert record["musetok"] == {"model": "tiny", "revision": "r"}
    assert record["about"]["corpus"] == "test"
    assert record["about"]["validation"]["valence_mae"] > 0
    save_bundle(tmp_path / "copy.safetensors", bundle)
    assert (tmp_path / "copy.safetensors").read_bytes() == path.read_bytes()
    first, second = (b.predict([clips[0].tensors])[0] for b in (bundle, load_bundle(tmp_path / "copy.safetensors")))
    assert np.array_equal(first.affect, second.affect)
    assert first.affect.shape == (len(clips[0]), 2)
    assert first.ood_score.shape == (len(clips[0]),)
    with pytest.raises(BundleError, match="trained on latents of tiny"):
        check_musetok(bundle, path, "other")
    (tmp_path / "no.safetensors").write_bytes(b"nothing")
    with pytest.raises(BundleError, match="not a safetensors file"):
        load_bundle(tmp_path / "no.safetensors")


def test_predictions_of_a_clip_do_not_depend_on_the_others(clips, fitted):
    bundle = load_bundle(fitted[0] / "bag_attention.safetensors")
    alone = [bundle.predict([c.tensors])[0].affect for c in clips[:4]]
    together = bundle.predict([c.tensors for c in clips[:4]])
    assert all(np.array_equal(a, b.affect) for a, b in zip(alone, together, strict=True))


def test_predictions_stay_where_valence_and_arousal_are_defined(clips, fitted):
    bundle = load_bundle(fitted[0] / "bag_attention.safetensors")
    with torch.no_grad():
        for member in bundle.members:
            for weights in member.parameters():
                weights.mul_(30)
    said = np.concatenate([p.each.reshape(-1, 2) for p in bundle.predict([c.tensors for c in clips])])
    assert np.abs(said).max() == 1


def test_distance_tells_strangers():
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((500, 4)).astype(np.float32)
    distance = Distance.of(rows[:400], rows[400:])
    assert np.mean(distance(rng.standard_normal((500, 4)).astype(np.float32)) > 1) < 0.05
    assert (distance(rows[:50] + 10) > 1).all()


def test_baselines_predict_every_test_bar_once():
    clips = composed_clips(40, per_song=1)
    said = baseline_predictions(clips, TrainAffect(folds=2), 0)
    PREDICTIONS.check(said)
    assert set(said.model) == set(BASELINES)
    hand = said[said.model == "hand"]
    assert len(hand) == sum(len(c) for c in clips)
    assert np.corrcoef(hand.arousal, hand.true_arousal)[0, 1] > 0.4


def test_bags_learn_from_clip_means(clips):
    variant = Variant(inputs="side", body="mlp", bag="attention", loss="mse")
    normaliser = Normaliser.of(np.concatenate([continuous_inputs(c.tensors, variant) for c in clips]))
    examples = examples_of(clips, variant, normaliser, [c.labels for c in clips])
    losses = []
    settings = TrainAffect(epochs=15, learning_rate=1e-2, patience=50)
    shape = shape_of(clips, variant, 0.0, 16)
    train_head(shape, examples, examples, variant, settings, 0, lambda *line: losses.append(line[2]))
    assert losses[-1] < 0.5 * losses[0]
