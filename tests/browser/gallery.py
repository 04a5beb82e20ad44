"""A site with every kind of block, in the forms that are hard to lay out, from numbers that never change."""

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import soundfile

from sonoscope.report import style
from sonoscope.report.blocks import (
    Answer,
    AudioGrid,
    AudioRow,
    Clip,
    Column,
    Figure,
    Missing,
    Number,
    Numbers,
    Prose,
    Section,
    Study,
    Table,
)
from sonoscope.report.results import Results
from sonoscope.report.site import build
from sonoscope.report.sources import from_record

RECORD = {
    "rule": "make_gallery", "wildcards": {"model": "none"}, "params": {"settings": {"clips": 3}},
    "commit": "0123456789", "code": "abc", "seed": 1,
    "inputs": {"clips": {"results/gallery/a.parquet": "sha256:" + "a" * 64}},
    "outputs": ["results/gallery/gallery/b.parquet"], "versions": {"numpy": "2"},
}  # fmt: skip


def make(folder: Path) -> Path:
    """Write the site; one page is current, one was made with other settings, one is missing."""
    results = folder / "results" / "gallery"
    results.mkdir(parents=True)
    sound = _sounds(results)
    site = folder / "site"
    builders = {
        "first": lambda r: _study("first", r, sound, {"gallery": {"clips": 3}}),
        "old": lambda r: _study("old", r, sound, {"gallery": {"clips": 4}}, grids=False),
        "absent": lambda r: Study("absent", "Absent", "What has not been asked yet?", "absent"),
    }
    build(site, Results(results), ("first", "old", "absent"), preset="demo", builders=builders)
    return site


def _sounds(folder: Path) -> list[Path]:
    """Three tones of half a second."""
    paths = []
    for i in range(3):
        paths.append(folder / f"tone-{i}.flac")
        t = np.arange(8000) / 16000
        soundfile.write(paths[-1], 0.4 * np.sin(2 * np.pi * 220 * (i + 1) * t) * np.exp(-3 * t), 16000)
    return paths


def _study(slug, results, sound, today, grids=True) -> Study:
    source = from_record(RECORD | {"outputs": [f"results/gallery/gallery/{slug}.parquet"]}, results.root, today)
    frame = pd.DataFrame({"coefficient": [0.0, 0.1, 0.2] * 2, "estimator": ["rfm"] * 3 + ["random"] * 3,
                          "value": [0.1, 0.5, 0.9, 0.1, 0.12, 0.15], "low": [0.05, 0.4, 0.8, 0.05, 0.06, 0.1],
                          "high": [0.2, 0.6, 0.97, 0.2, 0.2, 0.25], "n": [24] * 6})  # fmt: skip

    def draw():
        figure, ax = style.axes()
        for i, (name, own) in enumerate(frame.groupby("estimator", sort=False)):
            ax.plot(own.coefficient, own.value, color=style.ink(f"c{i}"), label=name)
        ax.set(xlabel="coefficient (× mean norm)", ylabel="share of clips")
        plt.legend()
        return figure

    number = Number("Share that shows it", 0.9, 0.8, 0.97, 24, null=0.15, baseline=0.1, share=True, source=source)
    wide = {f"column_{i}": Column(f"A column with a long name {i}", 3, "nats per token") for i in range(12)}
    numbers = pd.DataFrame(
        [{"name": f"row number {j}", **{c: j * i / 7 for i, c in enumerate(wide)}} for j in range(6)]
    )
    blocks = [
        Numbers((number, Number("Rank correlation", 0.55, -0.03, 0.85, 8, null=-0.2, source=source),
                 Number("Cost", 0.08, 0.02, 0.12, 24, unit="nats per token", change=True, source=source))),
        Prose("A paragraph with a result in it."),
        Figure(f"{slug}-curve", "Dose and response", draw, frame, "Share of 24 clips; bars are 95 % intervals.",
               "Line chart that rises from 10 to 90 percent.", sources=(source,)),
        Table(f"{slug}-wide", "A wide table", numbers, {"name": Column("Name"), **wide}, "All rows.",
              sources=(source,)),
        Missing("Something else", "absent"),
    ]  # fmt: skip
    sections = [Section("all", "Everything", tuple(blocks)), Section("more", "A second part", (Prose("Text."),))]
    if grids:
        sections.append(Section("listen", "Listen", tuple(_grid(slug, n, sound, source) for n in (1, 3, 12))))
    answer = Answer("Pushing raises the share to 90 %. A random direction does not.", "recovered",
                    "The interval lies above the null.", (number,))  # fmt: skip
    return Study(slug, slug.capitalize(), "Does it do what it should?", slug, answer, tuple(sections),
                 _grid(f"{slug}-highlight", 3, sound, source) if grids else None)  # fmt: skip


def _grid(slug: str, columns: int, sound: list[Path], source) -> AudioGrid:
    names = tuple(f"Condition {i}" for i in range(columns))
    rows = [
        AudioRow(f"a prompt of some length, number {r}", f"seed {r}",
                 tuple(Clip(sound[i % 3], f"tone {i}", ("220 Hz",), hit=i == 0) for i in range(columns)))
        for r in range(2)
    ]  # fmt: skip
    return AudioGrid(f"{slug}-grid-{columns}", f"Clips in {columns}", names, tuple(rows), "Tones.", sources=(source,))
