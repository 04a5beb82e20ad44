"""The command `spintrak` and its subcommands, under the names that its users know."""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

import torch

from sonoscope.attribution import ask
from sonoscope.attribution.embed import Plan, Subject, Worker, embed_songs, embed_windows
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.songs import Song, cut, songs_of
from sonoscope.attribution.store import Store
from sonoscope.audio.files import write_audio
from sonoscope.corpora.songs import load_songs
from sonoscope.musicgen.interface import MusicGen, Sampling
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.settings.attribution import Embedding

log = logging.getLogger(__name__)


def parser() -> argparse.ArgumentParser:
    """Options of all subcommands."""
    top = argparse.ArgumentParser(prog="spintrak", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    every = commands.add_parser(
        "generate-training-dataset-parallel", help="embed the songs of a folder",
        aliases=["generate-training-embedings", "generate-training-embeddings"],
    )  # fmt: skip
    every.add_argument("--input", type=Path, required=True, help="folder of songs: audio with a .json of the same name")
    every.add_argument(
        "--model", type=Path, required=True, help="folder with state_dict.bin, compression_state_dict.bin"
    )
    every.add_argument(
        "--output", type=Path, required=True, help="store to write or to add to; a folder, whatever its name"
    )
    every.add_argument("--duration", type=float, help="seconds of each song from its start (default: all)")
    every.add_argument(
        "--checkpoints", type=Path, nargs="*", default=[], help="checkpoints of a fine-tune of the model"
    )
    every.add_argument("--processes-per-gpu", "--processes", type=int, default=1, help="worker processes")
    every.add_argument("--shard", type=int, default=0, help="number of this job, from 0, of an array of jobs")
    every.add_argument(
        "--shards", type=int, default=1, help="jobs that share the songs; the last to end writes the index"
    )
    every.add_argument(
        "--caption-dropout", type=float, default=0.0,
        help="share of steps in which the model was trained on a song without its caption; who-made-this needs it for "
        "audio of which no prompt is known",
    )  # fmt: skip
    every.add_argument("--resume", nargs="?", const=1, help="accepted; finished shards are always kept")
    _embedding(every)
    one = commands.add_parser("generate-gradients", help="generate one clip and embed it")
    one.add_argument("--seed", type=int, default=44)
    one.add_argument("--output", type=Path, required=True, help="store to add the clip to")
    _embedding(one)
    plain = commands.add_parser("generate-audio", help="generate one clip")
    plain.add_argument("--seed", type=int, default=0)
    plain.add_argument("--output", type=Path, default=Path("0.wav"))
    for command in (one, plain):
        command.add_argument("--prompt", required=True)
        command.add_argument("--duration", type=float, default=4.0, help="seconds")
        command.add_argument("--model", type=Path, required=True)
    who = commands.add_parser("who-made-this", help="the songs that an audio file is traced to")
    who.add_argument("audio", type=Path)
    who.add_argument("--store", type=Path, required=True, help="training embeddings")
    who.add_argument("--prompt", help="text that it was generated with, if known")
    who.add_argument("--duration", type=float, help="seconds used, from its start")
    who.add_argument("--top", type=int, default=5)
    who.add_argument("--output", type=Path, help="folder for the answer and the audio of the best windows")
    return top


def _embedding(command: argparse.ArgumentParser) -> None:
    default = Embedding()
    command.add_argument("--dim", type=int, default=default.dim, help="numbers per row")
    command.add_argument("--projection", choices=["sjlt", "rademacher", "masked"], default=default.projection)
    command.add_argument("--projection-seed", type=int, default=default.seed)
    command.add_argument("--features", nargs="+", default=list(default.features))
    command.add_argument("--group", default=default.group)
    command.add_argument("--window", type=float, default=default.window, help="seconds per row")


def settings_of(options: argparse.Namespace) -> Embedding:
    """Checked embedding settings of a command line."""
    return Embedding(
        window=options.window, dim=options.dim, projection=options.projection, seed=options.projection_seed,
        features=options.features, group=options.group,
    )  # fmt: skip


def main(words: Sequence[str] | None = None) -> str:
    """Run a command; returns what is to be said on the terminal."""
    options = parser().parse_args(words)
    if options.command == "who-made-this":
        store = Store(options.store)
        found = ask.ask(store, options.audio, options.prompt, options.top, options.duration)
        if options.output:
            ask.keep(options.output, store, options.audio, found)
        return ask.show(found)
    if options.command == "generate-audio":
        model = _model(options.model)
        codes = _generate(model, options.prompt, options.seed, options.duration)
        write_audio(options.output, model.decode(codes)[0, 0].cpu().numpy(), model.sample_rate)
        return str(options.output)
    if options.command == "generate-gradients":
        return _one(options)
    return _every(options)


def _model(folder: Path) -> MusicGen:
    for name in ("state_dict.bin", "compression_state_dict.bin"):
        if not (folder / name).is_file():
            raise AttributionError(f"{folder}: expected {name} of a MusicGen in audiocraft's layout, found none")
    return load_musicgen(folder / "state_dict.bin", folder.resolve().name)


def _generate(model: MusicGen, prompt: str, seed: int, seconds: float) -> torch.Tensor:
    return model.generate([prompt], [seed], seconds, Sampling())


def _one(options: argparse.Namespace) -> str:
    model, settings = _model(options.model), settings_of(options)
    codes = _generate(model, options.prompt, options.seed, options.duration)[0].cpu().numpy().astype("int16")
    subject = Subject(options.model / "state_dict.bin", model.name)
    meta = subject.meta(model.revision, settings) | {"note": ask.note_of(subject, {})}
    store = Store.open(options.output, meta)
    name = f"generated-{options.seed}-{options.duration:g}s"
    windows = cut(name, options.prompt, codes, settings.window, model.frame_rate)
    embed_windows(store, Worker(model, subject, settings), windows, 1)
    sound = model.decode(torch.from_numpy(codes.astype("int64"))[None])[0, 0].cpu().numpy()
    write_audio(options.output / f"{name}.wav", sound, model.sample_rate)
    return f"{options.output}: {len(store.finish())} rows"


def _every(options: argparse.Namespace) -> str:
    model, settings = _model(options.model), settings_of(options)
    table, left_out = load_songs(options.input, shortest=0.5, decode=False)
    songs: list[Song] = songs_of(table, options.input)
    subject = Subject(options.model / "state_dict.bin", model.name, tuple(options.checkpoints))
    files = {song.song_id: str(song.file.resolve()) for song in songs}
    if not 0 <= options.caption_dropout <= 1:
        raise AttributionError(f"--caption-dropout: expected a share from 0 to 1, found {options.caption_dropout:g}")
    meta = subject.meta(model.revision, settings) | {
        "seconds": options.duration, "dropped": options.caption_dropout, "note": ask.note_of(subject, files)
    }  # fmt: skip
    store = Store.open(options.output, meta)
    plan = Plan(options.output, subject, settings, options.duration, 1, options.caption_dropout)
    skipped = embed_songs(plan, songs, options.processes_per_gpu, options.shard, options.shards)
    skipped += [(s.item, s.reason, s.file or "") for s in left_out]
    rows = store.finish(skipped)
    missing = len(songs) - rows.song_id.nunique() - len(skipped) + len(left_out)
    more = f"; {missing} songs are left to other shards" if missing > 0 else ""
    return f"{options.output}: {len(rows)} rows of {rows.song_id.nunique()} songs, {len(skipped)} skipped{more}"
