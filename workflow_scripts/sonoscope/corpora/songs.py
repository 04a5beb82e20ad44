"""Songs with artists: a folder of audio with metadata, in any of three forms.

- audiocraft's: a manifest ``*.jsonl`` (or ``.jsonl.gz``) whose lines name files, a ``.json`` of metadata beside each;
- a ``.json`` of the same stem beside each audio file (at least ``description``), without manifest;
- one ``metadata.csv`` at the top (file, description; artist, title, genre, tags where they are known).
"""

import gzip
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import soundfile

from sonoscope.audio.files import AudioError, read_audio
from sonoscope.contracts.corpora import SONGS
from sonoscope.corpora.skipped import Skipped
from sonoscope.corpora.text import LabelFileError, read_rows
from sonoscope.logs import Progress

log = logging.getLogger(__name__)

READABLE = (".flac", ".wav", ".mp3", ".ogg", ".opus", ".aiff", ".aif")
UNREADABLE = (".m4a", ".aac", ".wma")
"""Audio that this machine's libsndfile cannot read."""
_LONGEST_LINE = 2**20

Found = dict[Path, Mapping[str, Any]]


def load_songs(folder: Path, *, shortest: float = 1.0, decode: bool = True) -> tuple[pd.DataFrame, list[Skipped]]:
    """Index a folder of songs.

    Parameters
    ----------
    folder : Path
    shortest : float
        Songs below this many seconds are left out.
    decode : bool
        Read every file to its end, which finds truncated ones; otherwise headers only.

    Returns
    -------
    DataFrame
        Fits `SONGS`, sorted by song.
    list of Skipped
        A line for every file, line or row that could not be used.

    Raises
    ------
    FileNotFoundError
        The folder is not there, or holds no audio.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: expected a folder of songs, found none")
    skipped: list[Skipped] = []
    audio = sorted(p for p in folder.rglob("*") if p.suffix.lower() in READABLE + UNREADABLE and p.is_file())
    if not audio:
        raise FileNotFoundError(f"{folder}: expected audio files ({', '.join(READABLE)}), found none")
    named = _manifests(folder, skipped)
    listed = _metadata_csv(folder, skipped)
    rows = []
    with Progress(len(audio), "songs") as progress:
        for path in audio:
            where = path.relative_to(folder).as_posix()
            try:
                if named and path not in named:
                    raise AudioError("no manifest names it")
                info = _info(path, listed, named.get(path, {}))
                rows.append(_row(path, where, info, shortest, decode))
            except (AudioError, LabelFileError) as error:
                skipped.append(Skipped(Path(where).with_suffix("").as_posix(), str(error), where))
            progress.advance()
    here = set(audio)
    absent = [p for p in {**named, **listed} if p not in here]
    skipped += [Skipped(p.name, "metadata name it, but there is no such file") for p in absent]
    table = pd.DataFrame(rows, columns=list(SONGS.columns)).sort_values("song_id", ignore_index=True)
    twice = table.duplicated("song_id")
    again = zip(table[twice].song_id.tolist(), table[twice].file.tolist(), strict=True)
    skipped += [Skipped(name, "another file of this name was taken", where) for name, where in again]
    table = table[~twice].reset_index(drop=True)
    SONGS.check(table)
    log.info("%s: %d songs of %d artists, %d lines skipped", folder, len(table), table.artist.nunique(), len(skipped))
    return table, skipped


def _manifests(folder: Path, skipped: list[Skipped]) -> Found:
    """Lines of all manifests by the file that they name."""
    found: Found = {}
    for path in sorted((*folder.glob("*.jsonl"), *folder.glob("*.jsonl.gz"))):
        where = path.relative_to(folder).as_posix()
        try:
            content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            lines = content.decode("utf-8").splitlines()
        except (UnicodeDecodeError, OSError, EOFError) as error:
            skipped.append(Skipped(path.name, f"expected lines of JSON in UTF-8, found {error}", where))
            continue
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            entry = _json(line[:_LONGEST_LINE])
            if not isinstance(entry, dict) or not isinstance(entry.get("path"), str) or "\0" in entry["path"]:
                reason = f"expected JSON with a path, found {line[:60]!r}"
                skipped.append(Skipped(f"{path.name}, line {number}", reason, where))
                continue
            found[folder / entry["path"]] = entry  # an absolute path stays what it is
    return found


def _metadata_csv(folder: Path, skipped: list[Skipped]) -> Found:
    path = folder / "metadata.csv"
    if not path.is_file():
        return {}
    try:
        rows = read_rows(path, ("file", "description"))
    except LabelFileError as error:
        skipped.append(Skipped(path.name, str(error), path.name))
        return {}
    found: Found = {}
    for row in rows:
        if row["file"] and "\0" not in row["file"]:
            tags = [t.strip() for t in row.get("tags", "").split(";") if t.strip()]
            found[folder / row["file"]] = {**row, "keywords": tags}
    return found


def _info(path: Path, listed: Found, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Metadata of one file.

    Raises
    ------
    LabelFileError
        There are none, or they cannot be read.
    """
    if path in listed:
        return listed[path]
    beside = Path(str(entry.get("info_path") or path.with_suffix(".json")))
    beside = beside if beside.is_absolute() else path.parent / beside.name
    if not beside.is_file():
        raise LabelFileError(f"expected metadata in {beside.name} beside it, or a row of metadata.csv; found neither")
    try:
        found = _json(beside.read_bytes().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise LabelFileError(f"{beside.name}: expected JSON in UTF-8, found {error}") from None
    if not isinstance(found, dict):
        raise LabelFileError(f"{beside.name}: expected a JSON object, found something else")
    return found


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _row(path: Path, where: str, info: Mapping[str, Any], shortest: float, decode: bool) -> tuple[object, ...]:
    description = _text(info.get("description"))
    if not description:
        raise LabelFileError("its metadata have no description, which is the text that a model would be trained with")
    if path.suffix.lower() in UNREADABLE:
        raise AudioError(f"{path.suffix} cannot be read here; convert it to FLAC or WAV")
    seconds, sample_rate = _length(path, decode)
    if seconds < shortest:
        raise AudioError(f"{seconds:.2f} s is shorter than {shortest:g} s")
    song_id, artist = Path(where).with_suffix("").as_posix(), _text(info.get("artist"))
    keywords = info.get("keywords") or info.get("tags") or []
    tags = keywords if isinstance(keywords, list) else str(keywords).split(",")
    return (
        song_id, where, artist, _text(info.get("title")), _text(info.get("genre")), description,
        [t for t in map(_text, tags) if t], seconds, sample_rate, artist or song_id,
    )  # fmt: skip


def _length(path: Path, decode: bool) -> tuple[float, int]:
    try:
        about = soundfile.info(path)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"expected an audio file, found {error}") from None
    if decode and (found := len(read_audio(path)[0])) < 0.99 * about.frames:
        raise AudioError(f"truncated: expected {about.frames} samples, found {found}")
    return about.frames / about.samplerate, int(about.samplerate)


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value).strip()
