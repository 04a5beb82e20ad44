"""Acceptance test 20: plots exist, with layers in their order; the verdict judges each condition from its table."""

import numpy as np
import pandas as pd
import pytest

from sonoscope import scorecard
from sonoscope.audio.files import write_audio
from sonoscope.contracts import emotion_steering as steering_files
from sonoscope.contracts import interpretability as files
from sonoscope.report import style
from sonoscope.report.blocks import AudioGrid, Figure, Missing, Table
from sonoscope.report.results import Results
from sonoscope.report.studies import interpretability_figures as figures
from sonoscope.report.studies.interpretability import build
from sonoscope.report.studies.interpretability_steering import effect_figure, steering_condition
from sonoscope.report.studies.interpretability_verdict import conditions


def rng():
    return np.random.default_rng(0)


def interval(value, spread=0.1):
    return {"value": value, "low": value - spread, "high": value + spread}


def probes(states=0.95):
    return pd.DataFrame(
        [
            {"target": t, "source": s, "pieces": p, "measure": "auc" if t == "mode" else "r2", "n": 60,
             **interval(v, 0.03), "null": 0.0, "control": 0.1, "layer": 2}
            for t in ("mode", "tempo", "valence", "arousal")
            for s, v in (("states", states), ("tokens", 0.3), ("energy", 0.1))
            for p in ("controlled", "free")
        ]
    )  # fmt: skip


def layers(count=13):
    return pd.DataFrame(
        [
            {"statistic": s, "layer": k, "first": k + 1.0, "second": k + 0.5, "effect": 1.0, "low": 0.2, "high": 1.8,
             "p_value": 0.04, "adjusted": 0.3, "n": 5, "detectable": 2.0, "same_prompt": 0.4, "same_emotion": 0.5,
             "other_emotion": 0.6}
            for s in ("norm", "kurtosis", "hoyer", "std") for k in rng().permutation(count)
        ]
    )  # fmt: skip


def swaps(text=0.01):
    return pd.DataFrame(
        [
            {"cue": c, "n": 20, "tokens": 0.5, "tokens_low": 0.4, "tokens_high": 0.6, "text": text, "text_low": -0.1,
             "text_high": 0.1, "share": 0.9}
            for c in ("valence", "arousal")
        ]
    )  # fmt: skip


def effects(truth=0.3):
    return pd.DataFrame(
        [
            {"outcome": o, "effect": e, "n": 20, "estimate": 0.3, "low": 0.2, "high": 0.4, "truth": truth,
             "regression": -0.2}
            for o in ("arousal", "known_model") for e in ("direct", "indirect", "total")
        ]
    )  # fmt: skip


def cross(between=0.5):
    kinds = ("emotion words", "cue words", "rendered music")
    return pd.DataFrame(
        [
            {"target": t, "trained_on": a, "tested_on": b, "row": "cond", "layer": 2, "n": 20, "correlation": between,
             "low": between - 0.2, "high": between + 0.2}
            for t in ("valence", "arousal") for a in kinds for b in kinds
        ]
    )  # fmt: skip


def patches(direction=0.6):
    rows = [
        {"texts": "a happy piece / a sad piece", "site": "layer", "measure": m, "layer": k, "head": -1, "n": 8,
         **interval(k / 4), "null": np.nan}
        for m in ("denoising", "noising", "attribution") for k in range(5)
    ] + [
        {"texts": "a happy piece / a sad piece", "site": "cross_head", "measure": "denoising", "layer": k, "head": h,
         "n": 8, **interval(0.1 * h), "null": np.nan}
        for k in range(5) for h in range(3)
    ] + [
        {"texts": "a happy piece / a sad piece", "site": "direction", "measure": m, "layer": 2, "head": -1, "n": 8,
         **interval(direction), "null": 0.1}
        for m in ("sufficiency", "necessity")
    ]  # fmt: skip
    return pd.DataFrame(rows)


def emotion_effects(effect=0.4):
    return pd.DataFrame(
        [
            {"arm": arm, "target": t, "outcome": o, "n": 6, "effect": e, "low": e - 0.1, "high": e + 0.1, "null": 0.1}
            for t in ("valence", "arousal", "happy")
            for o in ("along_valence", "along_arousal", "along_happy", "tempo")
            for arm, e in (("steered", effect), ("prompt", 0.2))
        ]
    )  # fmt: skip


def responses(cost=0.05):
    row = {"n": 6, "along": 0.0, "low": -0.1, "high": 0.1, "valence": 0.0, "arousal": 0.0, "tempo": 100.0,
           "majorness": 0.0, "rms": -20.0, "centroid": 900.0, "onset_rate": 2.0, "silent": 0.0}  # fmt: skip
    arms = [("unsteered", "arousal", 0.0, 2.0)]
    arms += [("steered", t, c, 2.0 * (1 + cost)) for t in ("valence", "arousal", "happy") for c in (-0.1, 0.1)]
    return pd.DataFrame([{**row, "arm": a, "target": t, "coefficient": c, "nll": n} for a, t, c, n in arms])


def lines(ax):
    return [np.asarray(line.get_xdata(), dtype=float) for line in ax.get_lines()]


def test_acceptance_20_every_figure_is_drawn_with_layers_in_their_order():
    geometry = pd.DataFrame(
        [
            {"measure": m, "row": r, "layer": k, "value": 0.1 * k, "null": 0.0, "p_value": 0.1}
            for m in ("silhouette", "circumplex", "rsa") for r in ("cond", "null") for k in rng().permutation(13)
        ]
    )  # fmt: skip
    picture = pd.DataFrame({"clip_id": list("abcd"), "emotion": ["happy", "sad"] * 2, "x": range(4), "y": range(4)})
    made = [
        figures.probe_figure("m", probes(), "controlled", ()), figures.probe_figure("m", probes(), "free", ()),
        figures.layers_figure("m", layers(), ("happy", "sad"), ()),
        figures.patch_figure("m", patches(), ()), figures.heads_figure("m", patches(), ()),
        figures.geometry_figure("m", geometry, ()), figures.picture_figure("m", picture, 3, ()),
        figures.cross_figure("m", cross(), ()), figures.mediation_figure("m", effects(), ()),
        effect_figure("m", emotion_effects(), ()),
    ]  # fmt: skip
    names = [figure.name for figure in made]
    assert len(set(names)) == len(names)
    with style.drawn_in(style.LIGHT):
        drawn = {figure.name: figure.draw() for figure in made}
    for name in ("layers-figure-m", "geometry-figure-m"):
        for ax in drawn[name].axes:
            assert all((np.diff(x) > 0).all() for x in lines(ax)), name
    assert all(drawing.axes for drawing in drawn.values())


@pytest.mark.parametrize("holds", [True, False])
def test_each_condition_is_judged_by_its_own_table(holds):
    found = {
        "probes": probes(0.95 if holds else 0.25), "swaps": swaps(0.01 if holds else 0.9),
        "effects": effects(0.3 if holds else 0.9), "cross": cross(0.5 if holds else 0.1),
        "patches": patches(0.6 if holds else 0.15), "steering": emotion_effects(0.4 if holds else 0.1),
        "responses": responses(0.05),
    }  # fmt: skip
    judged = conditions(found)
    assert judged["verdict"].tolist() == ["pass" if holds else "fail"] * 5
    assert judged["found"].str.len().min() > 10


def test_what_has_not_run_is_not_judged():
    judged = conditions({"probes": probes(), "swaps": swaps(), "effects": effects()})
    assert judged["verdict"].tolist() == ["pass", "pass", "not judged", "pass", "not judged"]


def test_steering_at_too_high_a_cost_does_not_pass():
    assert steering_condition(emotion_effects(), responses(0.05))[0]
    passed, told = steering_condition(emotion_effects(), responses(0.5))
    assert not passed and "50" in told


def test_the_made_up_tables_fit_their_contracts():
    files.PROBES.check(probes())
    files.LAYERS.check(layers())
    files.SWAP.check(swaps())
    files.EFFECTS.check(effects())
    files.CROSS.check(cross())
    files.PATCHES.check(patches())
    steering_files.EMOTION_EFFECTS.check(emotion_effects())
    steering_files.RESPONSES.check(responses())


def test_the_page_is_built_of_whatever_there_is(tmp_path):
    """No two blocks share a name, and what has not run is said."""
    home = tmp_path / "results" / "demo" / "interpretability"
    for name, contract, frame in (
        ("probes", files.PROBES, probes()), ("swaps", files.SWAP, swaps()), ("effects", files.EFFECTS, effects()),
        ("layers", files.LAYERS, layers()), ("cross", files.CROSS, cross()),
    ):  # fmt: skip
        contract.write(home / "analyse_activations" / "m" / f"{name}.parquet", frame)
    scorecard.write(home / "analyse_activations" / "m" / "scorecard.json", [])
    files.PATCHES.write(home / "patch_activations" / "m" / "patches.parquet", patches())
    judged = home / "judge_emotions" / "m"
    steering_files.EMOTION_EFFECTS.write(judged / "effects.parquet", emotion_effects())
    steering_files.RESPONSES.write(judged / "responses.parquet", responses())
    listener = pd.DataFrame(
        [{"target": t, "n": 60, "r2": 0.5, "low": 0.4, "high": 0.6} for t in ("valence", "arousal")]
    )
    steering_files.LISTENER.write(judged / "listener.parquet", listener)
    for name in ("00_unsteered", "01_towards_happy"):
        write_audio(judged / "clips" / "00_a_piece" / f"{name}.flac", np.zeros(800, np.float32), 8000)
    study = build(Results(home.parent, {}))
    grids = [b for section in study.sections for b in section.blocks if isinstance(b, AudioGrid)]
    assert [g.columns for g in grids] == [("unsteered", "towards happy")]
    assert grids[0].rows[0].label == "a piece" and grids[0].rows[0].clips[1].path.is_file()
    blocks = [b for section in study.sections for b in section.blocks]
    names = [b.name for b in blocks if isinstance(b, Figure | Table)]
    assert len(set(names)) == len(names) > 12
    assert {b.what for b in blocks if isinstance(b, Missing)} == {
        "Geometry of the generated clips' states", "Sparse autoencoders", "Features of a sparse autoencoder",
    }  # fmt: skip
    assert study.answer is not None and study.answer.verdict == "recovered"
