"""MIDI files read with suspicion: a score, or an error that says what is wrong with which file."""

from pathlib import Path

import symusic

MOST_BYTES = 64 * 2**20
MOST_NOTES = 10**6
TEMPO_LIMITS = (4.0, 2000.0)
"""Quarter notes per minute. Real files reach both ends when composers write in halves or in sixteenths."""
MOST_SECONDS = 24 * 3600.0
MOST_TICKS = 2**30
"""Beyond this, sums of ticks leave 32 bits."""
METRE_LIMIT = 64
"""Highest numerator and denominator of a time signature."""


class MidiError(ValueError):
    """A MIDI file cannot be used."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")
        self.problem = problem


class EmptyMidiError(MidiError):
    """The file holds no bytes, or no note."""


class NotMidiError(MidiError):
    """The file is something else."""


class DamagedMidiError(MidiError):
    """The file begins as MIDI but is cut short or malformed."""


class AbsurdMidiError(MidiError):
    """The file is well formed, but no piece of music."""


def read_midi(source: Path | bytes, name: str = "") -> symusic.Score:
    """Read a MIDI file.

    Parameters
    ----------
    source : Path or bytes
        The file, or its content.
    name : str, optional
        What errors call it; by default the path, or ``<bytes>``.

    Returns
    -------
    symusic.Score
        In ticks of the file's own resolution, with at least one note.

    Raises
    ------
    EmptyMidiError, NotMidiError, DamagedMidiError, AbsurdMidiError
        All are `MidiError`, hence ValueError. A file that does not exist is a FileNotFoundError.
    """
    name = name or (str(source) if isinstance(source, Path) else "<bytes>")
    if isinstance(source, Path) and source.stat().st_size > MOST_BYTES:
        raise AbsurdMidiError(name, f"expected at most {MOST_BYTES} bytes, found {source.stat().st_size}")
    content = source.read_bytes() if isinstance(source, Path) else source
    _check_bytes(content, name)
    try:
        score = symusic.Score.from_midi(content)
    except (RuntimeError, ValueError, OverflowError) as error:
        raise DamagedMidiError(name, f"cut short or malformed ({error}); fetch or make the file again") from None
    _check_score(score, name)
    return score


def _check_bytes(content: bytes, name: str) -> None:
    if not content:
        raise EmptyMidiError(name, "the file is empty (0 bytes); fetch or make it again")
    if len(content) > MOST_BYTES:
        raise AbsurdMidiError(name, f"expected at most {MOST_BYTES} bytes, found {len(content)}")
    if content[:4] != b"MThd":
        raise NotMidiError(name, f"expected a MIDI file, which begins with MThd; found {content[:4]!r}")
    if len(content) < 14:
        raise DamagedMidiError(name, f"cut short in the header, after {len(content)} bytes")
    division = int.from_bytes(content[12:14], "big")
    if division == 0 or division >= 0x8000:
        raise AbsurdMidiError(name, f"expected ticks per quarter note in the header, found division {division:#06x}")


def _check_score(score: symusic.Score, name: str) -> None:
    notes = score.note_num()
    if notes == 0:
        raise EmptyMidiError(name, "the file has no notes")
    if notes > MOST_NOTES:
        raise AbsurdMidiError(name, f"expected at most {MOST_NOTES} notes, found {notes}")
    slow, fast = TEMPO_LIMITS
    for tempo in score.tempos:
        if not slow <= tempo.qpm <= fast:
            found = f"{tempo.qpm:g} at tick {tempo.time}"
            raise AbsurdMidiError(name, f"expected {slow:g} to {fast:g} quarter notes per minute, found {found}")
    for metre in score.time_signatures:
        if not (1 <= metre.numerator <= METRE_LIMIT and 1 <= metre.denominator <= METRE_LIMIT):
            found = f"{metre.numerator}/{metre.denominator} at tick {metre.time}"
            raise AbsurdMidiError(name, f"expected a time signature of at most {METRE_LIMIT}, found {found}")
    if score.start() < 0 or not 0 <= score.end() < MOST_TICKS:
        raise AbsurdMidiError(name, f"notes lie at ticks {score.start()} to {score.end()}, beyond 32 bits")
    seconds = score.to("second").end()
    if not seconds <= MOST_SECONDS:
        raise AbsurdMidiError(name, f"expected at most {MOST_SECONDS:g} s, found {seconds:g} s")
