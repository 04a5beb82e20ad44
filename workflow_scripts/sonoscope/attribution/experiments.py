"""Experiments from a configuration: prompts × seeds × durations, and their results from stored files alone."""

import hashlib
import itertools
import logging
import time
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import yaml
from matplotlib.figure import Figure
from pydantic import Field, ValidationError

from sonoscope.attribution import queries
from sonoscope.attribution.ask import note_of
from sonoscope.attribution.embed import Subject, Worker, embed_windows
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.queries import Wish
from sonoscope.attribution.scoring import Comparison, gradient_scores
from sonoscope.attribution.store import Store
from sonoscope.contracts.attribution import EXPERIMENT, QUERIES
from sonoscope.files import replacing
from sonoscope.musicgen.interface import Sampling
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.attribution import Embedding, Scoring
from sonoscope.settings.base import Section

log = logging.getLogger(__name__)


class Name(Section):
    """What is asked of which model."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    """Name of the experiment; its folder is called after it and the time."""
    models: list[str] = Field(min_length=1, max_length=1)
    """Folder of the model under test, with state_dict.bin and compression_state_dict.bin."""
    checkpoints: list[str] = Field(default_factory=list)
    """Files of its fine-tune that rows are averaged over; none takes the model as it is."""
    gpu_id: int | None = None
    """Card to use; null leaves the choice to CUDA_VISIBLE_DEVICES."""


class Input(Section):
    """What is generated: all prompts with all seeds at all durations."""

    prompts: list[str] = Field(min_length=1)
    """Texts."""
    seeds: list[int] = Field(min_length=1)
    """Seeds of the sampling."""
    durations: list[float] = Field(min_length=1)
    """Lengths, in seconds."""


class ExperimentFile(Section):
    """The file that `experiment_runner` takes."""

    experiment: Name
    """The experiment."""
    input: Input
    """Prompts, seeds and durations."""
    attribution: Embedding = Embedding()
    """Embeddings; they must be those of the training embeddings that results are computed with."""
    guidance: float = Field(3.0, ge=0)
    """Classifier-free guidance coefficient; 1 is none."""
    temperature: float = Field(1.0, ge=0)
    """Divides the logits before sampling; low ones bring clips that the model made before its fine-tune too."""


def read_config(file: Path) -> ExperimentFile:
    """A checked configuration.

    Raises
    ------
    AttributionError
        It is no YAML, or a setting is wrong.
    """
    try:
        return ExperimentFile.model_validate(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise AttributionError(f"{file}: expected YAML, found {error}") from None
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise AttributionError(f"{file}: {problems}") from None


def wishes_of(config: ExperimentFile) -> list[Wish]:
    """Every case, with a name that no other case has."""
    i, name = config.input, config.experiment.name
    return [
        Wish(f"{_label(prompt)}-{seconds:g}s-{seed}", name, None, prompt, seed, seconds)
        for prompt, seconds, seed in itertools.product(i.prompts, i.durations, i.seeds)
    ]


def _label(prompt: str) -> str:
    return hashlib.sha256(prompt.encode()).hexdigest()[:8]


def run_experiment(config_file: Path, below: Path) -> Path:
    """Generate and embed; returns the folder with config, audio, tokens and query embeddings."""
    config = read_config(config_file)
    folder = below / f"{config.experiment.name}_{int(time.time())}"
    file = Path(config.experiment.models[0]) / "state_dict.bin"
    model = load_musicgen(file, Path(config.experiment.models[0]).resolve().name)
    wishes = wishes_of(config)
    sampling = Sampling(temperature=config.temperature, guidance=config.guidance)
    frame, tokens = queries.generate(model, wishes, sampling, 8, folder / "audio")
    queries.write(folder / "clips.parquet", folder / "tokens.safetensors", frame, tokens, model.name)
    with replacing(folder / "config.yaml") as temporary:
        temporary.write_bytes(config_file.read_bytes())
    subject = Subject(file, model.name, tuple(map(Path, config.experiment.checkpoints)))
    store = Store.open(
        folder / f"output_{config.experiment.name}",
        subject.meta(model.revision, config.attribution) | {"note": note_of(subject, {})},
    )
    windows = queries.windows(frame, tokens, config.attribution.window, model.frame_rate)
    embed_windows(store, Worker(model, subject, config.attribution), windows, config.attribution.songs_per_shard)
    store.finish()
    return folder


def results(output: Path, training: list[Path], method: str = "trak_loss") -> pd.DataFrame:
    """Rows of `EXPERIMENT` from the folder of an experiment and one or more stores of training embeddings.

    Several stores are those of several durations: each clip is compared with the one whose duration is nearest to its
    own, which the stores say themselves.
    """
    folder = output if (output / "clips.parquet").is_file() else output.parent
    clips = QUERIES.read(folder / "clips.parquet")
    asked = next((p for p in sorted(folder.glob("output_*")) if (p / "meta.json").is_file()), None)
    if asked is None:
        raise AttributionError(f"{folder}: expected the query embeddings of an experiment (output_…), found none")
    parts = []
    stores = {_length(Store(path)): Store(path) for path in training}
    for length, store in stores.items():
        nearest = clips.seconds.map(lambda s: min(stores, key=lambda known: (abs(known - s), known)))
        mine = clips[nearest == length]
        comparison = Comparison(store, Store(asked), set(store.rows.song_id))
        found_queries, found = comparison.gather(gradient_scores(method, comparison, Scoring(damping=0.1)))
        place = {name: k for k, name in enumerate(found_queries)}
        parts += [
            rows_of(str(row.kind), row, found.songs, found.total[place[str(row.query_id)]]) for row in mine.itertuples()
        ]
    frame = pd.concat(parts, ignore_index=True)
    EXPERIMENT.check(frame)
    return frame


def rows_of(experiment: str, clip: Any, songs: list[str], scores: np.ndarray[Any, Any]) -> pd.DataFrame:
    """Rows of one clip: scores, and positive ones as shares."""
    positive = np.maximum(scores, 0)
    share = positive / positive.sum() if positive.sum() > 0 else positive
    return pd.DataFrame(
        {
            "experiment": experiment, "query_id": clip.query_id, "prompt": clip.prompt, "seed": clip.seed,
            "duration": clip.seconds, "song_id": songs, "score": scores, "share": share,
        }
    )  # fmt: skip


def _length(store: Store) -> float:
    """Longest duration of a song's rows, in seconds."""
    rows = store.rows
    return float((rows.start + rows.seconds).groupby(rows.song_id).max().max())


def draw(frame: pd.DataFrame, by: Literal["duration", "prompt"]) -> Figure:
    """Scores of every clip: one colour per song, one marker per seed, one line of dots per duration or prompt."""
    figure = Figure(figsize=(7, 1.2 + 0.5 * frame[by].nunique()), layout="constrained")
    axes = figure.subplots()
    levels = list(dict.fromkeys(frame[by]))
    songs, seeds = sorted(frame.song_id.unique()), sorted(frame.seed.unique())
    markers = "osD^vP*X<>"
    for s, song in enumerate(songs):
        for k, seed in enumerate(seeds):
            rows = frame[(frame.song_id == song) & (frame.seed == seed)]
            height = [levels.index(v) + (s - (len(songs) - 1) / 2) * 0.15 for v in rows[by]]
            label = song if k == 0 else None
            axes.scatter(rows.score, height, color=f"C{s}", marker=markers[k % len(markers)], s=28, label=label)
    axes.set_yticks(range(len(levels)), [f"{v:g} s" if by == "duration" else str(v)[:40] for v in levels])
    axes.set_xlabel("attribution score")
    axes.legend(fontsize="small")
    return figure
