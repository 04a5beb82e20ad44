"""The study's page, of the results of a toy run."""

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from toy_parts import make_part

from sonoscope.audio.files import write_audio
from sonoscope.contracts import write_json
from sonoscope.dynamics.experiment1 import fit_part, judge_part
from sonoscope.dynamics.experiment2 import diagnose, per_step_table
from sonoscope.dynamics.linear import autoregression
from sonoscope.report.blocks import AudioGrid, Figure, Prose, Table
from sonoscope.report.results import Results
from sonoscope.report.studies.dynamics import build
from sonoscope.settings.dynamics import Dynamics, Fit, Rollout


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Results of experiments 1, 2 and 3B and the self-test."""
    import torch

    root = tmp_path_factory.mktemp("storage") / "results" / "demo"
    at = root / "dynamics"
    part = make_part(autoregression(4, 0.6).sample(60, 30, torch.Generator().manual_seed(0)), name="toy-codec")
    settings = Dynamics(
        window=3, horizons=(1, 2), resamples=100,
        fit=Fit(models=("vmf", "mdn"), seeds=(0, 1), hidden=4, components=2, max_steps=2, batch=16),
        rollout=Rollout(k_steps=3, inject_after_steps_periodic=(1,), n_eval_utterances=3, segments_per_utt=2, draws=3),
    )  # fmt: skip
    fitted = fit_part(part, settings, root, 0)
    write_json(at / "fit_dynamics" / "toy-codec" / "metrics.json", judge_part(part, fitted, settings, {}, 0))
    _, rows = diagnose(part, {"vmf": (fitted.models["vmf"][1], 2)}, settings, 0)
    folder = at / "diagnose_injection" / "toy-codec"
    folder.mkdir(parents=True)
    per_step_table(rows).to_csv(folder / "per_step.csv", index=False)
    known = [
        {"process": p, "horizon_k": k, "model_type": m, "n": 10, "nll": 2.0, "nll_of_true_law": 1.9, "gap": gap,
         "direction_cosine": 0.5, "optimal_cosine": 0.5, "state_r2": 0.3, "optimal_state_r2": 0.3, "chosen": m == "vmf"}
        for p, gap in (("ar1_06", 0.01), ("switching", 0.03)) for k in (1, 2)
        for m in ("vmf", "vmf_published", "mean_reversion")
    ]  # fmt: skip
    (at / "judge_processes").mkdir()
    pd.DataFrame(known).to_csv(at / "judge_processes" / "known_answers.csv", index=False)
    folder = at / "synthesise_trajectories" / "toy-codec"
    scores = []
    for mode, family in (("GT", "truth"), ("direction_e0.5", "matched"), ("shorter_e0.5", "matched")):
        write_audio(folder / "audio" / f"{mode}.wav", np.zeros(4800, np.float32), 48_000)
        scores.append(
            {"utterance_id": "u", "speaker_id": "s", "mode": mode, "family": family, "latent_error": 0.5,
             "log_mel_distance": 0.1, "modulation_distance": 0.1, "si_sdr": 3.0, "stoi": 0.9, "pesq": None,
             "wav_path": f"audio/{mode}.wav"}
        )  # fmt: skip
    pd.DataFrame(scores).to_csv(folder / "scores.csv", index=False)
    return root


@pytest.fixture(scope="module")
def page(finished):
    return build(Results(finished, {}))


def blocks(page, kind):
    return {getattr(b, "name", i): b for i, s in enumerate(page.sections) for b in s.blocks if isinstance(b, kind)}


def prose(page):
    return " ".join(b.text for s in page.sections for b in s.blocks if isinstance(b, Prose))


def test_the_answer_counts_processes_within_the_bar(page):
    assert page.answer is not None and page.answer.verdict == "partly recovered"
    assert "1 of 2 processes" in page.answer.text and "3.0 %" in page.answer.reason


def test_every_experiment_has_its_section_and_what_is_missing_says_so(page):
    assert [s.slug for s in page.sections] == ["self-test", "exp1", "exp1b", "exp2", "exp3", "exp3b", "exp4"]
    assert {s.slug for s in page.sections for b in s.blocks if b.kind == "missing"} == {"exp1b", "exp3", "exp4"}


def test_experiment_1_says_by_how_much_not_and_which_state_was_kept(page, finished):
    entries = json.loads((finished / "dynamics" / "fit_dynamics" / "toy-codec" / "metrics.json").read_text())
    nll = {(e["horizon_k"], e["model_type"]): e["eval"]["nll"] for e in entries}
    assert f"{nll[1, 'mdn'] - nll[1, 'vmf']:+.2f} at horizon 1".replace("-", "−") in prose(page)
    table = blocks(page, Table)["dynamics-exp1"]
    vmf = table.data[(table.data.model == "Direction × magnitude") & (table.data.horizon_k == 1)].iloc[0]
    assert vmf.kept.count(",") == 1 and np.isfinite(vmf.logmag_skill)
    assert {"Student t (no context)", "Reversion to the speaker's mean"} <= set(table.data.model)


def test_published_numbers_stand_beside_ours_and_those_of_the_published_head(page):
    tables = blocks(page, Table)
    first = tables["dynamics-exp1-published"].data.iloc[0]
    assert first.published_dnll == 2.198 and np.isfinite(first.head_dnll) and np.isfinite(first.our_dnll)
    modes = tables["dynamics-exp2-published"].data.set_index("mode")
    assert modes.loc["D_rollout", "published_cos"] == 0.068 and np.isfinite(modes.loc["D_rollout", "cos"])


def test_measures_that_were_not_taken_have_no_column_and_pesq_says_how_to_get_it(page):
    table = blocks(page, Table)["dynamics-trajectory-scores"]
    assert {"stoi", "si_sdr"} <= set(table.columns) and "pesq" not in table.columns
    assert "envs/pesq.txt" in prose(page)
    grid = blocks(page, AudioGrid)["dynamics-trajectories"]
    assert all(c is None or c.path.is_file() for row in grid.rows for c in row.clips)


def test_every_figure_can_be_drawn(page):
    figures = blocks(page, Figure)
    assert {"dynamics-known-gaps", "dynamics-likelihoods", "dynamics-rollouts"} <= set(figures)
    import matplotlib.pyplot as plt

    for figure in figures.values():
        assert figure.draw().axes and figure.alt and figure.caption
    plt.close("all")


def test_columns_of_tables_are_in_their_data(page):
    for name, table in blocks(page, Table).items():
        assert set(table.columns) <= set(table.data.columns), name
        assert dataclasses.is_dataclass(table)
