"""Writes the files that blocks need beside the pages: figures, tables, sound and its pictures."""

import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sonoscope.contracts.errors import ContractError
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
        for block in blocks:
            if isinstance(block, Figure | Table | AudioGrid):
                if block.name in self._names:
                    raise ValueError(f"report: two blocks are called {block.name!r}; their files would collide")
                self._names.add(block.name)
            if isinstance(block, Figure):
                style.save(block.draw, self.folder / "figures" / block.name)
                chart = dict(block.chart) if block.chart else chart_of(block.data, block.name)
                if chart is not None:
                    self.charts[block.name] = chart
                self._csv(block)
            elif isinstance(block, Table):
                self._csv(block)
            elif isinstance(block, AudioGrid):
                self._grid(block)

    def sound(self, grid: str, row: int, column: int) -> Sound | None:
        """Where the clip of a cell is; None if its file was not there."""
        return self._sounds.get((grid, row, column))

    def _csv(self, block: Figure | Table) -> None:
        with replacing(self.folder / "data" / f"{block.name}.csv") as temporary:
            block.data.to_csv(temporary, index=False, lineterminator="\n")

    def _grid(self, grid: AudioGrid) -> None:
        cells = [
            ((grid.name, r, c), clip)
            for r, row in enumerate(grid.rows)
            for c, clip in enumerate(row.clips)
            if clip is not None and clip.path.is_file()
        ]
        pictures = []
        for (_, r, c), clip in cells:
            picture = self.folder / "pictures" / grid.name / f"{r:02d}-{c}.png"
            place_beside(clip, self.folder / "audio" / grid.name / f"{r:02d}-{c}{clip.path.suffix}")
            pictures.append((clip.path, picture))
        try:
            seconds = thumbnails.write_all(pictures)
        except thumbnails.UnreadableSoundError as error:
            raise ContractError(
                "clips", f"not a sound file ({error}); delete it to have it made again", error.path
            ) from None
        for ((name, r, c), clip), length in zip(cells, seconds, strict=True):
            stem = f"{name}/{r:02d}-{c}"
            self._sounds[name, r, c] = Sound(f"audio/{stem}{clip.path.suffix}", f"pictures/{stem}.png", length)


def place_beside(clip: Clip, target: Path) -> None:
    """Hard-link the clip, which costs no disk, or copy it where the file system cannot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(clip.path.resolve(), target)
    except OSError:
        shutil.copyfile(clip.path, target)
