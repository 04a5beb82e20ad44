"""Who made this: the songs and windows of a store that a piece of audio is traced to."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sonoscope.attribution import methods
from sonoscope.attribution.embed import Subject, Worker
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.methods import Floats
from sonoscope.attribution.songs import Window, cut, read_song, tokens_of
from sonoscope.attribution.store import Store
from sonoscope.audio.files import read_audio, write_audio
from sonoscope.contracts import write_json
from sonoscope.musicgen.interface import MusicGen, Prompt
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.attribution import Embedding

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """One song that audio is traced to."""

    song_id: str
    score: float
    """Cosine of gradients, mean over checkpoints and windows of the audio, sum over windows of the song."""
    low: float
    high: float
    segment: int
    """Window of the song with the largest score."""
    start: float
    seconds: float
    stands_out: float
    """Distance from the median song, in median absolute deviations × 1.48; below 3 the song is one among many."""


def subject_of(store: Store) -> Subject:
    """The model that a store's rows are of.

    Raises
    ------
    AttributionError
        The store does not say, or its files are gone.
    """
    note = store.meta.get("note") or {}
    if "language_model" not in note:
        raise AttributionError(f"{store.folder}: does not say which model its rows are of; embed the songs again")
    files = [Path(p) for p in (note["language_model"], *note["checkpoints"])]
    gone = [f for f in files if not f.is_file()]
    if gone:
        raise AttributionError(f"{gone[0]}: the model of {store.folder} is no longer there")
    return Subject(files[0], str(note["name"]), tuple(files[1:]), tuple(store.meta["rates"]))


def note_of(subject: Subject, files: dict[str, str]) -> dict[str, Any]:
    """What `subject_of` and listening need: places, which may differ between comparable stores."""
    return {
        "language_model": str(subject.language_model), "name": subject.name,
        "checkpoints": [str(p) for p in subject.checkpoints], "files": files,
    }  # fmt: skip


def ask(
    store: Store, audio: Path, prompt: Prompt, top: int, seconds: float | None = None, model: MusicGen | None = None
) -> list[Answer]:
    """The ``top`` songs for an audio file, with 95 % intervals.

    Parameters
    ----------
    prompt : str or None
        Text that the audio was generated with, if it is known; otherwise the null condition is used.
    seconds : float, optional
        How much of the audio is used, from its start.
    """
    subject = subject_of(store)
    loaded = model or load_musicgen(subject.language_model, subject.name)
    settings = Embedding.model_validate(store.meta["embedding"])
    store.refuse_other(subject.meta(loaded.revision, settings))
    tokens = tokens_of(loaded, read_song(audio, loaded.sample_rate, seconds))
    windows = cut(audio.stem, prompt, tokens, settings.window, loaded.frame_rate)
    return answers(store, loaded, subject, settings, windows, top)


def answers(
    store: Store, model: MusicGen, subject: Subject, settings: Embedding, windows: Sequence[Window], top: int
) -> list[Answer]:
    """The ``top`` songs for windows of tokens."""
    feature = "loss" if "loss" in settings.features else settings.features[0]
    slim = settings.model_copy(update={"features": [feature]})
    worker = Worker(model, subject, slim)
    _, fields = worker(windows)
    worker.restore()
    rows = store.rows
    scores = np.mean(
        [
            methods.unit(fields[f"{feature}/{c}"]) @ methods.unit(store.field(feature, c)).T
            for c in range(store.checkpoints)
        ],
        axis=0,
    )  # (windows, rows)
    _, found = methods.by_song(scores / len(windows), list(rows.song_id), list(rows.segment), ["audio"] * len(windows))
    spread = _spread(scores, rows.song_id.to_numpy(), found.songs, settings.dim, store.checkpoints)
    total = found.total[0]
    middle = float(np.median(total))
    scale = 1.4826 * float(np.median(np.abs(total - middle))) + 1e-12
    out = []
    for k in np.argsort(-total)[:top]:
        song, segment = found.songs[k], int(found.segment[0, k])
        place = rows[(rows.song_id == song) & (rows.segment == segment)].iloc[0]
        value, half = float(total[k]), 1.96 * float(spread[k])
        out.append(
            Answer(
                song, value, value - half, value + half, segment, float(place.start), float(place.seconds),
                (value - middle) / scale,
            )
        )  # fmt: skip
    return out


def _spread(scores: Floats, songs: NDArray[Any], names: Sequence[str], dim: int, checkpoints: int) -> Floats:
    """Standard error of each song's score: between windows of the audio, and of the projection (1/√dim per cosine)."""
    windows = len(scores)
    out = np.empty(len(names))
    for k, name in enumerate(names):
        mine = scores[:, songs == name]
        projection = mine.shape[1] / (dim * windows)  # one projection serves all checkpoints, so these do not average
        between = mine.sum(1).var(ddof=1) / windows if windows > 1 else 0.0
        out[k] = np.sqrt(projection + between)
    return out


def show(found: Sequence[Answer]) -> str:
    """A table for the terminal."""
    lines = [f"{'song':<48} {'score':>8} {'95 % interval':>20}  {'best window':>16}  stands out"]
    for a in found:
        window = f"{a.start:.1f}–{a.start + a.seconds:.1f} s"
        lines.append(f"{a.song_id:<48} {a.score:8.4f} [{a.low:8.4f}, {a.high:8.4f}]  {window:>16}  {a.stands_out:6.1f}")
    if found and found[0].stands_out < 3:
        lines.append("No song stands out from the others: this may be made of none of them.")
    return "\n".join(lines)


def keep(folder: Path, store: Store, audio: Path, found: Sequence[Answer]) -> None:
    """Write the answer, the audio and the best window of each song side by side, to be listened to."""
    sound, rate = read_audio(audio)
    write_audio(folder / "query.flac", sound, rate)
    files = (store.meta.get("note") or {}).get("files", {})
    for number, answer in enumerate(found, start=1):
        file = Path(files.get(answer.song_id, ""))
        if not file.is_file():
            log.warning("%s: its audio is no longer at %s", answer.song_id, file)
            continue
        song, song_rate = read_audio(file)
        first = round(answer.start * song_rate)
        part = song[first : first + round(answer.seconds * song_rate)]
        write_audio(folder / f"{number}-{answer.song_id.replace('/', '_')}.flac", part, song_rate)
    write_json(folder / "answer.json", [asdict(a) for a in found])
