"""How states move, beside its definition; and what a tempo looks like in it."""

import numpy as np
import pytest
import torch

from sonoscope.interpretability.describe import lags_of, movement, repetition

FRAMES, DIM = 50, 6


def states(seed=0, layers=2):
    return torch.randn(3, layers, FRAMES, DIM, generator=torch.Generator().manual_seed(seed)).double() + 5


def test_it_is_deviation_and_autocorrelation_by_their_definitions():
    x = states()
    found = movement(x).double()
    assert found.shape == (3, 2, DIM + lags_of(FRAMES)) and lags_of(FRAMES) == 30
    torch.testing.assert_close(found[..., :DIM], x.std(2, correction=0).log(), atol=1e-5, rtol=1e-5)
    centred = x - x.mean(2, keepdim=True)
    for lag in (1, 7, 30):
        product = (centred[:, :, lag:] * centred[:, :, : FRAMES - lag]).sum((2, 3)) / centred.square().sum((2, 3))
        torch.testing.assert_close(found[..., DIM + lag - 1], product, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("period", [5, 12])
def test_a_beat_is_a_peak_at_its_period(period):
    x = 0.1 * states()
    x[:, :, ::period, 2] += 3
    correlation = movement(x)[..., DIM:]
    assert (correlation[..., 2:].argmax(-1) + 3 == period).all()


def test_neither_scale_nor_offset_changes_the_autocorrelation_and_silence_is_finite():
    x = states()
    torch.testing.assert_close(movement(7 * x - 3)[..., DIM:], movement(x)[..., DIM:], atol=1e-5, rtol=1e-4)
    assert movement(torch.full((1, 1, FRAMES, DIM), 2.0)).isfinite().all()


def test_tokens_that_come_back_are_repetition():
    pattern = np.arange(8)[None, None].repeat(2, 1)  # two codebooks, period 8
    tokens = np.tile(pattern, (1, 1, 5)).astype(np.int16)
    found = repetition(tokens)
    assert found.shape == (1, lags_of(40))
    assert set(np.flatnonzero(found[0] == 1) + 1) == {8, 16, 24} and (found[0] > 0).sum() == 3
    assert repetition(np.zeros((0, 2, 0), np.int16)).shape == (0, 0)
