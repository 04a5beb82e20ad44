"""Fill a store: songs in shards, shards over processes, finished ones left alone."""

import hashlib
import logging
import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from sonoscope.attribution import lora
from sonoscope.attribution.ekfac import fit
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.finetune import State, copy_of_state, load_checkpoint, load_moments
from sonoscope.attribution.gradients import Embedder, Facts, Fields
from sonoscope.attribution.hashing import SCHEME
from sonoscope.attribution.likelihood import language_model
from sonoscope.attribution.songs import Song, Window, windows_of
from sonoscope.attribution.store import Store
from sonoscope.files import sha256
from sonoscope.logs import Progress
from sonoscope.musicgen.interface import MusicGen
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.attribution import Embedding

log = logging.getLogger(__name__)

Skipped = list[tuple[str, str, str]]


@dataclass(frozen=True)
class Subject:
    """The model under test: a folder in audiocraft's layout, and optionally checkpoints that stand on it."""

    language_model: Path
    name: str
    checkpoints: tuple[Path, ...] = ()
    """Files that `sonoscope.attribution.finetune` keeps; without them the model is taken as it is."""
    rates: tuple[float, ...] = ()
    """Learning rate at each checkpoint, for TracIn."""

    def meta(self, revision: str, settings: Embedding) -> dict[str, Any]:
        """What rows must share to be compared."""
        kept = settings.model_dump(mode="json", exclude={"songs_per_shard", "coverage"})
        digests = [sha256(file)[:16] for file in self.checkpoints] or [revision]
        return {
            "model": revision,
            "checkpoints": digests,
            "rates": list(self.rates),
            "scheme": SCHEME,
            "embedding": kept,
        }


@dataclass
class Worker:
    """A loaded subject, which embeds windows under each of its checkpoints."""

    model: MusicGen
    subject: Subject
    settings: Embedding
    curvature: Sequence[Window] = ()
    """Training windows that EK-FAC is fitted on."""
    _base: State = field(default_factory=dict)
    _embedders: dict[int, Embedder] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._base = copy_of_state(language_model(self.model))

    def __call__(self, windows: Sequence[Window]) -> tuple[pd.DataFrame, Fields]:
        """Rows of the index and of all features, under all checkpoints."""
        fields: Fields = {}
        facts: list[list[Facts]] = []
        for number in range(max(1, len(self.subject.checkpoints))):
            rows, more = self._embedder(number)(windows)
            fields |= {f"{feature}/{number}": values for feature, values in rows.items()}
            facts.append(more)
        return _index(
            windows, facts, str(self.subject.checkpoints[-1].name if self.subject.checkpoints else "")
        ), fields

    def restore(self) -> None:
        """Give the model the weights that it had before."""
        language_model(self.model).load_state_dict(self._base)

    def _embedder(self, number: int) -> Embedder:
        """The embedder of a checkpoint, with the weights of that checkpoint in the model."""
        tensors: State = {}
        if self.subject.checkpoints:
            tensors = load_checkpoint(self.model, self._base, self.subject.checkpoints[number])
        if number not in self._embedders:
            factors = None
            if "ekfac" in self.settings.features:
                factors = self._factors()
            roots = None
            if "adam" in self.settings.features and self.subject.checkpoints:
                roots = load_moments(self.subject.checkpoints[number])
            self._embedders[number] = Embedder(self.model, self.settings, lora.pairs_of(tensors), factors, roots)
        return self._embedders[number]

    def _factors(self) -> Any:
        bare = Embedder(self.model, self.settings.model_copy(update={"features": ["loss"]}))
        chosen = self.curvature[: self.settings.ekfac_windows]
        makers = bare.captures(chosen, torch.Generator().manual_seed(self.settings.seed))
        return fit((make() for make in makers), (make() for make in makers), bare.keep)


def _index(windows: Sequence[Window], facts: Sequence[Sequence[Facts]], checkpoint: str) -> pd.DataFrame:
    rows = []
    for place, w in enumerate(windows):
        of_window = [f[place] for f in facts]
        rows.append(
            {
                "song_id": w.song_id, "segment": w.segment, "start": w.start, "seconds": w.seconds, "tokens": w.digest,
                "prompt": w.prompt, "checkpoint": checkpoint, "loss": of_window[-1].loss,
                "margin": [f.margin for f in of_window], "doubt": [f.doubt for f in of_window],
                "norm": [f.norm for f in of_window],
            }
        )  # fmt: skip
    return pd.DataFrame(rows)


def share_out(items: Sequence[str], size: int, shard: int, shards: int) -> list[list[str]]:
    """Groups of ``size`` neighbours, every ``shards``-th of them: groups are the same whatever the number of jobs."""
    return [list(items[first : first + size]) for first in range(0, len(items), size)][shard::shards]


def embed_windows(
    store: Store, worker: Worker, windows: Sequence[Window], per_shard: int, shard: int = 0, shards: int = 1,
    order: Sequence[str] = (),
) -> list[str]:  # fmt: skip
    """Add windows that are at hand to a store, in shards of whole songs; what is there already is left alone.

    Of several jobs each does every ``shards``-th group of songs, of ``order`` if given (some may have no window): so
    the groups do not depend on which windows are at hand. The model has the weights that it had before, so that the
    next worker begins with the same ones.

    Returns
    -------
    list of str
        Names of the shards that belong to these windows.
    """
    songs: dict[str, list[Window]] = {}
    for window in windows:
        songs.setdefault(window.song_id, []).append(window)
    done, names = _done(store, songs), list[str]()
    shared = share_out(list(order or songs), per_shard, shard, shards)
    groups = [[song for song in group if song in songs] for group in shared]
    with Progress(sum(len(songs[s]) for group in groups for s in group if s not in done), "windows") as progress:
        for group in groups:
            names += [done[song] for song in group if song in done]
            todo = [song for song in group if song not in done]
            if todo:
                part = [w for song in todo for w in songs[song]]
                rows, fields = worker(part)
                store.write_shard(shard_name(todo), rows, fields)
                names.append(shard_name(todo))
                progress.advance(len(part))
    worker.restore()
    return list(dict.fromkeys(names))


def _done(store: Store, songs: Mapping[str, Sequence[Window]]) -> dict[str, str]:
    """The shard of each song whose very windows are stored; shards that hold others of its windows are removed."""
    done: dict[str, str] = {}
    for name, rows in store.finished().items():
        mine: dict[str, list[tuple[int, str]]] = {}
        for song, segment, tokens in zip(rows.song_id, rows.segment, rows.tokens, strict=True):
            mine.setdefault(str(song), []).append((int(segment), str(tokens)))
        wanted = {song: [(w.segment, w.digest) for w in songs[song]] for song in mine if song in songs}
        if all(mine[song] == windows for song, windows in wanted.items()):
            done |= dict.fromkeys(wanted, name)
        else:
            log.info("%s: its rows are of other tokens or captions; made again", name)
            store.discard(name)
    return done


def shard_name(song_ids: Sequence[str]) -> str:
    """Name of the shard that holds these songs, which depends on nothing else."""
    return hashlib.sha256("\n".join(song_ids).encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Plan:
    """All that a process needs to embed songs by itself."""

    folder: Path
    subject: Subject
    settings: Embedding
    seconds: float | None
    threads: int
    dropped: float = 0.0
    """How often training left captions out, as a share."""


_WORKER: dict[str, Worker] = {}  # one loaded model per process


def embed_songs(plan: Plan, songs: Sequence[Song], processes: int = 1, shard: int = 0, shards: int = 1) -> Skipped:
    """Embed songs into the store of ``plan.folder``: every ``shards``-th group of songs, over ``processes``.

    Returns what was skipped. Give the same call again to resume; call `Store.finish` when all shards are done.

    Raises
    ------
    AttributionError
        Ids repeat, or a process failed: the message names the songs that are missing.
    """
    ids = [song.song_id for song in songs]
    if len(set(ids)) != len(ids):
        raise AttributionError(f"songs: {next(i for i in ids if ids.count(i) > 1)!r} stands twice; ids must differ")
    store = Store(plan.folder)
    done = {str(s) for frame in store.finished().values() for s in frame.song_id}
    known = {song.song_id: song for song in songs}
    # shared out before what is done is left away: else jobs of an array that start later would share out less
    mine = share_out(sorted(known), plan.settings.songs_per_shard, shard, shards)
    groups = [todo for group in mine if (todo := [known[s] for s in group if s not in done])]
    skipped: Skipped = []
    missing: list[str] = []
    with Progress(sum(map(len, groups)), "songs") as progress:
        for group, result in _results(plan, groups, processes):
            if isinstance(result, BaseException):
                log.error("songs %s: %s", ", ".join(s.song_id for s in group), result)
                missing += [s.song_id for s in group]
            else:
                skipped += result
            progress.advance(len(group))
    if missing:
        raise AttributionError(f"{len(missing)} songs are missing ({', '.join(missing[:5])} …); give the command again")
    return skipped


def _results(plan: Plan, groups: Sequence[Sequence[Song]], processes: int) -> Any:
    if processes <= 1:
        for group in groups:
            yield group, _embed_group(plan, group)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        futures = {pool.submit(_embed_group, plan, group): group for group in groups}
        for future in as_completed(futures):
            error = future.exception()
            if isinstance(error, BrokenProcessPool):
                error = AttributionError("a worker process died, most likely for want of memory")
            yield futures[future], error if error is not None else future.result()


def _embed_group(plan: Plan, songs: Sequence[Song]) -> Skipped:
    key = repr(plan)
    if key not in _WORKER:
        torch.set_num_threads(plan.threads)
        model = load_musicgen(plan.subject.language_model, plan.subject.name)
        _WORKER.clear()
        _WORKER[key] = Worker(model, plan.subject, plan.settings)
    worker = _WORKER[key]
    windows, skipped = windows_of(worker.model, songs, plan.settings.window, plan.seconds)
    if windows:
        rows, fields = worker([replace(w, dropped=plan.dropped) for w in windows])
        Store(plan.folder).write_shard(shard_name([s.song_id for s in songs]), rows, fields)
    return skipped
