import pytest

from sonoscope.dynamics.comparisons import rows_of
from sonoscope.dynamics.conclusions import CONCLUSIONS, against, counts, longest, shortest, table
from sonoscope.scorecard import measure


def row(name, value, low=None, high=None, **more):
    return measure(name, value, low=low, high=high, n=more.pop("n", 6), **more)


@pytest.mark.parametrize(
    ("low", "high", "higher", "opposite", "verdict"),
    [
        (0.2, 0.4, True, False, "supported"),
        (-0.4, -0.2, True, False, "contradicted"),
        (-0.1, 0.4, True, False, "open"),
        (0.2, 0.4, False, False, "contradicted"),
        (0.2, 0.4, True, True, "contradicted"),
        (-0.4, -0.2, True, True, "supported"),
    ],
)
def test_verdicts_are_read_off_intervals(low, high, higher, opposite, verdict):
    found = against(row("a.b", (low + high) / 2, low, high), 0.0, "x", higher, opposite)
    assert found.verdict == verdict and found.rows == ("a.b",)


def test_one_speaker_leaves_a_conclusion_open_and_no_row_leaves_it_untested():
    assert against(row("a.b", 3.0, n=1), 0.0, "x").verdict == "open"
    assert against(None, 0.0, "x").verdict == "not tested"


def test_rows_are_found_by_the_number_in_their_name():
    rows = {n: row(n, 1.0) for n in ("d.k1.x", "d.k8.x", "d.k10.x", "d.k2.y")}
    assert shortest(rows, r"d\.k(\d+)\.x").name == "d.k1.x" and longest(rows, r"d\.k(\d+)\.x").name == "d.k10.x"
    assert shortest(rows, r"e(\d+)") is None


def test_without_results_nothing_is_claimed():
    found = table({}, {"1": "speech"}, "synthetic")
    assert set(found.verdict) == {"not tested"} and len(found) == len(CONCLUSIONS)
    assert counts(found) == {"not tested": len(CONCLUSIONS)}
    assert set(found.tier) == {"speech, synthetic"}


def test_a_correction_that_helps_contradicts_that_it_does_not():
    rows = {
        r.name: r
        for r in (
            row("dynamics.exp6.best", 0.8, 0.7, 0.85, null=0.9, target=0.9, better="lower"),
            row("dynamics.exp6.known_answer_gap", 0.01, target=0.05, better="lower"),
        )
    }
    found = table(rows, {"1": "speech"}, "synthetic").set_index("conclusion")
    assert found.loc["Correction by a score does not help", "verdict"] == "contradicted"
    worse = rows | {
        "dynamics.exp6.best": row("dynamics.exp6.best", 0.9, 0.8, 1.0, null=0.9, target=0.8, better="lower")
    }
    found = table(worse, {"1": "speech"}, "synthetic").set_index("conclusion")
    assert found.loc["Correction by a score does not help", "verdict"] == "supported"


def test_shrinking_alone_does_not_make_denoising_a_success():
    def one(value, control):
        return row("dynamics.exp11.mdn_tweedie", value, null=1.0, baseline=control, target=1.0, better="lower")

    for control, verdict in ((0.95, "supported"), (0.7, "open")):
        found = table({"dynamics.exp11.mdn_tweedie": one(0.9, control)}, {"1": "speech"}, "synthetic")
        assert found.set_index("experiment").loc["11", "verdict"] == verdict


def test_losses_that_lift_predictability_beyond_the_interval_are_not_marginal():
    rows = {
        n: row(n, v, v - 0.02, v + 0.02)
        for n, v in (
            ("dynamics.exp5.baseline_betavae.state_r2", 0.2),
            ("dynamics.exp5.betavae_smooth.state_r2", 0.5),
        )
    }
    found = table(rows, {"1": "speech"}, "synthetic").set_index("conclusion")
    assert found.loc["Losses for smoothness and predictability change little", "verdict"] == "contradicted"


def test_dead_latents_miss_their_target():
    about = {"dim": 32, "effective_rank_of_steps": 2.0, "effective_rank": 2.0, "recon_n_speakers": 3, "n_speakers": 4}
    about |= {"log_mel_distance": 2.4, "log_mel_low": 2.3, "log_mel_high": 2.5, "state_r2": None}
    about |= {"rollout_energy_score": None}
    rows = {r.name: r for r in rows_of("dynamics.exp5.x", about | {"active_units": 0.1}, ["a"])}
    assert rows["dynamics.exp5.x.active_units"].met is False
    assert rows["dynamics.exp5.x.logmel"].low == 2.3 and len(rows) == 3
