"""What the loaders of PMEmo and DEAM share: from labels and audio files to one table."""

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import soundfile

from sonoscope.audio.files import AudioArray, AudioError, read_audio
from sonoscope.contracts.corpora import RATED, RATED_FRAMES
from sonoscope.corpora.rated import SAMPLE_RATE
from sonoscope.corpora.skipped import Skipped
from sonoscope.files import replacing
from sonoscope.logs import track

log = logging.getLogger(__name__)


class Rating(NamedTuple):
    """What raters say of a clip, in [-1, 1]."""

    valence: float
    arousal: float
    valence_sd: float | None = None
    arousal_sd: float | None = None


class Labels(NamedTuple):
    """All that is known of clips, by their number."""

    ratings: Mapping[str, Rating]
    artists: Mapping[str, str]
    frames: pd.DataFrame
    """clip_id, time, valence, arousal."""


class RatedCorpus(NamedTuple):
    """A corpus of rated clips."""

    root: Path
    """Folder that ``file`` is relative to."""
    clips: pd.DataFrame
    """Fits `RATED`, sorted by number."""
    frames: pd.DataFrame
    """Fits `RATED_FRAMES`; only of clips that are there."""
    skipped: list[Skipped]
    """A line for every file, label or cell that is not used."""


def index(
    root: Path, files: Mapping[str, Path], labels: Labels, skipped: list[Skipped], *, decode: bool
) -> RatedCorpus:
    """Bring labels and audio together; what lacks either gets a line in ``skipped``."""
    rows: list[tuple[object, ...]] = []
    for number, path in track(sorted(files.items(), key=lambda item: _order(item[0])), "clips"):
        where = path.relative_to(root).as_posix()
        if number not in labels.ratings:
            skipped.append(Skipped(number, "no annotation names it", where))
            continue
        try:
            seconds = _seconds(path, decode)
        except AudioError as error:
            skipped.append(Skipped(number, str(error), where))
            continue
        artist = labels.artists.get(number, "")
        rows.append((number, where, seconds, *labels.ratings[number], artist, artist or number))
    absent = sorted(set(labels.ratings) - set(files), key=_order)
    skipped += [Skipped(number, "an annotation names it, but there is no audio file") for number in absent]
    clips = pd.DataFrame(rows, columns=list(RATED.columns)).astype({"valence_sd": "float64", "arousal_sd": "float64"})
    frames = labels.frames[labels.frames.clip_id.isin(set(clips.clip_id))]
    twice = frames.duplicated(["clip_id", "time"])
    counts = frames[twice].clip_id.value_counts()
    skipped += [Skipped(str(n), f"{k} ratings stand twice; the first was kept") for n, k in counts.items()]
    frames = frames[~twice].reset_index(drop=True)
    RATED.check(clips)
    RATED_FRAMES.check(frames)
    log.info("%s: %d clips, %d ratings over time, %d lines skipped", root, len(clips), len(frames), len(skipped))
    return RatedCorpus(root, clips, frames, skipped)


def _order(number: str) -> tuple[int, str]:
    return (int(number) if number.isdecimal() else 2**62, number)


def _seconds(path: Path, decode: bool) -> float:
    try:
        about = soundfile.info(path)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"expected an MP3 file, found {error}") from None
    seconds = float(about.frames / about.samplerate)
    # the number of frames in an MP3's header is an estimate
    if decode and (found := len(read_audio(path)[0]) / about.samplerate) < seconds - 1.0:
        raise AudioError(f"truncated: its header says {seconds:.1f} s, {found:.1f} s can be read")
    if seconds <= 0:
        raise AudioError("expected audio, found 0 samples")
    return seconds


def float_of(cell: str, low: float, high: float, *, empty: bool = False) -> float | None:
    """The number in a cell; None if it is empty and may be.

    Raises
    ------
    ValueError
        It is no number between ``low`` and ``high``.
    """
    if empty and not cell:
        return None
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if not low <= value <= high:
        raise ValueError(f"expected a number from {low:g} to {high:g}, found {cell!r}")
    return value


def write_mp3(path: Path, audio: AudioArray) -> None:
    """Write mono audio as the published corpora have it."""
    with replacing(path) as temporary:
        soundfile.write(temporary, audio.clip(-1, 1), SAMPLE_RATE, format="MP3", subtype="MPEG_LAYER_III")
