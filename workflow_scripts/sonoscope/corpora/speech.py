"""LibriSpeech (Panayotov et al. 2015), real or spoken by synthetic voices, in one layout.

``{subset}/{speaker}/{chapter}/{speaker}-{chapter}-{utterance}.flac`` at 16 kHz, ``{speaker}-{chapter}.trans.txt`` with
one "ID TEXT" per line, and ``SPEAKERS.TXT`` beside the subsets.
"""

import logging
import re
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from numpy.typing import NDArray
from scipy.signal import fftconvolve, resample_poly

from sonoscope.audio.espeak import speak
from sonoscope.audio.files import AudioArray, AudioError, read_audio, write_audio
from sonoscope.contracts.speech import SPEAKER_ROLES, UTTERANCES
from sonoscope.corpora.sentences import transcript, unique_texts
from sonoscope.corpora.skipped import Skipped
from sonoscope.corpora.speakers import Speaker, SyntheticSpeaker, read_speakers, speakers_text, synthetic_speakers
from sonoscope.logs import Progress
from sonoscope.statistics.splits import grouped_split, refuse_overlap

log = logging.getLogger(__name__)

SAMPLE_RATE = 16_000
"""Hertz."""
SUBSET = "train-synthetic"
UTTERANCES_PER_CHAPTER = 10
_CHAPTER = 900_001
_LEVEL = 0.07
"""Root mean square of the speech, full scale = 1."""
_PAUSE = 0.25
"""Seconds of room before and after the speech."""
_NAME = re.compile(r"(\d+)-(\d+)-(\d{4,})")


def compose_speech(
    folder: Path, speakers: int, utterances: int, sentences: int, seed: int, *, for_codec: bool = False
) -> None:
    """Write a synthetic corpus into ``folder``, which becomes what the archive calls ``LibriSpeech``.

    No sentence is read twice, by anyone: splits by speaker are splits by text as well.

    Parameters
    ----------
    folder : Path
    speakers : int
        Women and men in turn.
    utterances : int
        Per speaker.
    sentences : int
        Per utterance; one takes 2 to 8 seconds.
    seed : int
        Of the texts, voices and rooms. The synthesizer is not reproducible to the bit.
    for_codec : bool
        Whether the shipped codec learns from it, so that voices reserved for studies stay out.
    """
    people = synthetic_speakers(speakers, SUBSET, seed, for_codec=for_codec)
    texts = unique_texts(speakers * utterances, sentences, np.random.default_rng([seed, 1]))
    done: list[Speaker] = []
    with Progress(len(texts), "utterances") as progress:
        for k, person in enumerate(people):
            rng = np.random.default_rng([seed, 2, k])
            seconds = 0.0
            for n, text in enumerate(texts[k * utterances : (k + 1) * utterances]):
                chapter, number = _CHAPTER + 1000 * k + n // UTTERANCES_PER_CHAPTER, n % UTTERANCES_PER_CHAPTER
                seconds += _write_utterance(folder, person, chapter, number, text, rng)
                progress.advance()
            s = person.speaker
            done.append(Speaker(s.speaker_id, s.sex, s.subset, s.name, seconds / 60))
    (folder / "SPEAKERS.TXT").write_text(speakers_text(done), encoding="utf-8")


def _write_utterance(
    folder: Path, person: SyntheticSpeaker, chapter: int, number: int, text: str, rng: np.random.Generator
) -> float:
    """Write one file and its line of transcript; returns its seconds."""
    speaker = person.speaker.speaker_id
    place = folder / SUBSET / speaker / str(chapter)
    audio = in_room(*speak(text, person.voice), person.noise, person.echo, rng)
    place.mkdir(parents=True, exist_ok=True)
    write_audio(place / f"{speaker}-{chapter}-{number:04d}.flac", audio, SAMPLE_RATE)
    with (place / f"{speaker}-{chapter}.trans.txt").open("a", encoding="utf-8") as file:
        file.write(f"{speaker}-{chapter}-{number:04d} {transcript(text)}\n")
    return len(audio) / SAMPLE_RATE


def in_room(audio: AudioArray, sample_rate: int, noise: float, echo: float, rng: np.random.Generator) -> AudioArray:
    """Speech at `SAMPLE_RATE` as a microphone in a small room hears it: echo, pauses around it and soft noise.

    Without them, frames of a synthesizer repeat exactly, and pauses are digital silence, which no recording has.
    """
    step = int(np.gcd(SAMPLE_RATE, sample_rate))
    dry = resample_poly(audio.astype(np.float64), SAMPLE_RATE // step, sample_rate // step)
    pause = np.zeros(round(_PAUSE * SAMPLE_RATE))
    dry = np.concatenate([pause, dry, pause])
    length = round(echo * SAMPLE_RATE)
    tail = rng.standard_normal(length) * 10 ** (-3 * np.arange(length) / length) * 0.02
    tail[0] = 1.0
    wet = fftconvolve(dry, tail)[: len(dry)]
    wet *= _LEVEL / max(float(np.sqrt(np.mean(wet**2))), 1e-9)
    hiss = _brown(len(wet), rng) * _LEVEL * 10 ** (noise / 20)
    return np.asarray(np.clip(wet + hiss, -1, 1), dtype=np.float32)


def _brown(samples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Noise of unit power whose spectrum falls by 3 dB per octave above 60 Hz."""
    spectrum = np.fft.rfft(rng.standard_normal(samples))
    spectrum /= np.sqrt(np.maximum(np.fft.rfftfreq(samples, 1 / SAMPLE_RATE), 60.0))
    shaped = np.fft.irfft(spectrum, samples)
    return np.asarray(shaped / np.sqrt(np.mean(shaped**2)), dtype=np.float64)


def folder_of(file: Path) -> Path:
    """Folder of the corpus that ``file`` stands for: its SPEAKERS.TXT, or the record beside a fetched subset."""
    return file.parent if file.name == "SPEAKERS.TXT" else file.parent.parent


def load_librispeech(
    folder: Path, subsets: tuple[str, ...] = (), *, shortest: float = 0.0, decode: bool = True
) -> tuple[pd.DataFrame, list[Skipped]]:
    """Index a corpus in LibriSpeech's layout.

    Parameters
    ----------
    folder : Path
        The folder ``LibriSpeech``, or the one that holds it.
    subsets : tuple of str
        Names of subsets; empty takes all.
    shortest : float
        Utterances below this many seconds are left out.
    decode : bool
        Read every file to its end, which finds truncated ones; otherwise headers only.

    Returns
    -------
    DataFrame
        Fits `UTTERANCES`, sorted by utterance, with an empty ``split``.
    list of Skipped
        A line for every file, transcript line or speaker line that could not be used.

    Raises
    ------
    FileNotFoundError
        There is no SPEAKERS.TXT, or a named subset is not there.
    """
    root = folder if (folder / "SPEAKERS.TXT").is_file() else folder / "LibriSpeech"
    if not (root / "SPEAKERS.TXT").is_file():
        raise FileNotFoundError(f"{folder}: expected LibriSpeech with a SPEAKERS.TXT, found none")
    absent = [s for s in subsets if not (root / s).is_dir()]
    if absent:
        there = ", ".join(sorted(p.name for p in root.iterdir() if p.is_dir())) or "none"
        raise FileNotFoundError(f"{root}: expected subset {', '.join(absent)}, found {there}")
    speakers, problems = read_speakers(root / "SPEAKERS.TXT")
    skipped = [Skipped("SPEAKERS.TXT", problem, "SPEAKERS.TXT") for problem in problems]
    rows: list[tuple[object, ...]] = []
    chapters = sorted(p for s in subsets or ("*",) for p in root.glob(f"{s}/*/*") if p.is_dir())
    with Progress(len(chapters), "chapters") as progress:
        for chapter in chapters:
            rows += _chapter(root, chapter, speakers, shortest, decode, skipped)
            progress.advance()
    table = pd.DataFrame(rows, columns=list(UTTERANCES.columns))
    table = table.sort_values(["utterance_id", "file"], ignore_index=True)
    twice = table.duplicated("utterance_id")
    again = zip(table[twice].utterance_id.tolist(), table[twice].file.tolist(), strict=True)
    skipped += [Skipped(name, "it stands in another subset too; that one was taken", where) for name, where in again]
    table = table[~twice].reset_index(drop=True)
    UTTERANCES.check(table)
    log.info(
        "%s: %d utterances of %d speakers, %d lines skipped", root, len(table), table.speaker_id.nunique(), len(skipped)
    )
    return table, skipped


def _chapter(
    root: Path, chapter: Path, speakers: dict[str, Speaker], shortest: float, decode: bool, skipped: list[Skipped]
) -> list[tuple[object, ...]]:
    """Rows of one chapter; what cannot be used is added to ``skipped``."""
    transcripts = _transcripts(root, chapter, skipped)
    rows: list[tuple[object, ...]] = []
    files = {p.stem: p for p in sorted(chapter.glob("*.flac"))}
    for name, path in files.items():
        where = path.relative_to(root).as_posix()
        try:
            speaker_id, seconds = _usable(path, transcripts, speakers, shortest, decode)
        except AudioError as error:
            skipped.append(Skipped(name, str(error), where))
            continue
        speaker, (_, chapter_id, _) = speakers[speaker_id], name.split("-")
        subset = path.relative_to(root).parts[0]
        rows.append((name, where, speaker_id, speaker.sex, chapter_id, subset, seconds, transcripts[name], ""))
    absent = sorted(set(transcripts) - set(files))
    skipped += [Skipped(name, "a transcript names it, but there is no FLAC file") for name in absent]
    return rows


def _usable(
    path: Path, transcripts: dict[str, str], speakers: dict[str, Speaker], shortest: float, decode: bool
) -> tuple[str, float]:
    """Speaker and seconds of one file.

    Raises
    ------
    AudioError
        It cannot be used; the message says why.
    """
    parts = _NAME.fullmatch(path.stem)
    if not parts or parts[1] != path.parent.parent.name or parts[2] != path.parent.name:
        raise AudioError("expected a name {speaker}-{chapter}-{utterance} that agrees with its folders")
    if path.stem not in transcripts:
        raise AudioError("no transcript names it")
    if parts[1] not in speakers:
        raise AudioError(f"SPEAKERS.TXT does not name speaker {parts[1]}")
    try:
        about = soundfile.info(path)
    except soundfile.LibsndfileError as error:
        raise AudioError(f"expected a FLAC file, found {error}") from None
    if about.samplerate != SAMPLE_RATE or about.channels != 1:
        raise AudioError(f"expected {SAMPLE_RATE} Hz mono, found {about.samplerate} Hz, {about.channels} channels")
    if decode and (found := len(read_audio(path)[0])) != about.frames:
        raise AudioError(f"truncated: expected {about.frames} samples, found {found}")
    seconds = about.frames / SAMPLE_RATE
    if seconds < shortest:
        raise AudioError(f"{seconds:.2f} s is shorter than {shortest:g} s")
    return parts[1], seconds


def _transcripts(root: Path, chapter: Path, skipped: list[Skipped]) -> dict[str, str]:
    found: dict[str, str] = {}
    for path in sorted(chapter.glob("*.trans.txt")):
        where = path.relative_to(root).as_posix()
        try:
            lines = path.read_bytes().decode("utf-8").splitlines()
        except UnicodeDecodeError as error:
            skipped.append(Skipped(path.name, f"expected text in UTF-8, found {error}", where))
            continue
        for line in filter(str.strip, lines):
            name, _, text = line.strip().partition(" ")
            if not _NAME.fullmatch(name) or not text.strip():
                skipped.append(Skipped(name, f"expected an identifier and a text, found {line[:60]!r}", where))
                continue
            found[name] = text.strip()
    return found


def split_by_speaker(
    table: pd.DataFrame, generator: np.random.Generator, shares: tuple[float, float, float] = (0.6, 0.2, 0.2)
) -> pd.DataFrame:
    """``table`` with its ``split`` filled: no speaker stands on two sides, and both sexes stand on each if they can.

    Speakers count alike, however much they read. Each part is a list of speakers, so that the same people are held out
    whatever utterances are later left out.
    """
    speakers = table.groupby("speaker_id", sort=True).sex.first()
    split = grouped_split(len(speakers), generator, labels=speakers.to_numpy(dtype=np.str_), shares=shares)
    roles = np.full(len(speakers), SPEAKER_ROLES[0], dtype=object)
    roles[split.validation], roles[split.test] = SPEAKER_ROLES[1:]
    of = dict(zip(speakers.index, roles, strict=True))
    table = table.assign(split=table.speaker_id.map(of))
    refuse_overlap(table.split, speaker=table.speaker_id)
    return table
