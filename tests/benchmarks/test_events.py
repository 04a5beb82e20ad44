"""MIDI to events, side by side with the published rules written out note by note: the target is twenty times faster."""

import time

import numpy as np
import pytest

from sonoscope.affect.speed import slowly, typical_files
from sonoscope.musetok.events import read_bars
from sonoscope.musetok.reference import reader
from sonoscope.settings.musetok import PUBLISHED
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import compose

WHOLE = PUBLISHED.model_copy(update={"long_bars": "keep"})
FILES = 20


@pytest.fixture(scope="module")
def files():
    return typical_files(FILES, 0)


def seconds(what, times):
    """Median time on the processor, which other programs on the machine do not lengthen."""
    found = []
    for _ in range(times):
        started = time.process_time()
        what()
        found.append(time.process_time() - started)
    return float(np.median(found))


def test_events_speedup(benchmark, files):
    few = files[:5]
    name, read = reader()
    assert [read_bars(f, WHOLE).names for f in few] == [slowly(f) for f in few]
    slow = seconds(lambda: [slowly(f) for f in few], 3) / len(few)
    fast = seconds(lambda: [read_bars(f, WHOLE) for f in files], 15) / FILES
    benchmark(lambda: [read_bars(f, WHOLE) for f in files])
    benchmark.extra_info.update(
        notes_per_file=round(sum(len(read(f)[0]) for f in few) / len(few)),
        reference=name,
        slow_ms=round(1e3 * slow, 1),
        fast_ms=round(1e3 * fast, 2),
        speedup=round(slow / fast),
        files_per_second=round(1 / fast),
    )
    assert slow / fast >= 20
    assert 1 / fast >= 100


def test_small_files_too(benchmark):
    content = compose(Causes(), 0, bars=8).dumps_midi()
    benchmark(read_bars, content, WHOLE)
    assert benchmark.stats["median"] < 0.01
