"""How fast the known world is composed and rendered, on one core."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from sonoscope.audio.soundfont import render
from sonoscope.scorecard import Row, measure
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.cues import random_causes

_PIECES, _RENDERED, _ROUNDS = 200, 20, 5
_RATE = 16000


def speed_rows(seed: int, sources: Sequence[str]) -> list[Row]:
    """Rows of both speeds: median, least and most of five rounds.

    Time is that of the processor, so that other jobs beside this one do not count.
    """
    rng = np.random.default_rng(seed)
    causes = [random_causes(rng) for _ in range(_PIECES)]
    pieces = [compose(c, k) for k, c in enumerate(causes)]
    music = sum(float(p.to("second").end()) + 1.0 for p in pieces[:_RENDERED])  # with one second of release

    def compose_all() -> None:
        for k, cause in enumerate(causes):
            compose(cause, k)

    def render_some() -> None:
        for piece in pieces[:_RENDERED]:
            render(piece, _RATE)

    return [
        _row("world.compose_pieces_per_second", _rates(compose_all, _PIECES), 200.0, sources),
        _row("world.render_times_realtime", _rates(render_some, music), 100.0, sources),
    ]


def _rates(work: Callable[[], None], amount: float) -> list[float]:
    out = []
    for _ in range(_ROUNDS):
        start = time.process_time()
        work()
        out.append(amount / (time.process_time() - start))
    return out


def _row(name: str, rates: Sequence[float], target: float, sources: Sequence[str]) -> Row:
    return measure(
        name, float(np.median(rates)), low=min(rates), high=max(rates), n=len(rates), target=target, sources=sources
    )
