"""Sections on experiments 5 to 11, from made-up results in the form that the rules write."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from sonoscope.audio.files import write_audio
from sonoscope.contracts import write_json
from sonoscope.contracts.csv import write_csv
from sonoscope.dynamics.comparisons import summary_row
from sonoscope.dynamics.conclusions import CONCLUSIONS, table
from sonoscope.report.blocks import AudioGrid, Figure, Missing, Table
from sonoscope.report.results import Results
from sonoscope.report.studies.dynamics_more import sections

CODEC = "mel-pca-8"


def wav(path):
    write_audio(path, np.zeros(800, np.float32), 8000)


def bottleneck(name, **about):
    judged = {
        "state_r2": 0.3, "dnll": -2.0, "dnll_per_dim": -0.2, "direction_cosine": 0.6, "n_speakers": 4,
        "intervals": {"state_r2": [0.2, 0.4]},
    }  # fmt: skip
    entries = [{"model_type": m, "horizon_k": 1, "eval": judged} for m in ("vmf", "ridge_var")]
    mode = {"state_err": 1.0, "cos": 0.2, "state_err_normalised": 0.9, "energy_score": 0.5}
    diagnostic = {
        "predictor": "vmf", "horizon_k": 1, "tier": "speech", "modes": {"D_rollout": mode},
        "predictors": {"persistence": {"D_rollout": mode}},
    }  # fmt: skip
    recon = {
        "l1_mean": 0.1, "mel_distance_mean": 0.5, "log_mel_distance": 0.5, "log_mel_distance_interval": [0.4, 0.6],
        "si_sdr": -3.0, "stoi": 0.8, "pesq": None, "n_utterances": 4, "n_speakers": 4,
    }  # fmt: skip
    health = {
        "dim": 8, "active_units": 1.0, "effective_rank": 6.0, "effective_rank_of_steps": 5.0,
        "posterior": {"kl_per_frame": 9.0, "feature_r2": 0.8},
    }  # fmt: skip
    return summary_row(name, about, recon, health, entries, diagnostic)


def clip_rows(folder, kinds, key="kind"):
    rows = []
    for kind in kinds:
        for k in (1, 4):
            path = f"audio/utt_000_u/{kind}_k{k:02d}.wav"
            wav(folder / path)
            rows.append(
                {
                    "utterance_id": "u", "speaker_id": "s", key: kind, "rollout_length": k, "log_mel_distance": 0.2 * k,
                    "wav_path": path, "latent_error": 1.0, "modulation_distance": 0.1, "stoi": None, "pesq": None,
                    "si_sdr": None, "finite": True,
                }
            )  # fmt: skip
    wav(folder / "audio" / "utt_000_u" / "GT.wav")
    return rows


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    root = tmp_path_factory.mktemp("results")
    at = root / "dynamics"
    write_csv(at / "weigh_conclusions" / "conclusions.csv", table({}, {"1": "speech"}, "synthetic"))
    variants = ["baseline_betavae", "betavae_smooth"]
    write_csv(at / "compare_betavae" / "summary.csv", pd.DataFrame([bottleneck(v, beta=0.1) for v in variants]))
    for folder in (*(at / "train_betavae" / v / "samples" for v in variants), at / "train_vaegan" / "samples"):
        wav(folder / "u_original.wav")
        wav(folder / "u_reconstruction.wav")
    about = {"codec": "toy", "teacher": "a stand-in", "codec_log_mel_distance": 0.4, "codec_stoi": 0.9}
    write_csv(at / "compare_vaegan" / "summary.csv", pd.DataFrame([bottleneck("vaegan", **about)]))
    losses = [{"step": s, "reconstruction": 1 / s, "discriminator": 2.0} for s in (1, 2)]
    write_json(at / "train_vaegan" / "health.json", {"history": losses})
    settings = {"none": {}, "best": {"method": "tweedie", "sigma": 0.5}, "control": {"method": "shrink", "sigma": 1.0}}
    judged = [
        {"name": n, "energy_score": 0.5, "energy_score_change": -0.1, "energy_score_change_interval": [-0.2, 0.0],
         "state_err_normalised": 0.9, "cos": 0.1, "spread_skill": 1.0, "off_manifold": 0.1, "n_speakers": 4, **more}
        for n, more in settings.items()
    ]  # fmt: skip
    six = at / "correct_rollouts" / CODEC
    write_json(six / "best.json", {"rollout_error": 1.1, "judged": judged})
    gaps = [
        {"law": law, "correction": c, "sigma": s, "error": 1.0, "least_error": 0.9, "gap": 0.01, "gaussian_gap": 0.2,
         "uncorrected": 2.0}
        for law in ("gaussian", "mixture") for c in ("tweedie", "langevin_drift") for s in (0.1, 1.0)
    ]  # fmt: skip
    write_csv(six / "known_answers.csv", pd.DataFrame(gaps))
    swept = {"mode": "D_corrected", "method": "tweedie", "sigma": 0.5, "n_steps": 1, "step_size": 1.0}
    swept |= {"tweedie_scale": 1.0, "energy_score": 0.4, "state_err_normalised": 0.8, "cos": 0.1, "off_manifold": 0.0}
    write_csv(six / "summary.csv", pd.DataFrame([swept | {"displacement": 0.1}]))
    seven = at / "decode_rollouts" / CODEC
    rows = clip_rows(seven, ("vmf", "hold"))
    write_csv(seven / "scores.csv", pd.DataFrame(rows))
    means = pd.DataFrame(rows).assign(log_mel_distance_low=0.1, log_mel_distance_high=0.3, n=2)
    write_csv(seven / "summary.csv", means)
    books = [
        {"kind": kind, "k": k, "angle_mean": 50.0 - k, "angle_low": 40.0, "angle_high": 60.0, "null_isotropic": 65.0,
         "null_linear_gaussian": 60.0, "null_mean_reverting": 55.0, "sign_quantiser_angle": 70.0, "perplexity": 3.0,
         "entropy_ratio": 0.9, "divergence_open": 1.0, "divergence_closed": 0.5, "log_mel_distance_open": 1.0,
         "log_mel_distance_closed": 0.5}
        for kind in ("normalized", "state_vq") for k in (4, 8)
    ]  # fmt: skip
    eight = at / "fit_codebooks"
    write_csv(eight / "summary.csv", pd.DataFrame(books))
    wav(eight / "audio" / "u" / "truth.wav")
    wav(eight / "audio" / "u" / "n.wav")
    coded = {"utterance_id": "u", "kind": "normalized", "k": 4, "loop": "open", "log_mel_distance": 0.4}
    write_json(eight / "eval_results.json", [coded | {"wav_path": "audio/u/n.wav"}])
    ten = at / "fit_direction_ar"
    simple = {n: {"top1": 0.1, "cross_entropy": None} for n in ("unigram", "bigram", "mean_reversion", "ridge_var")}
    forced = {"top1": 0.2, "top5": 0.5, "top1_interval": [0.1, 0.3], "cross_entropy": 2.0, "perplexity": 7.4}
    forced |= {"calibration_error": 0.05, "baselines": simple, "codes": 8, "n": 100, "n_speakers": 4}
    write_json(ten / "teacher_forced_metrics.json", forced | {"marginal_entropy": 2.0, "uniform_entropy": 2.1})
    steps = [{"step": s, "strategy": n, "direction_cosine": 0.5 / s} for n in ("argmax", "categorical") for s in (1, 2)]
    write_csv(ten / "per_step.csv", pd.DataFrame(steps))
    write_json(ten / "rollout_metrics.json", [{"strategy": "argmax", "k_max": 2, "mean_direction_cosine": 0.4}])
    write_json(ten / "audio_eval_results.json", clip_rows(ten, ("argmax",)))
    eleven = at / "denoise_rollouts"
    each = [{"step": s, "state_err_normalised": 0.1 * s} for s in (1, 2)]
    write_json(
        eleven / "rollout_metrics.json",
        [
            {"condition": n, "k_max": 2, "sigma": None, "per_step": each}
            for n in ("mdn_baseline", "mdn_tweedie", "mdn_shrink")
        ],
    )
    paired = {
        "measure": "final_state_err_normalised", "mdn_baseline": 0.9, "mdn_tweedie": 0.8, "mdn_shrink": 0.85,
        "mdn_flow": 0.88, "minus_mdn_baseline": -0.1, "minus_mdn_baseline_interval": [-0.2, 0.0],
        "minus_mdn_shrink": -0.05, "minus_mdn_shrink_interval": None, "n_speakers": 4,
    }  # fmt: skip
    write_json(eleven / "paired.json", {"conditions": {"mdn_tweedie": paired}})
    write_json(eleven / "audio_eval_results.json", [])
    return Results(root)


@pytest.fixture(scope="module")
def made(results):
    return {s.slug: s for s in sections(results, CODEC)}


def test_every_experiment_has_a_section_and_nothing_is_missing(made):
    assert list(made) == ["conclusions", "exp5", "exp6", "exp7", "exp8", "exp9", "exp10", "exp11"]
    assert not [b for s in made.values() for b in s.blocks if isinstance(b, Missing)]


def test_names_of_blocks_are_unique_and_figures_draw(made):
    blocks = [b for s in made.values() for b in s.blocks if isinstance(b, Figure | Table | AudioGrid)]
    assert len({b.name for b in blocks}) == len(blocks) >= 18
    for block in blocks:
        if isinstance(block, Figure):
            plt.close(block.draw())
            assert block.alt and block.caption
        if isinstance(block, Table):
            assert block.rows and set(block.columns) <= set(block.data.columns), block.name


def test_players_play_files_that_are_there(made):
    grids = [b for s in made.values() for b in s.blocks if isinstance(b, AudioGrid)]
    assert {g.name for g in grids} == {f"dynamics-exp{n}-listen" for n in ("5", "7", "8", "9", "10")} | {
        "dynamics-exp5-listen"
    }
    for grid in grids:
        for row in grid.rows:
            assert len(row.clips) == len(grid.columns)
            assert all(c is None or c.path.is_file() for c in row.clips), grid.name


def test_conclusions_are_counted_and_a_stand_in_is_named(made):
    assert f"{len(CONCLUSIONS)} not tested" in made["conclusions"].blocks[0].text
    assert "says nothing about WavLM" in made["exp9"].blocks[0].text


def test_what_is_not_there_names_its_target(results, tmp_path):
    assert sections(Results(tmp_path), CODEC) == ()
    write_csv(tmp_path / "dynamics" / "compare_betavae" / "summary.csv", pd.DataFrame([bottleneck("x")]))
    found = {s.slug: s.blocks for s in sections(Results(tmp_path), CODEC)}
    assert [b.target for b in found["exp9"]] == ["exp9"] and not isinstance(found["exp5"][0], Missing)
