"""Synthetic speakers: who reads, and the SPEAKERS.TXT that lists them as LibriSpeech does."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from sonoscope.audio.espeak import Voice

Sex = Literal["F", "M"]

_ACCENTS = ("en-us", "en-gb-x-rp", "en-gb-scotland", "en-029", "en-us-nyc", "en")
_FEMALE = ("f1", "f2", "f3", "f4", "f5", "Andrea", "Annie", "Alicia", "linda", "steph", "belinda", "anika")
_MALE = ("m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "Alex", "Michael", "robert", "john")
_STUDY = {"F": ("f2", "Andrea", "linda"), "M": ("m3", "Alex", "robert")}
"""Variants that the shipped speech codec never hears; the first 36 speakers of a study's corpus have them."""
_FIRST_ID = 9001
"""Identifiers begin above those of LibriSpeech (at most 8975), so that the two can lie in one folder."""

HEADER = """; Synthetic speakers: voices of eSpeak NG that read sentences of a small grammar.
;
; The fields are those of LibriSpeech, from left to right: identifier, gender (F or M), subset, minutes of speech, name.
;
;ID  |SEX| SUBSET           |MINUTES| NAME
"""


@dataclass(frozen=True)
class Speaker:
    """One reader."""

    speaker_id: str
    """Digits, as in LibriSpeech."""
    sex: str
    """F, M, or empty where it is not known."""
    subset: str
    name: str
    minutes: float = 0.0


@dataclass(frozen=True)
class SyntheticSpeaker:
    """A reader, how it speaks, and the room it speaks in."""

    speaker: Speaker
    voice: Voice
    noise: float
    """Level of the background noise relative to the speech, in decibels."""
    echo: float
    """Decay time of the room to -60 dB, in seconds."""


def synthetic_speakers(count: int, subset: str, seed: int, *, for_codec: bool = False) -> list[SyntheticSpeaker]:
    """``count`` speakers, women and men in turn, no two with the same accent and variant.

    Parameters
    ----------
    count : int
    subset : str
        Subset of the corpus to which they belong.
    seed : int
    for_codec : bool
        Speakers that the shipped codec learns from: of the variants that are not reserved for studies. Other corpora
        begin with the reserved ones.

    Raises
    ------
    ValueError
        More speakers than there are voices.
    """
    rng = np.random.default_rng([seed, 0])
    voices = {sex: _voices(sex, rng, for_codec) for sex in ("F", "M")}
    most = sum(len(v) for v in voices.values())
    if count > most:
        raise ValueError(f"expected at most {most} synthetic speakers, found {count}")
    found = []
    for k in range(count):
        sex = "FM"[k % 2]
        name = voices[sex][k // 2]
        voice = Voice(name, int(rng.integers(140, 191)), int(rng.integers(38, 63)), int(rng.integers(35, 66)))
        who = Speaker(str(_FIRST_ID + k), sex, subset, name)
        found.append(SyntheticSpeaker(who, voice, float(rng.uniform(-48, -36)), float(rng.uniform(0.08, 0.3))))
    return found


def _voices(sex: str, rng: np.random.Generator, for_codec: bool) -> list[str]:
    """Accents with variants: those reserved for studies first, or the others alone."""
    others = tuple(v for v in (_FEMALE if sex == "F" else _MALE) if v not in _STUDY[sex])
    return [
        voice for variants in ((others,) if for_codec else (_STUDY[sex], others)) for voice in _mixed(variants, rng)
    ]


def _mixed(variants: tuple[str, ...], rng: np.random.Generator) -> list[str]:
    """All accents with all of ``variants``, in an order in which both change from one to the next."""
    shuffled, accents = rng.permutation(variants), rng.permutation(_ACCENTS)
    n, m = len(accents), len(shuffled)
    return [f"{accents[(k + k // math.lcm(n, m)) % n]}+{shuffled[k % m]}" for k in range(n * m)]


def speakers_text(speakers: Iterable[Speaker]) -> str:
    """SPEAKERS.TXT in the published form."""
    lines = (f"{s.speaker_id:<5}| {s.sex} | {s.subset:<17}| {s.minutes:5.2f} | {s.name}\n" for s in speakers)
    return HEADER + "".join(lines)


def read_speakers(path: Path) -> tuple[dict[str, Speaker], list[str]]:
    """Speakers of a SPEAKERS.TXT by identifier, and a line for each that cannot be read.

    A name may hold the separator (one of the published names does), so only the first four are cut.
    """
    speakers: dict[str, Speaker] = {}
    problems = []
    text = path.read_bytes().decode("utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith(";"):
            continue
        cells = [cell.strip() for cell in line.split("|", maxsplit=4)]
        try:
            speaker_id, sex, subset, minutes, name = cells
            if not speaker_id.isdecimal() or sex not in ("F", "M"):
                raise ValueError("no number and F or M")
            speakers[speaker_id] = Speaker(speaker_id, sex, subset, name, float(minutes))
        except ValueError:
            problems.append(f"line {number}: expected ID | SEX | SUBSET | MINUTES | NAME, found {line.strip()[:80]!r}")
    return speakers, problems
