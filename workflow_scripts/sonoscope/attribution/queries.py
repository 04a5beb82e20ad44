"""Generated clips whose training songs are asked for: tokens are kept, so that nothing is encoded twice."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.kinds import PROMPTED, UNPROMPTED
from sonoscope.attribution.songs import Song, Window, cut, read_song, tokens_of
from sonoscope.audio.files import write_audio
from sonoscope.contracts import Tensor, Tensors
from sonoscope.contracts.attribution import QUERIES
from sonoscope.musicgen.interface import MusicGen, Prompt, Sampling
from sonoscope.settings.attribution import Attribution

log = logging.getLogger(__name__)

TOKENS = Tensors(
    "query_tokens",
    {
        "tokens": Tensor("int16", ("frames", "codebooks")),
        "length": Tensor("int64", ("queries",), "frames"),
    },
    header=("model",),
    description="Tokens of all queries, one after another, in the order of their table.",
)


@dataclass(frozen=True)
class Wish:
    """One clip to generate."""

    query_id: str
    kind: str
    source: str | None
    prompt: str | None
    seed: int
    seconds: float


def of_songs(songs: Sequence[Song], settings: Attribution, kind: str, seeds: int) -> list[Wish]:
    """Clips with the captions of songs, ``seeds`` of each."""
    out = []
    for k in range(seeds):
        for number, song in enumerate(songs):
            name = f"{kind}-{number:03d}-{k:03d}"
            out.append(Wish(name, kind, song.song_id, song.prompt or "", 1000 + k, settings.queries.seconds))
    return out


def of_many(songs: Sequence[Song], settings: Attribution) -> list[Wish]:
    """Clips by the fine-tune on many songs."""
    return of_songs(songs, settings, PROMPTED, settings.queries.seeds) + unprompted(settings)


def of_pair(songs: Sequence[Song], number: int, settings: Attribution) -> list[Wish]:
    """Clips by the fine-tune on a pair; the experiments are about the first one."""
    wishes = of_songs(songs, settings, f"pair-{number}", settings.queries.pair_seeds)
    if number == 0:
        wishes += [w for e in settings.experiments.run for w in of_experiment(e, songs, settings)]
    return wishes


def unprompted(settings: Attribution) -> list[Wish]:
    """Clips without a caption."""
    count, seconds = settings.queries.unprompted, settings.queries.seconds
    return [Wish(f"{UNPROMPTED}-{k:03d}", UNPROMPTED, None, None, 2000 + k, seconds) for k in range(count)]


def held_out(
    model: MusicGen,
    songs: Sequence[Song],
    settings: Attribution,
    kind: str,
    count: int,
    audio: Path,
    first: int = 0,
) -> tuple[pd.DataFrame, list[NDArray[np.int16]]]:
    """Real clips, ``count`` per song, of what follows the part that is trained on; fewer where a song ends.

    Names count the songs from ``first``.
    """
    rows, tokens = [], []
    seconds = settings.queries.seconds
    for number, song in enumerate(songs, first):
        if settings.seconds is None:
            break
        sound = read_song(song.file, model.sample_rate, settings.seconds + count * seconds)
        codes = tokens_of(model, sound)
        for k in range(count):
            start = settings.seconds + k * seconds
            begin, length = round(start * model.frame_rate), round(seconds * model.frame_rate)
            if begin + length > codes.shape[1]:
                log.info("%s: ends before %.1f s, so less of it is held out", song.song_id, start + seconds)
                break
            name = f"{kind}-{number:03d}-{k:03d}"
            part = sound[round(start * model.sample_rate) : round((start + seconds) * model.sample_rate)]
            write_audio(audio / f"{name}.flac", part, model.sample_rate)
            wish = Wish(name, kind, song.song_id, None, k, seconds)
            rows.append({**wish.__dict__, "audio": f"{audio.name}/{name}.flac"})
            tokens.append(np.ascontiguousarray(codes[:, begin : begin + length]))
    return pd.DataFrame(rows, columns=list(QUERIES.columns)), tokens


def of_experiment(number: str, songs: Sequence[Song], settings: Attribution) -> list[Wish]:
    """Clips of an experiment; without prompts, experiment 1 takes the first song's caption, others those of both."""
    spec = settings.experiments.spec(number)
    captions = [song.prompt or "" for song in songs]
    prompts = spec.prompts or (captions[:1] if number == "1" else captions)
    out = []
    for p, prompt in enumerate(prompts):
        source = next((s.song_id for s in songs if s.prompt == prompt), None)
        for seconds in spec.durations:
            for seed in spec.seeds:
                name = f"experiment{number}-{p:02d}-{seconds:g}s-{seed}"
                out.append(Wish(name, f"experiment_{number}", source, prompt, seed, seconds))
    return out


def batches(wishes: Sequence[Wish], batch: int) -> list[list[Wish]]:
    """Clips of one length that are generated at once."""
    out = []
    for seconds in dict.fromkeys(w.seconds for w in wishes):
        alike = [w for w in wishes if w.seconds == seconds]
        out += [alike[first : first + batch] for first in range(0, len(alike), batch)]
    return out


def generate(
    model: MusicGen, wishes: Sequence[Wish], sampling: Sampling, batch: int, audio: Path
) -> tuple[pd.DataFrame, list[NDArray[np.int16]]]:
    """Rows of `QUERIES` and tokens ``[K, T]`` of each; audio goes into the folder ``audio``."""
    rows, tokens = [], []
    for part in batches(wishes, batch):
        codes = model.generate([w.prompt for w in part], [w.seed for w in part], part[0].seconds, sampling)
        sound = model.decode(codes).cpu().numpy()[:, 0]
        for wish, code, clip in zip(part, codes.cpu().numpy().astype(np.int16), sound, strict=True):
            write_audio(audio / f"{wish.query_id}.flac", clip, model.sample_rate)
            rows.append({**wish.__dict__, "audio": f"{audio.name}/{wish.query_id}.flac"})
            tokens.append(code)
    frame = pd.DataFrame(rows, columns=list(QUERIES.columns))
    return frame, tokens


def write(table: Path, file: Path, frame: pd.DataFrame, tokens: Sequence[NDArray[np.int16]], model: str) -> None:
    """Write the table of queries and their tokens."""
    flat = np.concatenate([t.T for t in tokens]).astype(np.int16) if tokens else np.empty((0, 0), np.int16)
    lengths = np.array([t.shape[1] for t in tokens], np.int64)
    TOKENS.write(file, {"tokens": flat, "length": lengths}, {"model": model})
    QUERIES.write(table, frame)


def read(table: Path, file: Path) -> tuple[pd.DataFrame, list[NDArray[np.int16]]]:
    """Read what `write` wrote."""
    frame, (arrays, _) = QUERIES.read(table), TOKENS.read(file)
    lengths = arrays["length"].tolist()
    if len(lengths) != len(frame):
        raise AttributionError(f"{file}: tokens of {len(lengths)} queries, the table has {len(frame)}; make both again")
    ends = np.cumsum([0, *lengths])
    return frame, [arrays["tokens"][a:b].T for a, b in pairwise(ends)]


def windows(frame: pd.DataFrame, tokens: Sequence[NDArray[np.int16]], window: float, frame_rate: float) -> list[Window]:
    """Windows of the queries, as those of songs."""
    out: list[Window] = []
    for query, prompt, codes in zip(frame.query_id, frame.prompt, tokens, strict=True):
        out += cut(str(query), text_of(prompt), codes, window, frame_rate)
    return out


def clips(frame: pd.DataFrame, tokens: Sequence[NDArray[np.int16]]) -> tuple[list[torch.Tensor], list[Prompt]]:
    """Tokens and captions for `sonoscope.attribution.likelihood.log_likelihood`."""
    return [torch.from_numpy(t.astype(np.int64)) for t in tokens], [text_of(p) for p in frame.prompt]


def text_of(prompt: object) -> Prompt:
    """A caption from a cell of a table, in which none may stand as null."""
    return str(prompt) if isinstance(prompt, str) else None
