"""A corpus of MIDI files, in a folder or in a table, as bars of tokens."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from sonoscope.corpora.skipped import Skipped
from sonoscope.errors import SonoscopeError
from sonoscope.logs import track
from sonoscope.musetok.events import Bars, read_bars
from sonoscope.settings.musetok import Events
from sonoscope.symbolic.midi import MidiError

_ENDINGS = (".mid", ".midi")


class CorpusError(SonoscopeError, ValueError):
    """A corpus that holds no MIDI."""


def midi_items(source: Path) -> list[tuple[str, Path | bytes]]:
    """Names and contents of a corpus: a folder of MIDI files at any depth, or a table with ``piece_id`` and ``midi``.

    Raises
    ------
    CorpusError
        There is neither.
    """
    if source.is_dir():
        files = sorted(p for p in source.rglob("*") if p.suffix.lower() in _ENDINGS)
        if not files:
            raise CorpusError(f"{source}: expected MIDI files ({', '.join(_ENDINGS)}), found none")
        return [(p.relative_to(source).as_posix(), p) for p in files]
    columns = ["piece_id", "midi"]
    found = pq.read_schema(source).names
    if not set(columns) <= set(found):
        raise CorpusError(f"{source}: expected columns {' and '.join(columns)}, found {', '.join(found)}")
    table = pq.read_table(source, columns=columns)
    return list(zip(table["piece_id"].to_pylist(), table["midi"].to_pylist(), strict=True))


def read_corpus(
    items: Sequence[tuple[str, Path | bytes]], s: Events, skipped: list[Skipped]
) -> Iterator[tuple[str, Bars]]:
    """Pieces as bars; those that cannot be read get a line in ``skipped``."""
    for name, content in track(items, "pieces"):
        try:
            yield name, read_bars(content, s, name)
        except MidiError as error:
            skipped.append(Skipped(name, error.problem, name if isinstance(content, Path) else None))
        except OSError as error:
            skipped.append(Skipped(name, f"cannot be opened: {error.strerror}", name))


def bar_table(pieces: Iterable[tuple[str, Bars]]) -> tuple[pd.DataFrame, list[NDArray[np.int16]]]:
    """All bars as `sonoscope.contracts.musetok.BARS` declares, and their tokens in the same order.

    Raises
    ------
    CorpusError
        There is no bar.
    """
    frames: list[pd.DataFrame] = []
    tokens: list[NDArray[np.int16]] = []
    for name, bars in pieces:
        frames.append(
            pd.DataFrame(
                {
                    "piece_id": name,
                    "bar_number": bars.number,
                    "tick": bars.tick,
                    "second": bars.second,
                    "numerator": bars.numerator,
                    "denominator": bars.denominator,
                    "n_notes": bars.n_notes,
                    "n_kept": bars.n_kept,
                    "shift": bars.shift,
                }
            )
        )
        tokens += list(bars)
    if not frames:
        raise CorpusError("no piece of the corpus could be read; the list of what was left out says why")
    return pd.concat(frames, ignore_index=True), tokens
