"""The audio grid of the steering study: each prompt unsteered, steered, and with the random direction."""

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from sonoscope.contracts.errors import ContractError
from sonoscope.report.blocks import AudioGrid, AudioRow, Clip
from sonoscope.report.numbers import decibels, show
from sonoscope.report.sources import Source
from sonoscope.report.studies.steering_outcome import CONTROLS, label, rank, show_coefficient
from sonoscope.settings.report import Report


@dataclass(frozen=True)
class Condition:
    """One column of the grid."""

    estimator: str | None
    coefficient: float
    variant: str = "plain"

    @property
    def words(self) -> str:
        """Heading of the column."""
        if self.estimator is None:
            return "Unsteered"
        variant = "" if self.variant == "plain" else f"{self.variant}, "
        return f"{variant}{label(self.estimator)} {show_coefficient(self.coefficient)}"

    def clips(self, scores: pd.DataFrame) -> pd.DataFrame:
        """Rows of the condition."""
        chosen = scores[scores.coefficient == self.coefficient]
        if self.estimator is None:
            return chosen
        return chosen[(chosen.estimator == self.estimator) & (chosen.variant == self.variant)]


def audio_grid(
    name: str, main: str | None, scores: pd.DataFrame, folder: Path, settings: Report, sources: tuple[Source, ...]
) -> AudioGrid:
    """Clips side by side.

    Parameters
    ----------
    main
        Estimator that is shown; None for the first that is no control.
    scores
        Rows of the contract `SCORES`, or of `CLIPS` where nothing was scored yet.
    folder
        Folder of the clips, below which all audio files must lie.

    Raises
    ------
    ContractError
        An audio file lies outside the folder.
    """
    columns = conditions(scores, main, settings.clip_coefficients)
    if "target" in scores:  # a clip has a row for each target
        scores = scores.drop_duplicates("clip_id")
    pairs = scores[["prompt_id", "seed", "prompt"]].drop_duplicates(["prompt_id", "seed"])
    columns_of_clips = [
        {(r.prompt_id, r.seed): r for r in column.clips(scores).itertuples(index=False)} for column in columns
    ]
    rows = []
    for pair in pairs.head(settings.clip_rows).itertuples(index=False):
        found = [by_pair.get((pair.prompt_id, pair.seed)) for by_pair in columns_of_clips]
        cells = tuple(
            None if row is None else _clip(row, column.words, folder)
            for row, column in zip(found, columns, strict=True)
        )
        rows.append(AudioRow(str(pair.prompt), f"{pair.prompt_id} · seed {pair.seed}", cells))
    heard = "A tick marks clips in which the measure hears the target. " if "score" in scores else ""
    return AudioGrid(
        name=f"{name}-clips",
        title="Listen",
        columns=tuple(c.words for c in columns),
        rows=tuple(rows),
        caption=(
            f"{len(rows)} of {len(pairs)} pairs of prompt and seed, the first of the table. In a row all clips share "
            f"prompt and seed and differ by the steering alone. {heard}Pictures: waveform and log-mel spectrogram, on "
            "scales common to the grid."
        ),
        sources=sources,
    )


def first_row(grid: AudioGrid) -> AudioGrid:
    """The first row alone, unsteered, steered hardest, and null: what the opening page lets one hear.

    The first row of the table, whatever it sounds like: no example is picked.
    """
    last = len(grid.columns) - 1
    keep = sorted({0, max(last - 1, 0), last})
    row = grid.rows[0]
    return replace(
        grid,
        name=f"{grid.name}-first",
        columns=tuple(grid.columns[i] for i in keep),
        rows=(replace(row, clips=tuple(row.clips[i] for i in keep)),),
        caption="The first prompt of the table, not a chosen one.",
    )


def conditions(scores: pd.DataFrame, main: str | None, most: int) -> list[Condition]:
    """Columns: unsteered, the main estimator at up to ``most`` coefficients, and the null at the strongest of them.

    Where variants are compared, each at the largest coefficient in place of the coefficients.
    """
    found = [Condition(None, 0.0)] if (scores.coefficient == 0).any() else []
    pushed = scores[scores.coefficient != 0]
    if main is None:
        methods = sorted(set(pushed.estimator) - set(CONTROLS), key=rank)
        main = methods[0] if methods else "rfm"
    own = pushed[pushed.estimator == main]
    variants = list(dict.fromkeys(own.variant))
    if variants and variants != ["plain"]:
        return found + [Condition(main, float(own.coefficient.max()), v) for v in variants]
    tried = sorted(set(own.coefficient))
    found += [Condition(main, c) for c in _spread(tried, most)]
    null = sorted(set(pushed[pushed.estimator == "random"].coefficient))
    if null:
        strongest = tried[-1] if tried and tried[-1] in null else null[-1]
        found.append(Condition("random", strongest))
    return found


def inside(folder: Path, relative: str) -> Path:
    """``relative`` below ``folder``.

    Raises
    ------
    ContractError
        The path is absolute or leads out of the folder.
    """
    path = folder / relative
    if Path(relative).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
        raise ContractError("steering clips", f"audio {relative!r} lies outside the folder of the clips", folder)
    return path


def _spread(values: list[float], most: int) -> list[float]:
    """At most ``most`` values, evenly spread, the last one always among them."""
    if len(values) <= most:
        return values
    if most == 1:
        return values[-1:]
    return [values[round(i * (len(values) - 1) / (most - 1))] for i in range(most)]


def _clip(row: object, column: str, folder: Path) -> Clip:
    """One cell; ``row`` is a named tuple of the table."""
    path = inside(folder, str(getattr(row, "audio")))  # noqa: B009 (columns are data)
    what = f"{column}, {getattr(row, 'prompt_id')}, seed {getattr(row, 'seed')}"  # noqa: B009
    score = getattr(row, "score", None)
    if score is None:
        return Clip(path, what)
    heard, nll = getattr(row, "heard"), getattr(row, "nll")  # noqa: B009
    facts = [str(heard)] if isinstance(heard, str) else []
    facts.append(decibels(float(getattr(row, "rms"))))  # noqa: B009
    if not pd.isna(nll):
        facts.append(f"NLL {show(float(nll), 2)}")
    flags = tuple(word for word, column in (("silent", "is_silent"), ("clipped", "is_clipped")) if getattr(row, column))
    hit = None if getattr(row, "concept", "") == "tempos" else bool(score)
    return Clip(path, what, tuple(facts), hit, flags)
