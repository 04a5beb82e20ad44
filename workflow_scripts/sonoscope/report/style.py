"""How figures look: one palette for the colour-blind, light and dark, the same bytes each time."""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing

from sonoscope.files import replacing

WIDTH = 6.8
"""Width of a figure that spans the text, in inches."""


@dataclass(frozen=True)
class Theme:
    """Colours of paper and ink, and of data: colours after Okabe and Ito, brightened on dark paper."""

    name: str
    ink: str
    muted: str
    line: str
    paper: str
    colours: tuple[str, ...]


LIGHT = Theme(
    "light", "#1c1e21", "#5f656d", "#d9dce0", "#ffffff", ("#0067a5", "#c24e00", "#007f5f", "#9c4f86", "#8a6d00")
)
DARK = Theme(
    "dark", "#e7e8ea", "#a2a8b0", "#3a3f46", "#16181b", ("#62b5ea", "#f2924b", "#3fc79a", "#dd94c5", "#e3c04b")
)

_current: list[Theme] = [LIGHT]


def theme() -> Theme:
    """The theme in which figures are now drawn."""
    return _current[-1]


@contextmanager
def drawn_in(wanted: Theme) -> Iterator[None]:
    """Draw in a theme: readable sizes, no frame, and no date or random identifier in the file."""
    rc: Any = {
        "svg.hashsalt": "sonoscope",
        "svg.fonttype": "path",
        "font.family": "DejaVu Sans",
        "font.size": 8.5,
        "axes.labelsize": 8.5,
        "axes.titlesize": 9,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 0.8,
        "axes.edgecolor": wanted.muted,
        "axes.labelcolor": wanted.ink,
        "text.color": wanted.ink,
        "xtick.color": wanted.muted,
        "ytick.color": wanted.muted,
        "xtick.labelcolor": wanted.ink,
        "ytick.labelcolor": wanted.ink,
        "xtick.major.size": 3,
        "ytick.major.size": 3,
        "axes.grid": True,
        "axes.grid.axis": "y",
        "grid.color": wanted.line,
        "grid.linewidth": 0.6,
        "axes.axisbelow": True,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "lines.linewidth": 1.8,
        "axes.unicode_minus": True,
        "figure.constrained_layout.use": True,
    }
    _current.append(wanted)
    try:
        with mpl.rc_context(rc):
            yield
    finally:
        _current.pop()


def save(draw: Callable[[], Drawing], stem: Path) -> None:
    """Write ``<stem>.svg``, ``<stem>-dark.svg`` and, on white paper at 200 dots per inch, ``<stem>.png``.

    The figure is laid out once. What is drawn in the colours of a theme is the same on dark paper in its other colours.
    """
    vector, pixels = _drawn(draw, LIGHT, pixels=True)
    dark = _drawn(draw, DARK)[0] if b"<image" in vector else _darkened(vector)  # pixels inside cannot be recoloured
    for name, content in ((".svg", vector), ("-dark.svg", dark), (".png", pixels)):
        with replacing(stem.with_name(stem.name + name)) as temporary:
            temporary.write_bytes(content)


def _drawn(draw: Callable[[], Drawing], wanted: Theme, pixels: bool = False) -> tuple[bytes, bytes]:
    """A figure as SVG and, if ``pixels``, as PNG."""
    with drawn_in(wanted):
        figure = draw()
        try:
            figure.draw_without_rendering()  # lays out
            figure.set_layout_engine("none")
            vector = _render(figure, "svg", metadata={"Date": None, "Creator": None})
            white: dict[str, Any] = {"dpi": 200, "facecolor": "white", "metadata": {"Software": None},
                                 "pil_kwargs": {"compress_level": 4}}  # fmt: skip
            return vector, _render(figure, "png", **white) if pixels else b""
        finally:
            plt.close(figure)


def _darkened(vector: bytes) -> bytes:
    """An SVG in the colours of the light theme in those of the dark one."""
    there = (LIGHT.ink, LIGHT.muted, LIGHT.line, *LIGHT.colours)
    here = (DARK.ink, DARK.muted, DARK.line, *DARK.colours)
    other = {a.encode(): b.encode() for a, b in zip(there, here, strict=True)}
    return re.sub(b"#[0-9a-f]{6}", lambda found: other.get(found[0], found[0]), vector)


def ink(name: str) -> str:
    """A colour of the current theme by its name: ``c0``, ``c1``, …, ``ink`` or ``muted``."""
    if name.startswith("c"):
        return theme().colours[int(name[1:]) % len(theme().colours)]
    colour: str = getattr(theme(), name)
    return colour


def axes(height: float = 2.9) -> tuple[Drawing, Axes]:
    """One pair of axes as wide as the text."""
    figure, one = plt.subplots(figsize=(WIDTH, height))
    return figure, one


def label_lines(ax: Axes, ends: list[tuple[float, float, str, str]]) -> None:
    """Write the name of each line at its right end, pushed apart where they would touch.

    Parameters
    ----------
    ends
        x and y of the end, text, colour.
    """
    if not ends:
        return
    low, high = ax.get_ylim()
    gap = 0.075 * (high - low)
    ordered = sorted(ends, key=lambda end: end[1])
    heights: list[float] = []
    for _, y, _, _ in ordered:
        heights.append(max(y, heights[-1] + gap) if heights else y)
    for i in reversed(range(len(heights))):  # what was pushed out at the top pushes back
        heights[i] = min(heights[i], high if i + 1 == len(heights) else heights[i + 1] - gap)
    for (x, y, text, colour), at in zip(ordered, heights, strict=True):
        place = (1.015, (at - low) / (high - low))
        ax.annotate(
            text, xy=(x, y), xytext=place, textcoords="axes fraction", color=colour, va="center", fontsize=8.5,
            annotation_clip=False,
        )  # fmt: skip


def _render(figure: Drawing, form: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=form, **options)
    return buffer.getvalue()
