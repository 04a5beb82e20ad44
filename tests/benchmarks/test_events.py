"""MIDI to events, side by side with the published rules written out note by note: the target is twenty times faster."""

import io
import time

import numpy as np
import pytest

from sonoscope.musetok.events import read_bars
from sonoscope.musetok.reference import slow_events
from sonoscope.settings.musetok import PUBLISHED
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.cues import random_causes
from sonoscope.symbolic.midi import read_midi
from sonoscope.symbolic.varied import metre, raw_notes

try:
    import miditoolkit
except ImportError:
    miditoolkit = None

WHOLE = PUBLISHED.model_copy(update={"long_bars": "keep"})
FILES = 20


@pytest.fixture(scope="module")
def files():
    """Multi-track files of the size of GigaMIDI's: about a thousand notes in some seventy bars."""
    rng = np.random.default_rng(0)
    causes = [random_causes(rng, programs=(0, 48), drums=True) for _ in range(FILES)]
    return [compose(c, k, bars=70).dumps_midi() for k, c in enumerate(causes)]


def slowly(content):
    """The published rules, from a file read by miditoolkit as in the published code; without it by symusic, faster."""
    if miditoolkit is None:
        score = read_midi(content)
        return slow_events(raw_notes(score), score.ticks_per_quarter, *metre(score))[0]
    midi = miditoolkit.MidiFile(file=io.BytesIO(content))
    first = midi.time_signature_changes[0]
    notes = [(n.start, n.end, n.pitch) for i in midi.instruments for n in i.notes]
    return slow_events(notes, midi.ticks_per_beat, first.numerator, first.denominator)[0]


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
    assert [read_bars(f, WHOLE).names for f in few] == [slowly(f) for f in few]
    slow = seconds(lambda: [slowly(f) for f in few], 3) / len(few)
    fast = seconds(lambda: [read_bars(f, WHOLE) for f in files], 15) / FILES
    benchmark(lambda: [read_bars(f, WHOLE) for f in files])
    benchmark.extra_info.update(
        notes_per_file=round(sum(read_midi(f).note_num() for f in files) / FILES),
        reference="symusic" if miditoolkit is None else "miditoolkit",
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
