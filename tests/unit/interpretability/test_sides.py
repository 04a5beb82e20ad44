"""Versions of a piece stand on one side, both sides hold all kinds, and errors add up over clips."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sonoscope.interpretability.dictionaries import _ratio_interval, sides_by_group
from sonoscope.interpretability.sae import SparseAutoencoder
from sonoscope.interpretability.sae_measures import errors_by_clip, fit_of


@given(st.lists(st.integers(0, 40), min_size=1, max_size=60), st.integers(1, 7))
def test_no_group_stands_on_both_sides_and_no_row_is_lost(groups, frames):
    names = [f"g{g}" for g in groups]
    sides = sides_by_group(frames * len(groups), names)
    assert sorted([*sides.train, *sides.held_out]) == list(range(frames * len(groups)))
    inside = {names[row // frames] for row in sides.train}
    assert inside.isdisjoint(names[clip] for clip in sides.clips)
    assert (sides.held_out // frames == np.repeat(sides.clips, frames)).all()


def test_every_kind_of_piece_is_held_out():
    groups = [f"controlled-{k}" for k in range(50)] + [f"unit-{k // 3}" for k in range(60)]
    held_out = {groups[clip].split("-")[0] for clip in sides_by_group(1100, groups).clips}
    assert held_out == {"controlled", "unit"} and len(sides_by_group(1100, groups).clips) == 22


def test_errors_by_clip_are_those_of_the_whole():
    sae = SparseAutoencoder(8, 32, 4, "topk", torch.Generator().manual_seed(0))
    inputs = torch.randn(60, 8, generator=torch.Generator().manual_seed(1))
    sae.start_from(inputs)
    errors, totals = errors_by_clip(sae, inputs, 6)
    assert errors.shape == (6,) and errors.sum() / totals.sum() == pytest.approx(fit_of(sae, inputs).fvu, rel=1e-5)
    interval = _ratio_interval(errors, totals, list("aabbcc"))
    assert interval.low <= errors.sum() / totals.sum() <= interval.high and interval.groups == 3
