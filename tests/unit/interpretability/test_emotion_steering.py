"""Acceptance tests 6 and 7: emotion steering, its arms, its listener and its judgement."""

import numpy as np
import pandas as pd
import pytest
import torch

from sonoscope.audio.files import read_audio, to_flac
from sonoscope.contracts.emotion_steering import EMOTION_EFFECTS, RESPONSES, STEERED
from sonoscope.directions.registry import fit_layers
from sonoscope.interpretability import aimoclips
from sonoscope.interpretability.audio_table import FEATURES
from sonoscope.interpretability.emotion_scoring import (
    CUES,
    Listener,
    cost_of,
    effect_table,
    put_aside,
    response_table,
)
from sonoscope.interpretability.emotion_steering import (
    WORDS,
    Arm,
    Push,
    axis_of,
    control_pushes,
    emotion_arms,
    feature_push,
    fit_targets,
    generate_arms,
    labels_of,
    neutral_prompts,
    plan_clips,
    push_of,
    with_emotion,
)
from sonoscope.musicgen.interface import Injection, Sampling
from sonoscope.musicgen.steering import steered
from sonoscope.settings.interpretability import EmotionSteering

QUICK = EmotionSteering(targets=["arousal", "happy"], coefficients=[0.05, 0.1], prompts=3, random=4, features=1)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def planted():
    """Pieces whose states hold arousal along one direction of each layer and valence along another."""
    g = rng()
    pieces = pd.DataFrame({"valence": g.uniform(-1, 1, 160), "arousal": g.uniform(-1, 1, 160)})
    truth = np.linalg.qr(g.standard_normal((32, 32)))[0][:2]
    states = 0.3 * g.standard_normal((160, 3, 32)) + (pieces.to_numpy() @ truth)[:, None]
    return pieces, states.astype(np.float32), truth


def test_acceptance_07_a_planted_direction_is_found_and_a_random_one_is_not(planted):
    pieces, states, truth = planted
    fitted = fit_targets(states, pieces, QUICK)
    for layer in fitted["arousal"]:
        assert float(layer.direction_ @ torch.tensor(truth[1]).float()) >= 0.9
    random = control_pushes(states, [push_of(fitted["arousal"])], 200, 0)["random"]
    cosines = [float(p.directions[0] @ torch.tensor(truth[1]).float()) for p in random]
    assert abs(np.mean(cosines)) <= 0.1


def test_acceptance_07_a_direction_in_the_embeddings_is_found_at_the_first_layer(model):
    """A known vector is added to the input of the language model for half of the clips."""
    g = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, model.cardinality, (24, 4, 12), generator=g)
    vector = torch.nn.functional.normalize(torch.randn(model.dim, generator=g), dim=0)
    labels = torch.arange(24) % 2

    def add(module, inputs):
        return (inputs[0] + 3 * labels[:, None, None] * vector, *inputs[1:])

    handle = model.blocks[0].register_forward_pre_hook(add)
    try:
        states = model.hidden_states(tokens, [None] * 24, [0])[:, :, 1:].mean(2)
    finally:
        handle.remove()
    found = fit_layers(states, labels.float(), estimator="difference_in_means")[0].direction_
    assert float(found @ vector) >= 0.9
    random = torch.nn.functional.normalize(torch.randn(200, model.dim, generator=g), dim=1)
    assert abs(float((random @ vector).mean())) <= 0.1


def test_acceptance_06_nothing_is_added_at_0_and_more_is_at_more(model):
    """Steering at 0 leaves every token as it was; on a linear toy the dose is met exactly and in order."""
    sampling, nothing = Sampling(top_k=0), torch.zeros(1, model.num_layers, model.dim)
    layers = tuple(range(model.num_layers))
    plain = model.generate(["a piece"], [3], 0.3, sampling)
    assert torch.equal(plain, model.generate(["a piece"], [3], 0.3, sampling, Injection(layers, nothing)))
    toy, push = torch.nn.Identity(), Push(torch.eye(4)[:1], torch.tensor([2.0]))
    seen = []
    for coefficient in (-0.1, 0.0, 0.1, 0.2):
        with steered([toy], Injection((0,), push.delta(coefficient)[None])):
            seen.append(float(toy(torch.zeros(1, 5, 4))[0, 0, 0]))
    assert seen == pytest.approx([-0.2, 0.0, 0.2, 0.4])


def test_every_arm_has_every_prompt_and_seed_and_controls_have_the_size_of_the_targets(planted):
    pieces, states, _ = planted
    fitted = fit_targets(states, pieces, QUICK)
    arms = emotion_arms(fitted, states, QUICK, 0)
    names = [a.arm for a in arms]
    assert names.count("steered") == 2 * 2 * 2 and names.count("prompt") == 4 and names.count("random") == 2 * 4
    assert names.count("top_pc") == 2 and names.count("unsteered") == 1
    dose = torch.stack([push_of(f).doses for f in fitted.values()]).mean(0)
    for arm in arms:
        if arm.arm in ("random", "top_pc"):
            torch.testing.assert_close(arm.push.delta(1.0).norm(dim=1), dose)
    plan = plan_clips(arms, QUICK, 0)
    assert plan["clip_id"].is_unique and len(plan) == 3 * len(arms)
    assert len(plan.drop_duplicates(["prompt_id", "sampling_seed"])) == 3
    assert set(plan.loc[plan["arm"] == "prompt", "prompt"]) > {"a happy piece", "an energetic tune", "sad music"}


def test_a_feature_is_pushed_at_its_own_layer_with_the_whole_dose():
    like = Push(torch.eye(8)[:3], torch.tensor([1.0, 2.0, 3.0]))
    delta = feature_push(5 * torch.eye(8)[7], 1, like).delta(0.5)
    assert delta[1, 7] == 3.0 and delta.abs().sum() == 3.0


def test_prompts_are_distinct_and_labels_follow_the_plane():
    assert len(set(neutral_prompts(39))) == 39
    assert with_emotion("music on flute", "calm") == "calm music on flute"
    pieces = pd.DataFrame({"valence": [0.6, -0.6, 0.2, 0.4], "arousal": [0.4, -0.4, -0.6, 0.8]})
    for k, word in enumerate(WORDS):
        assert labels_of(pieces, word).tolist() == [float(j == k) for j in range(4)]
    assert axis_of("valence").tolist() == [1, 0] and np.linalg.norm(axis_of("sad")) == pytest.approx(1)


def test_clips_of_all_arms_are_made_in_batches_and_fit_their_contract(model):
    drawn = torch.randn(3, model.dim, generator=torch.Generator().manual_seed(0))
    push = Push(torch.nn.functional.normalize(drawn, dim=1), torch.full((3,), 40.0))
    arms = [Arm("unsteered", "unsteered", 0.0, None), Arm("steered", "happy", 0.5, push)]
    small = EmotionSteering(targets=["happy"], prompts=2)
    found = generate_arms(model, arms, small, 0.2, Sampling(), 3, 0)
    STEERED.check(found)
    by_arm = {a: [read_audio(x["bytes"])[0] for x in own["audio"]] for a, own in found.groupby("arm")}
    assert not np.array_equal(by_arm["steered"][0], by_arm["unsteered"][0])
    assert (found["nll"] > 0).all()


def judged(shift=0.2, prompts=8):
    """Clips as judged: pushing towards arousal moves it by ``shift``, random directions by next to nothing."""
    g, rows = rng(), []
    arms = [("unsteered", "unsteered", 0.0, 0.0)]
    arms += [("steered", "arousal", s * 0.1, s * shift) for s in (-1, 1)]
    arms += [("random", str(k), s * 0.1, s * 0.01 * k) for k in range(4) for s in (-1, 1)]
    arms += [("prompt", w, 0.0, 0.2 * axis_of(w)[1]) for w in WORDS]
    for arm, target, coefficient, moved in arms:
        for p in range(prompts):
            base = rng(p).standard_normal()  # of the prompt: all arms share it
            rows.append(
                {"arm": arm, "target": target, "coefficient": coefficient, "prompt_id": f"{p:02d}", "seed": 0,
                 "valence": base, "arousal": base + moved + 0.02 * g.standard_normal(), "tempo": 100 * 2**moved,
                 "majorness": 0.1, "rms": -20.0, "centroid": 900.0, "onset_rate": 2.0, "silent": 0.0,
                 "nll": 2.0 + abs(moved)}
            )  # fmt: skip
    return pd.DataFrame(rows)


def test_effects_are_paired_and_beside_their_null():
    heard = judged()
    effects = effect_table(heard, 200, rng())
    EMOTION_EFFECTS.check(effects)
    by = effects.set_index(["arm", "target", "outcome"])
    own = by.loc[("steered", "arousal", "along_arousal")]
    assert own["effect"] == pytest.approx(0.2, abs=0.02) and own["low"] > own["null"] and own["n"] == 8
    assert own["null"] < 0.06
    assert by.loc[("steered", "arousal", "tempo"), "effect"] == pytest.approx(0.2, abs=1e-9)
    assert by.loc[("prompt", "arousal", "along_arousal"), "effect"] == pytest.approx(
        0.1 * (axis_of("energetic")[1] - axis_of("calm")[1]), abs=0.02
    )
    responses = response_table(heard, 200, rng())
    RESPONSES.check(responses)
    assert cost_of(responses, "steered", "arousal") == pytest.approx(0.1)


def test_octave_errors_of_the_tracker_cancel():
    heard = judged(shift=0.2)
    up = (heard["arm"] == "steered") & (heard["coefficient"] > 0)
    heard.loc[up, "tempo"] *= 2
    by = effect_table(heard, 100, rng()).set_index(["arm", "target", "outcome"])
    assert by.loc[("steered", "arousal", "tempo"), "effect"] == pytest.approx(0.2, abs=1e-9)


def test_the_listener_hears_what_features_hold_and_says_so_where_they_hold_nothing():
    g = rng()
    features = pd.DataFrame(g.standard_normal((150, len(FEATURES))), columns=list(FEATURES))
    features["tempo"] = 60 * 2 ** g.uniform(0, 1.5, 150)
    truth = pd.DataFrame({"valence": g.uniform(-1, 1, 150), "arousal": np.log2(features["tempo"] / 100)})
    listener = Listener(features, truth, rng())
    quality = listener.quality(100).set_index("target")
    assert quality.loc["arousal", "r2"] > 0.9 > 0.2 > quality.loc["valence", "r2"]
    slow, fast = (features.head(20).assign(tempo=t) for t in (70.0, 140.0))
    assert (listener.read(fast) - listener.read(slow))[:, 1].mean() == pytest.approx(1.0, abs=0.15)
    assert set(CUES) <= set(FEATURES)


def test_sound_is_put_aside_for_the_page(tmp_path):
    clip = {"bytes": to_flac(np.zeros(800, np.float32), 8000), "path": "x.flac"}
    clips = judged(prompts=2).assign(prompt="a piece", audio=[clip] * len(judged(prompts=2)))
    put_aside(clips, tmp_path)
    folders = sorted(p.name for p in tmp_path.iterdir())
    assert folders == ["00_a_piece", "01_a_piece"]
    assert [p.stem for p in sorted((tmp_path / folders[0]).iterdir())] == [
        "00_unsteered", "01_towards_arousal", "02_away_from_arousal", "03_asked_for_happy", "04_random_direction",
    ]  # fmt: skip


def test_the_published_ratings_are_those_of_the_paper():
    """Means by emotion give slopes near those over all clips: what is asked for comes out at a quarter to a third."""
    table = aimoclips.reference_table()
    assert len(table) == 12 and table[["rated_valence", "rated_arousal"]].to_numpy().min() > 1
    for axis in ("valence", "arousal"):
        found = aimoclips.slope(table[f"asked_{axis}"].to_numpy(), table[f"rated_{axis}"].to_numpy())
        assert found == pytest.approx(aimoclips.SLOPES[axis], abs=0.06)
