"""Mistakes 2 and 7 of the seed project (n of 1, the word in the prompt), acceptance tests 14 and 20."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from sonoscope.interpretability.analysis import (
    false_positives,
    layer_differences,
    mediation_table,
    probe_table,
    swap_table,
)
from sonoscope.interpretability.describe import STATISTICS
from sonoscope.interpretability.heard import ARMS, TEXTS, chosen_prompts, heard_pieces, true_effects
from sonoscope.interpretability.rows import analysis_rows
from sonoscope.settings.interpretability import HeardPieces, Probing

QUICK = Probing(folds=3, permutations=100, null_repeats=20, resamples=200)


def rng(seed=0):
    return np.random.default_rng(seed)


@pytest.fixture(scope="module")
def pieces():
    return heard_pieces(HeardPieces(controlled=60, count=24, swapped=20, units=10), 1.0, 8000, 0)


def states_of(pieces, noise=0.1):
    """States that hold arousal, mode and nothing else."""
    out = noise * rng().standard_normal((len(pieces), 2, 12)).astype(np.float32)
    out[:, 1, 0] += pieces["arousal"].to_numpy()
    out[:, 1, 1] += (pieces["mode"] == "major").to_numpy()
    return out


def test_versions_of_a_piece_differ_as_the_composer_says(pieces):
    direct, indirect = true_effects()
    by_arm = {arm: pieces[pieces["arm"] == arm]["arousal"].to_numpy() for arm, _, _ in ARMS}
    np.testing.assert_allclose(by_arm["fast_soft"] - by_arm["slow_soft"], direct, atol=1e-9)
    np.testing.assert_allclose(by_arm["fast_loud"] - by_arm["fast_soft"], indirect, atol=1e-9)
    louder = {arm: pieces[pieces["arm"] == arm]["energy"].mean() for arm, _, _ in ARMS}
    assert louder["fast_loud"] > louder["fast_soft"] + 3


def test_controlled_pieces_differ_in_the_judged_cues_alone_and_free_ones_in_all(pieces):
    held, free = (pieces[pieces["arm"] == arm] for arm in ("controlled", "free"))
    assert set(held["register"]) == {0} and set(free["register"]) == {-12, 0, 12}
    cues = np.stack([held["mode"] == "major", np.log2(held["tempo"]), held["dynamics"]]).astype(float)
    together = np.corrcoef(cues)[np.triu_indices(3, 1)]
    assert held["tempo"].nunique() > 40 and np.abs(together).max() < 0.4  # drawn independently, 60 pieces
    units = pieces[~pieces["arm"].isin(("controlled", "free"))]
    assert (units.groupby("group").size() == len(ARMS)).all() and set(units["register"]) == {0}


def test_readings_need_pieces_that_are_not_swapped():
    with pytest.raises(ValidationError, match="swapped: expected at most half of the 30 controlled pieces"):
        HeardPieces(controlled=30, swapped=20)


def test_only_probes_of_controlled_pieces_have_a_bar(pieces):
    tables = [
        probe_table(
            pieces[own], {"states": states_of(pieces)[own], "tokens": states_of(pieces, 9.0)[own]}, QUICK, rng()
        )
        for own in ((pieces["arm"] == arm).to_numpy() for arm in ("controlled", "free"))
    ]
    assert "register" not in set(tables[0]["target"]) and "register" in set(tables[1]["target"])
    effects = mediation_table(pieces, states_of(pieces), tables[0], QUICK, rng())
    swaps = pd.DataFrame({"cue": ["mode"], "share": [1.0], "n": [3]})
    rows = {row.name: row for row in analysis_rows(pd.concat(tables), swaps, effects, (1, 20), ("test",))}
    judged, varied = rows["interpretability.probe.mode"], rows["interpretability.probe_varied.mode"]
    assert judged.target == 0.9 and varied.target is None and (judged.n, varied.n) == (60, 24)
    own = tables[0].set_index(["target", "source"])["value"]
    assert judged.value == own["mode", "states"] and judged.baseline == own["mode", "tokens"]


@pytest.mark.parametrize("hears", [True, False])
def test_mistake_7_a_probe_that_follows_the_word_is_told_from_one_that_hears(pieces, hears):
    held = pieces[pieces["arm"] == "controlled"].reset_index(drop=True)
    null = states_of(held)
    swapped = np.repeat(null[:20, None], 2 * len(TEXTS), axis=1)
    if not hears:
        swapped = swapped[np.zeros(20, int)] + 0.01 * rng(1).standard_normal(swapped.shape).astype(np.float32)
        swapped[:, 1::2, 1, :2] += 1  # the word adds what the cue would have
    probes = probe_table(held, {"states": null, "energy": held[["energy"]].to_numpy("float32")}, QUICK, rng())
    table = swap_table(held, null, swapped, probes, QUICK, rng()).set_index("cue")
    for cue in ("mode", "arousal"):
        assert (table.loc[cue, "share"] > 0.8) == hears
        assert (table.loc[cue, "text_low"] > 0) != hears


def test_effects_on_states_that_hold_arousal_are_the_composers(pieces):
    null = states_of(pieces, noise=0.01)
    held = (pieces["arm"] == "controlled").to_numpy()
    probes = probe_table(pieces[held], {"states": null[held]}, QUICK, rng())
    assert probes.set_index("target").loc["arousal", "value"] > 0.9
    table = mediation_table(pieces, null, probes, QUICK, rng())
    own = table[table["outcome"] == "arousal"]
    np.testing.assert_allclose(own["estimate"] / own["truth"], 1, atol=0.1)
    assert (table[table["outcome"] == "known_model"]["estimate"].iloc[0]) == pytest.approx(0.3, abs=0.03)


def clips(prompts, seeds):
    rows = [(e, f"{e}-{k}", s) for e in ("happy", "sad") for k in range(prompts) for s in range(seeds)]
    return pd.DataFrame(rows, columns=["emotion", "prompt_id", "seed"])


def test_mistake_2_the_prompt_is_the_unit_and_seeds_stand_beside():
    """Prompts differ among each other, emotions do not: many seeds do not make a finding."""
    table = clips(5, 20)
    of_prompt = {p: rng(k).standard_normal((3, 6)) for k, p in enumerate(table["prompt_id"].unique())}
    values = np.stack([of_prompt[p] for p in table["prompt_id"]]) + 0.1 * rng().standard_normal((200, 3, 6))
    found = layer_differences(table, values, ["happy", "sad"], 300, rng())
    assert (found["n"] == 5).all() and found["adjusted"].min() > 0.05
    assert (found["same_prompt"] < found["same_emotion"]).all()
    assert found["layer"].tolist() == [0, 1, 2] * len(STATISTICS)
    values[(table["emotion"] == "happy").to_numpy(), 2, 1] += 8
    found = layer_differences(table, values, ["happy", "sad"], 300, rng()).set_index(["statistic", "layer"])
    assert found.loc[("std", 2), "adjusted"] < 0.05 and found.loc[("std", 2), "effect"] > 2


def test_labels_drawn_at_random_are_found_at_the_nominal_rate():
    states = np.repeat(rng().standard_normal((20, 3, 8)), 2, axis=0)
    hits, repeats = false_positives(states, np.repeat([f"p{k:02d}" for k in range(20)], 2), 60, rng())
    assert repeats == 60 and hits <= 8


def test_every_emotion_gets_the_same_templates_half_of_them_without_its_name():
    from sonoscope.symbolic.prompts import emotion_prompts

    found = chosen_prompts(emotion_prompts(), ["happy", "sad"], 5)
    by_emotion = found.groupby("emotion")["template_id"].apply(list)
    assert by_emotion["happy"] == by_emotion["sad"] and len(by_emotion["sad"]) == 5
    cues = found[found["template_id"].str.startswith("cue")]
    assert len(cues) == 4 and not cues["prompt"].str.contains("happy|sad").any()
