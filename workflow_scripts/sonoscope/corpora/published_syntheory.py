"""SynTheory as it was published (``meganwei/syntheory``), read through the datasets library into our tables.

The published rows have audio and labels. The score, the prompt and the groups of splits follow from the labels; whether
a clip is silent is heard. Where the published set sets augmented triads an octave too high, ``octave="corrected"``
leaves those clips out: their audio cannot be mended.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.signal import resample_poly

from sonoscope.audio.features import level
from sonoscope.audio.files import AudioArray, AudioError, read_audio, to_flac
from sonoscope.contracts.world import CLIPS
from sonoscope.corpora.skipped import Skipped
from sonoscope.logs import Progress
from sonoscope.symbolic import describe, syntheory
from sonoscope.symbolic.instruments import BY_PROGRAM, CLICKS
from sonoscope.symbolic.notes import PITCH_CLASSES, Part, to_score

log = logging.getLogger(__name__)

HUB = "meganwei/syntheory"
_COLUMNS: dict[str, tuple[str, ...]] = {
    "notes": ("root_note_name", "midi_note_val", "midi_program_num", "midi_program_name"),
    "intervals": ("midi_note_val", "interval", "play_style_name", "midi_program_num", "midi_program_name"),
    "scales": ("root_note_name", "mode", "play_style_name", "midi_program_num", "midi_program_name"),
    "chords": ("root_note_pitch_class", "chord_type", "inversion", "midi_program_num", "midi_program_name"),
    "simple_progressions": ("key_note_name", "chord_progression", "midi_program_num", "midi_program_name"),
    "tempos": ("bpm", "click_config_name", "offset_time"),
    "time_signatures": ("time_signature", "click_config_name", "reverb_level", "offset_time"),
}
"""Columns from which a clip is understood."""
_STYLES = {"UP": 0, "DOWN": 1, "UNISON": 2}
_FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#"}
_CLICKS = {c.name: c for c in CLICKS}
_TOLERANCE = 0.05
"""Seconds by which a clip may be shorter than 4 s."""
_BY_CROP = ("tempos", "time_signatures")


class PublishedError(ValueError):
    """The published set cannot be read at all."""


def rows_of(source: str, concept: str) -> Iterator[dict[str, Any]]:
    """Rows of a concept, one at a time, audio as bytes.

    Parameters
    ----------
    source : str
        A folder with the published layout (``{concept}/train-*.parquet``), or the name of the set on the hub.
    concept : str

    Raises
    ------
    PublishedError
        There is no such folder or set, or it has no such concept.
    """
    import datasets

    folder = Path(source).expanduser()
    try:
        if folder.is_dir():
            shards = sorted(map(str, (*folder.glob(f"{concept}/*.parquet"), *folder.glob(f"data/{concept}/*.parquet"))))
            if not shards:
                raise PublishedError(f"{folder}: expected {concept}/train-*.parquet, as in {HUB}; found none")
            rows = datasets.load_dataset("parquet", data_files={"train": shards}, split="train", streaming=True)
        else:
            rows = datasets.load_dataset(source, concept, split="train", streaming=True)
    except (FileNotFoundError, ConnectionError, ValueError) as error:
        if isinstance(error, PublishedError):
            raise
        raise PublishedError(f"{source}: expected a folder or a set such as {HUB}; {error}") from None
    if rows.features is not None and "audio" in rows.features:
        rows = rows.cast_column("audio", datasets.Audio(decode=False))
    yield from rows


def published_table(
    source: str,
    concept: str,
    sample_rate: int,
    seed: int,
    octave: syntheory.Octave = "corrected",
    size: syntheory.Size = "compact",
    max_clips: int | None = None,
) -> tuple[pd.DataFrame, list[Skipped]]:
    """Read a concept of the published set; arguments as in `sonoscope.symbolic.corpus.syntheory_table`.

    Returns
    -------
    DataFrame
        Fits `CLIPS`, as what is composed does.
    list of Skipped
        A line for every row that could not or should not be used.

    Raises
    ------
    PublishedError
        The set is not there, or lacks columns.
    """
    wanted = _compact(concept) if size == "compact" else None
    crops: Counter[str] = Counter()
    rows: dict[str, dict[str, Any]] = {}
    skipped: list[Skipped] = []
    with Progress(0, f"{concept} rows") as progress:
        for number, row in enumerate(rows_of(source, concept)):
            progress.advance()
            if number == 0:
                _check_columns(row, concept, source)
            try:
                clip = _clip(concept, row)
                name = _name(concept, clip, crops)
                if wanted is not None and not _is_wanted(concept, clip, name, wanted):
                    continue
                if octave == "corrected" and concept == "chords" and _is_shifted(clip.labels):
                    skipped.append(Skipped(name, "an augmented triad an octave above the others (octave: corrected)"))
                    continue
                if name in rows:
                    raise ValueError("the same labels stand twice; the first row was kept")
                rows[name] = _row(concept, clip, name, _audio(row["audio"], sample_rate), sample_rate)
            except (AudioError, ValueError, KeyError, TypeError) as error:
                skipped.append(Skipped(f"{concept}, row {number}", str(error) or repr(error)))
    names = sorted(rows)
    if max_clips is not None and max_clips < len(names):
        kept = np.random.default_rng([seed, 1]).choice(len(names), size=max_clips, replace=False)
        names = [names[k] for k in np.sort(kept)]
    table = pd.DataFrame([rows[n] for n in names])
    if not len(table):
        raise PublishedError(f"{source}: no row of {concept} could be used; the first: {skipped[:1] or 'no rows'}")
    CLIPS.check(table)
    log.info("%s, %s: %d clips, %d rows skipped", source, concept, len(table), len(skipped))
    return table, skipped


def _check_columns(row: Mapping[str, Any], concept: str, source: str) -> None:
    missing = [c for c in ("audio", *_COLUMNS[concept]) if c not in row]
    if missing:
        raise PublishedError(f"{source}, {concept}: expected column {', '.join(missing)}, found {', '.join(row)}")


def _compact(concept: str) -> frozenset[str]:
    """Names of the clips of the compact subset, without the number of the crop."""
    names = (c.render_id if concept in _BY_CROP else c.clip_id for c in syntheory.compose(concept))
    return frozenset(names)


def _is_wanted(concept: str, clip: syntheory.Clip, name: str, wanted: frozenset[str]) -> bool:
    if concept in _BY_CROP:
        return clip.render_id in wanted and int(name.rsplit("-", 1)[1]) < 2
    return name in wanted


def _name(concept: str, clip: syntheory.Clip, crops: Counter[str]) -> str:
    if concept not in _BY_CROP:
        return clip.clip_id
    crops[clip.render_id] += 1
    return f"{clip.render_id}-{crops[clip.render_id] - 1}"


def _pitch_class(name: str) -> int:
    sharp = _FLATS.get(name, name)
    if sharp not in PITCH_CLASSES:
        raise ValueError(f"expected the name of a note, found {name!r}")
    return PITCH_CLASSES.index(sharp)


def _is_shifted(labels: Mapping[str, Any]) -> bool:
    return syntheory.is_shifted(int(labels["root_note_pitch_class"]), str(labels["chord_type"]))


def _clip(concept: str, row: Mapping[str, Any]) -> syntheory.Clip:
    """What a row says, as the composed clip of the same labels.

    Raises
    ------
    ValueError, KeyError, TypeError
        It says nothing that can be understood.
    """
    labels = {k: v for k, v in row.items() if k != "audio"}
    if concept in _BY_CROP:
        return _click_clip(concept, labels)
    program = int(labels["midi_program_num"])
    if program in BY_PROGRAM:
        labels |= {"midi_program_name": BY_PROGRAM[program].name, "midi_category": BY_PROGRAM[program].family}
    style = _STYLES[labels["play_style_name"]] if "play_style_name" in labels else 0
    notes: Part
    match concept:
        case "notes":
            midi = int(labels["midi_note_val"])
            notes, group = syntheory.note_part(midi, program), f"{program}-{midi // 12}"
            letter, register = PITCH_CLASSES[midi % 12], ("low", "mid", "high")[min(midi // 36, 2)]
            key: tuple[object, ...] = (letter, midi % 12, midi // 12, len(letter) == 2, register, midi)
        case "intervals":
            base, semitones = int(labels["midi_note_val"]), int(labels["interval"])
            notes, group = syntheory.interval_part(base, semitones, style, program), PITCH_CLASSES[base % 12]
            key = (group, base % 12, semitones, style, labels["play_style_name"], base)
        case "scales":
            root = _pitch_class(labels["root_note_name"])
            notes = syntheory.scale_part(syntheory.tonic(root), labels["mode"], style, program)
            group = PITCH_CLASSES[root]
            key = (group, labels["mode"], style, labels["play_style_name"])
        case "chords":
            root, quality, inversion = (labels[n] for n in ("root_note_pitch_class", "chord_type", "inversion"))
            base = syntheory.tonic(root) + 12 * syntheory.is_shifted(root, quality)
            notes = syntheory.chord_part(syntheory.triad(base, quality, inversion), program)
            group = PITCH_CLASSES[root]
            key = (group, quality, inversion, len(group) == 2, root)
        case _:
            root = _pitch_class(labels["key_note_name"])
            mode, _, degrees = labels["chord_progression"].partition("-")
            figures = tuple(int(d) for d in degrees.strip("()").split(","))
            notes = syntheory.progression_part(syntheory.tonic(root), mode, figures, program)
            group = PITCH_CLASSES[root]
            key = (group, root, f"{mode}-{figures}")
    name = f"{concept}-{'-'.join(map(str, (*key, program)))}".replace(" ", "")
    return syntheory.Clip(labels, (notes,), syntheory.TONAL_BPM, clip_id=name, render_id=name, split_group=group)


def _click_clip(concept: str, labels: dict[str, Any]) -> syntheory.Clip:
    click, offset = _CLICKS[labels["click_config_name"]], float(labels["offset_time"])
    if concept == "tempos":
        bpm = float(labels["bpm"])
        render = f"tempos-{labels['bpm']:g}-{click.name}"
        notes = syntheory.click_part(click, int(20 * bpm / 60) + 1, 4)
        return syntheory.Clip(labels, (notes,), bpm, (4, 4), offset, "", render, render)
    beats, unit = syntheory.METRES[labels["time_signature"]]
    step, reverb = 4 / unit, int(labels["reverb_level"])
    notes = syntheory.click_part(click, int(30 * syntheory.TONAL_BPM / 60 / step) + 1, beats, step, reverb)
    render = f"time_signatures-{labels['time_signature']}-{click.name}-{reverb}"
    return syntheory.Clip(labels, (notes,), syntheory.TONAL_BPM, (beats, unit), offset, "", render, render)


def _audio(cell: Any, sample_rate: int) -> AudioArray:
    """Mono audio of exactly 4 s at ``sample_rate``.

    Raises
    ------
    AudioError
        It is missing, damaged or shorter.
    """
    content = cell.get("bytes") if isinstance(cell, dict) else None
    if not content and isinstance(cell, dict) and cell.get("path") and Path(cell["path"]).is_file():
        content = Path(cell["path"]).read_bytes()
    if not content:
        raise AudioError("expected audio as bytes, found none")
    audio, rate = read_audio(bytes(content))
    if len(audio) < (syntheory.SECONDS - _TOLERANCE) * rate:
        raise AudioError(f"truncated: expected {syntheory.SECONDS:g} s, found {len(audio) / rate:.2f} s")
    if rate != sample_rate:
        step = int(np.gcd(rate, sample_rate))
        audio = resample_poly(audio, sample_rate // step, rate // step).astype(np.float32)
    samples = round(syntheory.SECONDS * sample_rate)
    return np.pad(audio[:samples], (0, max(0, samples - len(audio))))


def _row(concept: str, clip: syntheory.Clip, name: str, audio: AudioArray, sample_rate: int) -> dict[str, Any]:
    return {
        "clip_id": name,
        "audio": {"bytes": to_flac(audio, sample_rate), "path": f"{name}.flac".replace("/", "_")},
        "midi": to_score(clip.parts, clip.bpm, clip.metre).dumps_midi(),
        "prompt": describe.prompt(concept, clip.labels),
        "is_silent": level(audio).is_silent,
        "render_id": clip.render_id,
        "split_group": clip.split_group,
        **clip.labels,
    }
