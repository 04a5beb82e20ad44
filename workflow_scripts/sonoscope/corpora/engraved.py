"""Real scores that the music21 package carries for its users: Bach's chorales and other works of his.

The package is needed for training alone and stands in ``envs/training.txt``. The scores are read where they are
installed; none is copied into the repository.
"""

import logging
from collections.abc import Iterator
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import symusic

from sonoscope.corpora.skipped import Skipped
from sonoscope.errors import SonoscopeError
from sonoscope.logs import track

log = logging.getLogger(__name__)

QUARTER = 480


class Engraved(NamedTuple):
    """One score."""

    name: str
    """Path in music21's corpus."""
    score: symusic.Score
    """In 480 ticks per quarter note; where the first bar is a pickup, silence fills it to a whole bar."""


class MissingMusic21Error(SonoscopeError, ImportError):
    """The package that carries the scores is not installed."""


def _music21() -> Any:
    try:
        return import_module("music21")
    except ImportError:
        raise MissingMusic21Error(
            "real scores to train on come with the package music21, which is not installed; "
            "pip install -r envs/training.txt, or set musetok.training.corpus.composer to null to do without"
        ) from None


def read_engraved(composer: str, skipped: list[Skipped], most: int | None = None) -> Iterator[Engraved]:
    """Scores of one composer in music21's corpus, in the order of their paths.

    Parameters
    ----------
    composer : str
        As music21 calls it, such as ``bach``.
    skipped : list of Skipped
        Gets a line for every score that is left out.
    most : int, optional
        Read only this many.

    Raises
    ------
    MissingMusic21Error
        The package is not installed.
    """
    music21 = _music21()
    paths = sorted(p for p in music21.corpus.getComposer(composer) if str(p).endswith((".mxl", ".xml", ".musicxml")))
    for path in track(paths[:most], f"scores by {composer}"):
        name = f"{path.parent.name}/{path.name}"
        try:
            score = _to_symusic(music21.converter.parse(path))
        except (music21.exceptions21.Music21Exception, ValueError, ZeroDivisionError) as error:
            skipped.append(Skipped(name, f"music21 cannot read it: {error}", str(path.name)))
            continue
        if score.note_num() == 0:
            skipped.append(Skipped(name, "no notes", str(path.name)))
            continue
        yield Engraved(name, score)


def _to_symusic(stream: Any) -> symusic.Score:
    """Notes with ties joined, each part one track, and the time signatures; a pickup stands at the end of its bar."""
    score = symusic.Score(QUARTER)
    shift = 0
    for k, part in enumerate(stream.parts):
        measures = list(part.getElementsByClass("Measure"))
        if k == 0 and measures:
            whole = measures[0].barDuration.quarterLength
            missing = whole - measures[0].duration.quarterLength
            shift = round(float(missing) * QUARTER) if 0 < missing < whole else 0
            _add_metres(score, part, shift)
        rows = [
            (round(float(n.offset) * QUARTER) + shift, round(float(n.quarterLength) * QUARTER), pitch.midi)
            for n in part.stripTies().flatten().notes
            for pitch in n.pitches
            if n.quarterLength > 0
        ]
        if not rows:
            continue
        time, duration, pitch = np.array(rows, np.int32).T
        velocity = np.full(len(rows), 64, np.int8)
        track_of_part = symusic.Track()
        track_of_part.notes = symusic.Note.from_numpy(time.copy(), duration.copy(), pitch.astype(np.int8), velocity)
        score.tracks.append(track_of_part)
    return score


def _add_metres(score: symusic.Score, part: Any, shift: int) -> None:
    last = (0, 0)
    for change in part.flatten().getElementsByClass("TimeSignature"):
        metre = (int(change.numerator), int(change.denominator))
        if metre != last:
            time = round(float(change.offset) * QUARTER)
            score.time_signatures.append(symusic.TimeSignature(time + shift if time else 0, *metre))
            last = metre
