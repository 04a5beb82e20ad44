import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_parts import make_part

from sonoscope.dynamics.baselines import GaussianModel, GaussianStep
from sonoscope.dynamics.likelihoods import DiagonalAutoregression
from sonoscope.dynamics.linear import autoregression
from sonoscope.dynamics.rollout import Plan, choose_starts, context_gap, roll
from sonoscope.dynamics.rollout_scores import energy_score, spread_skill, tracking, two_sample_auc
from sonoscope.dynamics.windows import windows

MODES = [Plan(teacher=True), Plan(inject=(2, 4)), Plan(inject=(1,)), Plan(), Plan(inject=(2,), flush=True)]


class Constant:
    """Always predicts the same difference, and keeps what it was shown."""

    def __init__(self, step):
        self.answer, self.seen = step, []

    def step(self, contexts):
        self.seen.append(contexts)
        mean = torch.full((*contexts.shape[:2], contexts.shape[-1]), self.answer, dtype=torch.float64)
        return GaussianStep(mean, 1e-12 * torch.eye(contexts.shape[-1], dtype=torch.float64))


def counted(before, steps, count=3, dim=2):
    """Frames whose every coordinate is their time; t0 is 0."""
    t = torch.arange(-before, steps, dtype=torch.float32)
    return t[None, :, None].expand(count, before + steps, dim).clone()


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(2, 6), st.sampled_from(range(len(MODES))))
def test_a_model_that_knows_the_answer_is_never_wrong(window, horizon, steps, mode):
    frames = counted(window - 1 + horizon, steps)
    model = Constant(1.0)
    trace = roll(model, frames, steps, window, horizon, MODES[mode])
    for s, contexts in enumerate(model.seen):  # target t = s; the context ends at t - k
        assert bool((contexts[..., -1, :] == s - horizon).all())
        assert bool((contexts[..., 0, :] == s - horizon - window + 1).all())
    numbers = tracking(trace, torch.zeros(3, steps), 1.0)
    assert torch.allclose(numbers["state_err"], torch.zeros(3, steps).double())
    assert torch.allclose(numbers["state_err_after"], torch.zeros(3, steps).double())
    assert torch.allclose(numbers["cos"], torch.ones(3, steps).double())


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(2, 6))
def test_free_running_sees_no_true_frame_from_the_start_on(window, horizon, steps):
    before = window - 1 + horizon
    frames = counted(before, steps)
    other = frames.clone()
    other[:, before:] = 1e9
    plain, changed = Constant(0.5), Constant(0.5)
    first = roll(plain, frames, steps, window, horizon, Plan())
    second = roll(changed, other, steps, window, horizon, Plan())
    assert torch.equal(first.states, second.states)
    for a, b in zip(plain.seen, changed.seen, strict=True):
        assert torch.equal(a, b) and bool(torch.isfinite(a).all())


def test_injection_replaces_the_newest_frame_and_flush_the_window():
    frames = counted(3, 4)
    still = roll(Constant(0.0), frames, 4, 3, 1, Plan(inject=(2,)))
    assert still.states[0, 0, :, 0].tolist() == [-1, 1, 1, 1]  # true x_1 after step 2, held after it
    model = Constant(0.0)
    roll(model, frames, 4, 3, 1, Plan(inject=(2,), flush=True))
    assert model.seen[2][0, 0, :, 0].tolist() == [-1, 0, 1]
    partly = Constant(0.0)
    roll(partly, frames, 4, 3, 1, Plan(inject=(2,)))
    assert partly.seen[2][0, 0, :, 0].tolist() == [-1, -1, 1]


def test_corrections_and_limits_reach_what_follows():
    frames = counted(2, 3)
    fixed = roll(Constant(5.0), frames, 3, 2, 1, Plan(correct=lambda contexts, x: torch.zeros_like(x)))
    assert bool((fixed.states == 0).all())
    short = roll(Constant(5.0), frames, 3, 2, 1, Plan(longest=1.0))
    assert short.states.diff(dim=2).norm(dim=-1).max() <= 1 + 1e-5


def test_a_rollout_that_runs_away_is_lost_and_harms_no_other():
    class Doubling(Constant):
        def step(self, contexts):
            assert bool(torch.isfinite(contexts).all())
            found = super().step(contexts)
            return GaussianStep(contexts[:, :, -1].double() * 1e4, found.covariance)

    frames = counted(2, 5)
    frames[1] = 0
    trace = roll(Doubling(0.0), frames, 5, 2, 1, Plan())
    assert bool(torch.isnan(trace.states[0, 0, -1]).all()) and bool(torch.isnan(trace.nll[0, 0, -1]))
    assert bool((trace.states[0, 1] == 0).all())


def test_misfits_are_refused():
    with pytest.raises(ValueError, match="expected 5 frames"):
        roll(Constant(0.0), counted(2, 4), 3, 2, 1, Plan())
    with pytest.raises(ValueError, match="generator"):
        roll(Constant(0.0), counted(2, 3), 3, 2, 1, Plan(advance="sample"))


@pytest.fixture(scope="module")
def exact():
    """An AR(1) of 64 dimensions, and its linear prediction."""
    process = autoregression(64, 0.6)
    rows = windows(process.sample(400, 40, torch.Generator().manual_seed(0)), 1, 1)
    model = GaussianModel(DiagonalAutoregression("diagonal").fit(rows.contexts, rows.deltas))
    frames = process.sample(300, 17, torch.Generator().manual_seed(1)).float()
    return model, frames


def test_rollouts_of_the_exact_model_follow_the_closed_form(exact):
    """AR(1), ρ = 0.6: errors of the sampler 0.80 0.93 0.99, of √2 σ √D; lengths of the mean rollout 0.45 0.27 0.10."""
    model, frames = exact
    mean = tracking(roll(model, frames, 16, 1, 1, Plan()), torch.zeros(300, 16), 8.0)
    ratios = [float(mean["mag_ratio"][:, s].mean()) for s in (0, 1, 3)]
    assert ratios == pytest.approx([0.45, 0.27, 0.10], abs=0.02)
    assert float(mean["cos"][:, 0].mean()) == pytest.approx(0.446, abs=0.02)
    drawn = roll(model, frames, 16, 1, 1, Plan("sample"), torch.Generator().manual_seed(2))
    error = tracking(drawn, torch.zeros(300, 16), 8.0)["state_err_after"] / (2**0.5 * 8)
    assert [float(error[:, s].mean()) for s in (0, 1, 3, 15)] == pytest.approx([0.80, 0.93, 0.99, 1.0], abs=0.02)


def test_scores_prefer_the_true_law_where_tracking_does_not(exact):
    model, frames = exact
    repeated = frames.repeat_interleave(8, 0)

    def draws(plan):
        trace = roll(model, repeated, 16, 1, 1, plan, torch.Generator().manual_seed(3))
        return trace.states.reshape(300, 8, 16, 64).transpose(0, 1)

    truth, sampled, mean = frames[:, 1:], draws(Plan("sample")), draws(Plan())
    shrunk = 0.5 * sampled
    late = slice(8, None)
    best = energy_score(sampled, truth)[:, late].mean()
    assert best < energy_score(mean, truth)[:, late].mean() < (mean[0] - truth)[:, late].norm(dim=-1).mean() + 1e-4
    assert best < energy_score(shrunk, truth)[:, late].mean()
    assert (sampled[0] - truth)[:, late].norm(dim=-1).mean() > (mean[0] - truth)[:, late].norm(dim=-1).mean()
    assert spread_skill(sampled, truth)[late].mean() == pytest.approx(1.0, abs=0.05)
    assert spread_skill(shrunk, truth)[late].mean() < 0.7


def test_the_classifier_tells_shrunk_frames_from_real_ones_and_not_twins(reverting):
    generator = torch.Generator().manual_seed(0)
    real, twin = torch.randn(2, 400, 3, generator=generator, dtype=torch.float64).numpy()
    groups = torch.arange(400).numpy() % 8
    assert abs(two_sample_auc(real, twin, groups) - 0.5) < 0.08
    assert two_sample_auc(real, 0.3 * twin, groups) > 0.8
    assert two_sample_auc(real, twin * float("nan"), groups) is None


def test_starts_stay_within_their_sequence(reverting):
    starts = choose_starts(reverting, "test", 12, 3, 5, 2, seed=0)
    assert starts.frames.shape == (36, 3 - 1 + 2 + 5, 4)
    assert len(set(starts.speakers)) == 6
    t = starts.rows % 60
    assert int(t.min()) >= 4 and int(t.max()) + 4 < 60
    with pytest.raises(ValueError, match="room for 80 steps"):
        choose_starts(reverting, "test", 4, 1, 80, 1, seed=0)


def test_context_gap_has_the_published_keys_and_no_nan():
    class Wild(Constant):
        def step(self, contexts):
            found = super().step(contexts)
            return GaussianStep(found.expected * float("inf"), found.covariance)

    part = make_part(torch.randn(40, 30, 3, generator=torch.Generator().manual_seed(0)))
    block = context_gap(Wild(1.0), part, 1, 4, 1.0, seed=0)
    assert {"n_utterances", "teacher_forced", "rollout_context", "gap_nll", "gap_dnll"} <= set(block)
    assert block["rollout_context"]["nll"] is None and block["gap_nll"] is None
