"""Writes the files that blocks need beside the pages: figures, tables, sound and its pictures."""

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from sonoscope.errors import SonoscopeError
from sonoscope.files import replacing
from sonoscope.report import style, thumbnails
from sonoscope.report.blocks import AudioGrid, Block, Clip, Figure, Table
from sonoscope.report.interactive import chart_of


@dataclass(frozen=True)
class Sound:
    """Addresses of a clip and of its picture, relative to the pages, and its length in seconds."""

    audio: str
    picture: str
    seconds: float


@dataclass
class Media:
    """The files of a site, and where pages find them."""

    folder: Path
    processes: int = 1
    """Processes that draw side by side."""
    charts: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Interactive forms by the names of their figures."""
    _sounds: dict[tuple[str, int, int], Sound] = field(default_factory=dict)
    _names: set[str] = field(default_factory=set)

    def write(self, blocks: Iterable[Block]) -> None:
        """Write the files of all blocks.

        Raises
        ------
        ValueError
            Two blocks have one name and would overwrite each other's files.
        """
        drawings: list[Drawing] = []
        for block in blocks:
            if isinstance(block, Figure | Table | AudioGrid):
                if block.name in self._names:
                    raise ValueError(f"report: two blocks are called {block.name!r}; their files would collide")
                self._names.add(block.name)
            if isinstance(block, Figure):
                drawings.append(partial(style.save, block.draw, self.folder / "figures" / block.name))
                chart = dict(block.chart) if block.chart else chart_of(block.data, block.name)
                if chart is not None:
                    self.charts[block.name] = chart
                self._csv(block)
            elif isinstance(block, Table):
                self._csv(block)
            elif isinstance(block, AudioGrid):
                drawings.append(self._grid(block))
        draw_all(drawings, self.processes)

    def sound(self, grid: str, row: int, column: int) -> Sound | None:
        """Where the clip of a cell is; None if its file was not there."""
        return self._sounds.get((grid, row, column))

    def _csv(self, block: Figure | Table) -> None:
        with replacing(self.folder / "data" / f"{block.name}.csv") as temporary:
            block.data.to_csv(temporary, index=False, lineterminator="\n")

    def _grid(self, grid: AudioGrid) -> "Drawing":
        """Place the clips of a grid beside the pages; gives what paints their pictures."""
        cells = [
            ((grid.name, r, c), clip)
            for r, row in enumerate(grid.rows)
            for c, clip in enumerate(row.clips)
            if clip is not None and clip.path.is_file()
        ]
        pictures = []
        for (name, r, c), clip in cells:
            stem = f"{name}/{r:02d}-{c}"
            place_beside(clip, self.folder / "audio" / f"{stem}{clip.path.suffix}")
            pictures.append((clip.path, self.folder / "pictures" / f"{stem}.png"))
            seconds = thumbnails.seconds_of(clip.path)
            self._sounds[name, r, c] = Sound(f"audio/{stem}{clip.path.suffix}", f"pictures/{stem}.png", seconds)
        return partial(thumbnails.write_all, pictures)


Drawing = Callable[[], None]


def draw_all(drawings: Sequence[Drawing], processes: int) -> None:
    """Make all drawings, in several processes where these can inherit what is to be drawn.

    Raises
    ------
    SonoscopeError
        A clip is no sound file.
    """
    if processes > 1 and "fork" in multiprocessing.get_all_start_methods():
        _waiting[:] = drawings
        with multiprocessing.get_context("fork").Pool(processes) as pool:
            problems = [told for told in pool.map(_draw, range(len(drawings)), chunksize=1) if told]
        _waiting.clear()
        if problems:
            raise SonoscopeError(problems[0])
    else:
        for drawing in drawings:
            drawing()


_waiting: list[Drawing] = []
"""What forked processes draw: functions cannot be sent to them, and are there already."""


def _draw(number: int) -> str:
    """Make one drawing; gives what went wrong, since not every error can be sent between processes."""
    try:
        _waiting[number]()
    except SonoscopeError as error:
        return str(error)
    return ""


def place_beside(clip: Clip, target: Path) -> None:
    """Hard-link the clip, which costs no disk, or copy it where the file system cannot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(clip.path.resolve(), target)
    except OSError:
        shutil.copyfile(clip.path, target)
