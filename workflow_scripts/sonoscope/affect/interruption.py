"""Proof that every file is annotated exactly once, whatever happens to the jobs.

Annotation runs in a child process that gets SIGKILL, which no program can catch, at moments drawn at random; then it is
started again. The tables that come out must be the bytes of a run that was left alone, and no finished unit may be
computed again.
"""

import logging
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sonoscope.affect.annotation import Annotator, annotate_units, gathered
from sonoscope.affect.merging import merge
from sonoscope.affect.sources import Source, Unit
from sonoscope.contracts.affect import SONGS
from sonoscope.files import sha256

log = logging.getLogger(__name__)
_PATIENCE = 120.0


class Interrupted(NamedTuple):
    """What happened."""

    kills: int
    """Times that the job was killed in the middle of its work."""
    repeated: int
    """Finished units whose file was written again."""
    begun_again: int
    """Units that were begun again because they were cut off."""
    equal: bool
    """Whether all tables have the bytes of a run that was left alone."""
    bars: int

    @property
    def exactly_once(self) -> bool:
        """Whether it held, and was put to the test."""
        return self.equal and self.repeated == 0 and self.kills > 0


def interrupt(
    source: Source, units: Sequence[Unit], annotator: Annotator, folder: Path, kills: int, seed: int
) -> Interrupted:
    """Annotate with up to ``kills`` interruptions and without, and compare."""
    rng = np.random.default_rng(seed)
    journal, parts = folder / "begun.txt", folder / "parts"
    folder.mkdir(parents=True, exist_ok=True)
    killed = 0
    done: dict[Path, tuple[int, int]] = {}
    for _ in range(kills):
        there = {p.stem for p in parts.glob("*.parquet")} if parts.is_dir() else set()
        child = os.fork()
        if child == 0:
            _work(source, units, annotator, parts, journal)
        wanted = len(there) + int(rng.integers(0, 3))
        deadline = time.monotonic() + _PATIENCE
        lines = _lines(journal)
        while time.monotonic() < deadline and os.waitpid(child, os.WNOHANG)[0] == 0:
            now = len(list(parts.glob("*.parquet"))) if parts.is_dir() else 0
            if now >= wanted and _lines(journal) > lines:
                time.sleep(float(rng.uniform(0, 0.05)))
                os.kill(child, signal.SIGKILL)
                killed += os.WIFSIGNALED(os.waitpid(child, 0)[1])
                break
            time.sleep(0.002)
        else:
            break
        for part in parts.glob("*.parquet"):
            done.setdefault(part, _stamp(part))
    annotate_units(source, units, annotator, parts, _noted_in(journal))
    repeated = sum(_stamp(part) != stamp for part, stamp in done.items())
    begun = Counter(journal.read_text(encoding="utf-8").splitlines())
    again = sum(n - 1 for n in begun.values())
    plain = folder / "alone"
    annotate_units(source, units, annotator, plain)
    digests = [_tables(source, units, p, folder / name, annotator) for p, name in ((parts, "killed"), (plain, "whole"))]
    log.info("killed %d times, %d units begun again", killed, again)
    return Interrupted(killed, repeated, again, digests[0][0] == digests[1][0], digests[0][1])


def _work(source: Source, units: Sequence[Unit], annotator: Annotator, parts: Path, journal: Path) -> None:
    code = 1
    try:
        annotate_units(source, units, annotator, parts, _noted_in(journal))
        code = 0
    finally:
        os._exit(code)


def _noted_in(journal: Path) -> Callable[[Unit], None]:
    """A function that notes which unit is begun."""

    def note(unit: Unit) -> None:
        with journal.open("a", encoding="utf-8") as file:
            file.write(f"{unit.key}\n")

    return note


def _stamp(path: Path) -> tuple[int, int]:
    """Changes whenever a file is written again."""
    info = path.stat()
    return info.st_ino, info.st_mtime_ns


def _lines(journal: Path) -> int:
    return len(journal.read_text(encoding="utf-8").splitlines()) if journal.is_file() else 0


def _tables(
    source: Source, units: Sequence[Unit], parts: Path, folder: Path, annotator: Annotator
) -> tuple[list[str], int]:
    """Digests of the merged tables, and the number of bars."""
    table = folder / "songs_of_shard.parquet"
    SONGS.write(table, gathered(units, parts))
    files = [folder / name for name in ("bars.parquet", "bars.csv", "songs.parquet")]
    merge([table], source.count(), dict(annotator.bundle.half_width), annotator.reading.off_grid, *files)
    return [sha256(f) for f in files], sum(1 for _ in files[1].open()) - 1
