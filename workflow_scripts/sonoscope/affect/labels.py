"""Labels of annotated clips, as JSON: valence and arousal of the clip, or of every bar.

The four points of `FOUR_POINT` are the plan's; they make four classes of what is called continuous, so that results are
also reported as classes, and other points can be given. No map has been validated by listeners.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sonoscope.corpora.text import read_rows
from sonoscope.errors import SonoscopeError
from sonoscope.settings.affect import LabelMap

DIMENSIONS: Final = ("valence", "arousal")
Point = tuple[float, float]
Label = dict[str, float] | dict[str, list[float]]

FOUR_POINT: Final[dict[int, Point]] = {1: (0.8, 0.6), 2: (-0.6, 0.8), 3: (-0.8, -0.4), 4: (0.4, -0.6)}
"""Happy, angry, sad, relaxed."""
RUSSELL: Final[dict[int, Point]] = {k: (v * 0.5**0.5, a * 0.5**0.5) for k, v, a in
                                    ((1, 1, 1), (2, -1, 1), (3, -1, -1), (4, 1, -1))}  # fmt: skip
"""The diagonal points of Russell's circle."""


class LabelError(SonoscopeError, ValueError):
    """Labels that do not belong to their clips."""


def points_of(settings: LabelMap) -> dict[int, Point]:
    """Valence and arousal by quadrant."""
    if settings.name == "own":
        return {int(name[1]): point for name, point in settings.points.items()}
    return FOUR_POINT if settings.name == "four_point" else RUSSELL


def clip_labels(clips: pd.DataFrame, settings: LabelMap) -> dict[str, Label]:
    """Labels of clips by their quadrant, one per clip or equal ones per bar."""
    points = points_of(settings)
    found: dict[str, Label] = {}
    for clip, quadrant, n_bars in zip(clips.clip_id, clips.quadrant, clips.n_bars, strict=True):
        point = dict(zip(DIMENSIONS, points[int(quadrant)], strict=True))
        found[str(clip)] = {d: [v] * int(n_bars) for d, v in point.items()} if settings.per_bar else dict(point)
    return found


def bar_labels(bars: pd.DataFrame) -> dict[str, Label]:
    """Labels of every bar by its number in the file, from a table with ``piece_id``, ``bar``, valence and arousal."""
    found: dict[str, Label] = {}
    for piece, rows in bars.sort_values(["piece_id", "bar"]).groupby("piece_id", sort=True):
        if rows["bar"].tolist() != list(range(len(rows))):
            raise LabelError(f"{piece}: expected labels of bars 0 to {len(rows) - 1}, found gaps")
        found[str(piece)] = {d: rows[d].astype(float).round(6).tolist() for d in DIMENSIONS}
    return found


def truths(folder: Path) -> dict[str, Label]:
    """What the causes of a composed corpus express; empty for a real one."""
    clip_file, bar_file = folder / "truth.csv", folder / "labelled" / "truth.csv"
    if clip_file.is_file():
        rows = read_rows(clip_file, ("ID", *DIMENSIONS))
        return {row["ID"]: {d: float(row[d]) for d in DIMENSIONS} for row in rows}
    if bar_file.is_file():
        table = pd.DataFrame(read_rows(bar_file, ("piece_id", "bar", *DIMENSIONS)))
        return bar_labels(table.assign(bar=table["bar"].astype(int)))
    return {}


def label_array(label: Mapping[str, Any], numbers: NDArray[np.int64], by_row: bool = False) -> NDArray[np.float64]:
    """Labels of bars ``(bars, 2)``, NaN where a bar has none.

    Parameters
    ----------
    label : mapping
        ``valence`` and ``arousal``, each a number or a list.
    numbers : array
        Number of each bar in its file.
    by_row : bool
        Whether entry k of a list belongs to row k (labels of a clip written per bar) or to bar number k.
    """
    columns = []
    for dimension in DIMENSIONS:
        values = np.asarray(label[dimension], np.float64)
        if values.ndim == 0:
            columns.append(np.full(len(numbers), float(values)))
            continue
        place = np.arange(len(numbers)) if by_row else numbers
        inside = (place >= 0) & (place < len(values))
        columns.append(np.where(inside, values[np.clip(place, 0, len(values) - 1)], np.nan))
    return np.stack(columns, axis=1)
