"""The scores of the study: which songs are compared with which clips, by which method."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sonoscope.attribution import legacy, queries, scoring, similarity
from sonoscope.attribution.finetune import copy_of_state, load_checkpoint
from sonoscope.attribution.likelihood import language_model
from sonoscope.attribution.listeners import listener
from sonoscope.attribution.methods import Floats, cosine
from sonoscope.attribution.scoring import Comparison, gradient_scores, needs
from sonoscope.attribution.songs import Window, read_song, songs_of, windows_of
from sonoscope.attribution.store import Store
from sonoscope.attribution.tasks import subjects
from sonoscope.attribution.training import find
from sonoscope.attribution.variants import FULL
from sonoscope.contracts import read_json
from sonoscope.contracts.corpora import SONGS
from sonoscope.musicgen.interface import MusicGen
from sonoscope.settings.attribution import Attribution

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Material:
    """What the methods without embeddings compare."""

    model: MusicGen
    rows: dict[str, Window]
    queries: dict[str, Window]
    sound: dict[str, Floats]
    """Log-mel features of rows and queries."""
    vectors: dict[str, dict[str, Floats]]
    """What the fetched listeners hear in rows and queries."""

    def heard(self, name: str, keys: Sequence[str]) -> Floats:
        """Vectors of a listener for some rows or queries."""
        return np.stack([self.vectors[name][key] for key in keys])


def score_all(
    model: MusicGen, base: Path, name: str, songs: Path, folder: Path, of_songs: Path, of_pairs: Path,
    song_stores: Path, query_stores: Path, clips: Path, tokens: Path, settings: Attribution, seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:  # fmt: skip
    """Rows of SCORES of the many songs, and those of the pairs and their experiments."""
    choice = read_json(of_songs)
    material = _read(model, songs, folder, choice, clips, tokens, settings)
    tables: dict[str, pd.DataFrame] = {}
    original = copy_of_state(language_model(model))
    for kind in subjects(base, name, of_songs, of_pairs, settings):
        if kind == "base":
            continue
        number = int(kind.partition("-")[2]) if kind.startswith("pair-") else None
        trained = set(choice["trained"]) if number is None else set(choice["pairs"][number])
        comparison = _comparison(song_stores.parent, query_stores.parent, kind, trained)
        whole = find(*((of_songs, f"{FULL}-seed0") if number is None else (of_pairs, f"{kind}-ab-seed0")))
        load_checkpoint(model, original, whole.checkpoints[-1])  # the published formula is of the fine-tuned model
        tables[kind] = _table(comparison, material, settings, seed, full=number is None)
        language_model(model).load_state_dict(original)
    pairs = [t for kind, t in tables.items() if kind != "songs"]
    return tables["songs"], pd.concat(pairs, ignore_index=True) if pairs else tables["songs"].iloc[:0]


def _comparison(songs: Path, asked: Path, kind: str, trained: set[str]) -> Comparison:
    base = None
    if (songs / "base").is_dir() and kind == "songs":
        base = Comparison(Store(songs / "base"), Store(asked / "base"), trained)
    return Comparison(Store(songs / kind), Store(asked / kind), trained, base)


def _table(c: Comparison, material: _Material, settings: Attribution, seed: int, *, full: bool) -> pd.DataFrame:
    scores: dict[str, Any] = {}
    for method in dict.fromkeys([*settings.scoring.methods, *settings.scoring.listeners]):
        if method == "base_gradient_cosine" and c.base is None:
            continue
        feature = needs(method)
        if feature is None:
            scores[method] = c.gather(_without_embeddings(method, c, material, settings, seed))
        elif feature in settings.embedding.features or method == "base_gradient_cosine":
            scores[method] = c.gather(gradient_scores(method, c, settings.scoring))
        else:
            log.warning("%s left out: it needs feature %s, which is not embedded", method, feature)
    if full:
        scores |= _controls(c, settings)
    return scoring.table_of(scores, c.trained)


def _controls(c: Comparison, settings: Attribution) -> dict[str, Any]:
    """The headline method with less: fewer numbers per row, other captions, one window per song, single checkpoints."""
    headline, out = settings.scoring.headline, dict[str, Any]()
    if needs(headline) not in settings.embedding.features or headline == "base_gradient_cosine":
        return out
    dim = settings.embedding.dim
    if settings.embedding.projection == "sjlt" and needs(headline) != "logra":
        for smaller in (dim // 4, dim // 16, dim // 64):
            if smaller >= 16 and dim % smaller == 0:
                less = Comparison(c.songs, c.queries, c.trained, c.base, scoring.folded(smaller))
                out[f"{headline}@dim_{smaller}"] = c.gather(gradient_scores(headline, less, settings.scoring))
    for control in settings.queries.prompts:
        place = c.queries.folder.parent / f"songs-{control}"
        if place.is_dir():
            changed = Comparison(c.songs, Store(place), c.trained)
            out[f"{headline}@prompt_{control}"] = changed.gather(gradient_scores(headline, changed, settings.scoring))
    whole = gradient_scores(headline, c, settings.scoring)
    first = np.where(c.rows.segment.to_numpy() == 0, whole, 0.0)
    out[f"{headline}@first_window"] = c.gather(first)
    if headline.endswith("_cosine") and c.songs.checkpoints > 1:
        for number, pair in enumerate(c.pairs(str(needs(headline)))):
            out[f"{headline}@checkpoint_{number}"] = c.gather(cosine([pair]))
    return out


def _without_embeddings(method: str, c: Comparison, m: _Material, settings: Attribution, seed: int) -> Floats:
    row_keys, query_keys = (
        [f"{s}#{k}" for s, k in zip(side.song_id, side.segment, strict=True)] for side in (c.rows, c.asked)
    )
    if method == "random":
        return np.random.default_rng([seed, 3]).standard_normal((len(query_keys), len(row_keys)))
    asked = [m.queries[k] for k in query_keys]
    if method == "legacy":
        of_queries, of_rows = (
            legacy.legacy_embeddings(
                m.model, [w.prompt for w in ws], [w.tokens.shape[1] for w in ws], settings.embedding.dim,
                settings.embedding.seed, settings.scoring.legacy_guidance,
            )
            for ws in (asked, [m.rows[k] for k in row_keys])
        )  # fmt: skip
        return legacy.legacy_scores(of_queries, of_rows, settings.scoring.legacy_damping)
    places = {key: k for k, key in enumerate(m.rows)}  # what is rare or usual is asked of all songs, stored or not
    return _likeness(method, asked, query_keys, m, settings)[:, [places[key] for key in row_keys]]


def _likeness(
    method: str, asked: Sequence[Window], query_keys: Sequence[str], m: _Material, settings: Attribution
) -> Floats:
    rows = list(m.rows.values())
    if method == "code_ngrams":
        return similarity.code_ngrams(asked, rows, settings.scoring.ngram)
    if method == "log_mel":
        sound = (np.stack([m.sound[key] for key in keys]) for keys in (query_keys, list(m.rows)))
        return similarity.standardised_cosine(*sound)
    if method in settings.scoring.listeners:
        return similarity.standardised_cosine(*(m.heard(method, keys) for keys in (query_keys, list(m.rows))))
    return similarity.captions([w.prompt for w in asked], [w.prompt for w in rows])


def _read(
    model: MusicGen, songs: Path, folder: Path, choice: Mapping[str, Any], clips: Path, tokens: Path,
    settings: Attribution,
) -> _Material:  # fmt: skip
    chosen = {*choice["trained"], *choice["decoys"]}
    some = [s for s in songs_of(SONGS.read(songs), folder) if s.song_id in chosen]
    window = settings.embedding.window
    rows, _ = windows_of(model, some, window, settings.seconds)
    frame, codes = queries.read(clips, tokens)
    asked = queries.windows(frame, codes, window, model.frame_rate)
    sounds: dict[str, NDArray[np.float32]] = {}
    if "log_mel" in settings.scoring.methods or settings.scoring.listeners:
        files = {s.song_id: s.file for s in some}
        audio = {i: read_song(files[i], model.sample_rate, settings.seconds) for i in {w.song_id for w in rows}}
        for w in rows:
            first = round(w.start * model.sample_rate)
            sounds[w.key] = audio[w.song_id][first : first + round(w.seconds * model.sample_rate)]
        for w in asked:
            sounds[w.key] = model.decode(torch.from_numpy(w.tokens.astype(np.int64))[None])[0, 0].cpu().numpy()
    mel = {key: similarity.log_mel(sound, model.sample_rate) for key, sound in sounds.items()}
    vectors: dict[str, dict[str, Floats]] = {}
    for name, place in settings.scoring.listeners.items():
        heard = listener(name, Path(place).expanduser())(list(sounds.values()), model.sample_rate)
        vectors[name] = dict(zip(sounds, heard, strict=True))
    return _Material(model, {w.key: w for w in rows}, {w.key: w for w in asked}, mel, vectors)
