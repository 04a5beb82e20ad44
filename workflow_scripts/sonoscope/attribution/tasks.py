"""What is embedded under which model: songs and clips, under the fine-tunes on many songs, on pairs, and the base."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sonoscope.attribution.embed import Subject, Worker, embed_windows
from sonoscope.attribution.scoring import needs
from sonoscope.attribution.songs import Window
from sonoscope.attribution.store import Store
from sonoscope.attribution.training import find
from sonoscope.attribution.variants import FULL
from sonoscope.contracts import read_json, write_json
from sonoscope.musicgen.interface import MusicGen
from sonoscope.settings.attribution import Attribution, Embedding

log = logging.getLogger(__name__)

Windows = Callable[[str], Sequence[Window]]


@dataclass(frozen=True)
class Task:
    """Windows to be embedded into one store."""

    store: str
    """Name of the store: songs, base, pair-0, songs-empty …"""
    subject: Subject
    settings: Embedding
    windows: Sequence[Window]
    trained: frozenset[str]
    """Songs that the model was fine-tuned on; the curvature is fitted on them."""


def subjects(base: Path, name: str, of_songs: Path, of_pairs: Path, settings: Attribution) -> dict[str, Subject]:
    """The models under test: the fine-tune on all songs, those on pairs, and the base as a control."""
    end = settings.embed_end
    out = {"songs": find(of_songs, f"{FULL}-seed0").subject(base, name, end=end)}
    if "base_gradient_cosine" in settings.scoring.methods:
        out["base"] = Subject(base, name)
    for number in range(min(settings.counterfactuals.pairs, len(read_json(of_songs)["pairs"]))):
        out[f"pair-{number}"] = find(of_pairs, f"pair-{number}-ab-seed0").subject(base, name, end=end)
    return out


def tasks_of(
    base: Path, name: str, of_songs: Path, of_pairs: Path, windows: Windows, settings: Attribution
) -> list[Task]:
    """One task per model under test; ``windows`` gives those of a store by its name."""
    choice = read_json(of_songs)
    out = []
    for kind, subject in subjects(base, name, of_songs, of_pairs, settings).items():
        own = settings.embedding
        if kind == "base":
            own = own.model_copy(update={"features": ["loss"]})
        songs = choice["pairs"][int(kind.partition("-")[2])] if kind.startswith("pair-") else choice["trained"]
        out.append(Task(kind, subject, own, windows(kind), frozenset(map(str, songs))))
    return out


def training_windows(
    windows: Sequence[Window], pairs: Sequence[Sequence[str]], settings: Attribution, store: str
) -> list[Window]:
    """Windows of the songs of a store, with the share in which its recipe leaves out captions.

    For the model of a pair they are those of its two songs, which alone are judged.
    """
    recipe, songs = settings.finetune, {w.song_id for w in windows}
    if store.startswith("pair-"):
        recipe, songs = settings.finetune_pair, set(pairs[int(store.partition("-")[2])])
    return [replace(w, dropped=recipe.condition_dropout) for w in windows if w.song_id in songs]


def prompt_controls(tasks: Sequence[Task], prompted: Sequence[Window], settings: Attribution) -> list[Task]:
    """The clips of songs' captions with no caption, and with that of another clip, under the fine-tune on all songs."""
    task = next(t for t in tasks if t.store == "songs")
    feature = needs(settings.scoring.headline)
    if feature not in task.settings.features:
        return []
    own = task.settings.model_copy(update={"features": [feature]})
    captions = list(dict.fromkeys(w.prompt for w in prompted))
    other = dict(zip(captions, captions[1:] + captions[:1], strict=True))
    out = []
    for control in settings.queries.prompts:
        changed = [replace(w, prompt=None if control == "empty" else other[w.prompt]) for w in prompted]
        out.append(replace(task, store=f"songs-{control}", settings=own, windows=changed))
    return out


def embed_tasks(
    model: MusicGen, tasks: Sequence[Task], stores: Path, curvature: Sequence[Window], shard: int, shards: int,
    order: Sequence[str] = (),
) -> dict[str, Any]:  # fmt: skip
    """Fill one store per task beside ``stores``, which lists its shards; finished ones are left alone."""
    records: dict[str, list[str]] = {}
    for task in tasks:
        store = Store.resumed(stores.parent / task.store, task.subject.meta(model.revision, task.settings))
        worker = Worker(model, task.subject, task.settings, [w for w in curvature if w.song_id in task.trained])
        size = task.settings.songs_per_shard
        records[task.store] = embed_windows(store, worker, task.windows, size, shard, shards, order)
    write_json(stores, records)
    return {"stores": len(records), "shards": sum(map(len, records.values()))}


def merge_parts(parts: Sequence[Path], stores: Path) -> dict[str, int]:
    """Merge what jobs embedded (their ``stores.json`` files) into stores beside ``stores``; rows of each by name."""
    listed = [(part.parent, read_json(part)) for part in parts]
    rows = {}
    for name in dict.fromkeys(name for _, record in listed for name in record):
        mine = [(folder / name, record[name]) for folder, record in listed if name in record]
        rows[name] = len(Store.merged(stores.parent / name, mine).rows)
    write_json(stores, rows)
    return rows
