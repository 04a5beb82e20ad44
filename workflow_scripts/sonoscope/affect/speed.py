"""How fast files become events and bars become latents, and that fast and slow agree."""

import time
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from sonoscope.musetok.events import read_bars
from sonoscope.musetok.latents import encode_bars
from sonoscope.musetok.model import MuseTok
from sonoscope.musetok.reference import reader, slow_events
from sonoscope.settings.musetok import PUBLISHED, Events
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.cues import random_causes
from sonoscope.symbolic.varied import random_score

WHOLE: Final = PUBLISHED.model_copy(update={"long_bars": "keep"})
"""As published, but for the cutting of long bars, which the written-out rules leave to the encoder."""
CORPUS_FILES: Final = 1_400_000
"""Files of GigaMIDI, for which the hours are computed."""
CORPUS_BARS: Final = 95
"""Bars of a file: the mean of GigaMIDI's published test files. Composed files are shorter and repeat more."""
CORPUS_DISTINCT: Final = 0.81
"""Share of bars that no other bar of their file equals, in the same files."""
WORKERS: Final = (1, 16, 64, 256)
_TIMED, _SLOWLY_TIMED, _SHORT = 20, 8, 8


def slowly(content: bytes) -> list[list[str]]:
    """Names of events by the rules written out, from a file read note by note."""
    notes, resolution, metre = reader()[1](content)
    return slow_events(notes, resolution, *metre)[0]


def agreement(count: int, seed: int) -> int:
    """On how many of ``count`` varied files both ways give the same events, event for event.

    One file in ten is composed, with several instruments and drums; the others are random, of all manners.
    """
    equal = 0
    composed = typical_files(count // 10, seed, _SHORT)
    for k in range(count):
        content = composed[k // 10] if k % 10 == 9 else random_score(seed + k).dumps_midi()
        equal += read_bars(content, WHOLE).names == slowly(content)
    return equal


def typical_files(count: int, seed: int, bars: int = 70) -> list[bytes]:
    """Multi-track files with drums, in seventy bars about as large as GigaMIDI's: a thousand notes and more."""
    rng = np.random.default_rng(seed)
    causes = [random_causes(rng, programs=(0, 48), drums=True) for _ in range(count)]
    return [compose(c, k, bars=bars).dumps_midi() for k, c in enumerate(causes)]


def seconds(work: Callable[[], object], times: int = 3) -> float:
    """Least of several times on the processor, which other programs on the machine hardly lengthen."""
    found = []
    for _ in range(times):
        started = time.process_time()
        work()
        found.append(time.process_time() - started)
    return min(found)


def measure_speed(model: MuseTok, events: Events, batch_tokens: int, compared: int, seed: int) -> dict[str, Any]:
    """All speeds, on one thread; ``hours`` are for reading and encoding `CORPUS_FILES` on each number of workers."""
    equal = agreement(compared, seed)  # first, so that nothing is imported or compiled while the clock runs
    files = typical_files(_TIMED, seed)
    few = files[:_SLOWLY_TIMED]
    fast = seconds(lambda: [read_bars(f, WHOLE) for f in files]) / len(files)
    slow = seconds(lambda: [slowly(f) for f in few]) / len(few)
    every_day = seconds(lambda: [read_bars(f, events) for f in files]) / len(files)
    bars = [bar for f in files for bar in read_bars(f, events)]
    distinct = {bar.tobytes() for bar in bars}
    encoding = seconds(lambda: encode_bars(model, bars, batch_tokens), 2)
    one = CORPUS_FILES * (every_day + CORPUS_BARS * CORPUS_DISTINCT * encoding / len(distinct)) / 3600
    name, read = reader()
    return {
        "reference_reader": name,
        "compared_files": compared,
        "equal_files": equal,
        "slow_seconds_per_file": slow,
        "fast_seconds_per_file": fast,
        "events_speedup": slow / fast,
        "files_per_second": 1 / every_day,
        "notes_per_file": float(np.mean([len(read(f)[0]) for f in few])),
        "bars_per_second": len(distinct) / encoding,
        "corpus_files": CORPUS_FILES,
        "corpus_bars_per_file": CORPUS_BARS,
        "corpus_distinct_share": CORPUS_DISTINCT,
        "hours": {str(n): one / n for n in WORKERS},
    }
