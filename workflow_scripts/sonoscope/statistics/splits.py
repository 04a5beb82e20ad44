"""The one place where data are split. No group stands on two sides; classes are spread as evenly as groups allow."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from sonoscope.statistics.arrays import Floats, Ints, group_codes
from sonoscope.statistics.errors import StatisticsError


@dataclass(frozen=True)
class Split:
    """Row numbers of the sides, each sorted."""

    train: Ints
    validation: Ints
    test: Ints


@dataclass(frozen=True)
class OuterFold:
    """One outer fold, and the inner folds (train, validation) that use nothing but its training rows."""

    train: Ints
    test: Ints
    inner: tuple[tuple[Ints, Ints], ...]


def _strata(labels: ArrayLike | None, n: int) -> Ints:
    """Class of each row; a continuous label (more than 20 values) is cut at its quartiles."""
    if labels is None:
        return np.zeros(n, dtype=np.int64)
    values = np.asarray(labels)
    if values.shape != (n,):
        raise StatisticsError(f"labels: expected one entry for each of {n} rows, found shape {values.shape}")
    if np.issubdtype(values.dtype, np.number) and np.unique(values).size > 20:
        return np.searchsorted(np.quantile(values.astype(np.float64), [0.25, 0.5, 0.75]), values).astype(np.int64)
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _assign(codes: Ints, strata: Ints, shares: Floats, generator: np.random.Generator) -> Ints:
    """Side of each row: groups, the largest first, go where the class counts then fit ``shares`` best."""
    groups, classes = int(codes.max()) + 1, int(strata.max()) + 1
    counts = np.zeros((groups, classes))
    np.add.at(counts, (codes, strata), 1)
    totals = counts.sum(0)
    order = generator.permutation(groups)
    order = order[np.argsort(-(counts[order] / totals).max(1), kind="stable")]
    wanted = shares[:, None] * totals[None, :]
    filled = np.zeros_like(wanted)
    sides = np.empty(groups, dtype=np.int64)
    for position, group in enumerate(order):
        empty = np.flatnonzero(filled.sum(1) == 0)
        options = empty if groups - position <= empty.size else np.arange(shares.size)  # leave no side without a group
        after = filled[options] + counts[group]
        cost = (
            ((after - wanted[options]) ** 2 - (filled[options] - wanted[options]) ** 2) / (wanted[options] * totals)
        ).sum(1)
        chosen = options[int(np.argmin(cost))]
        filled[chosen] += counts[group]
        sides[group] = chosen
    return sides[codes]


def joined_groups(*groups: ArrayLike) -> Ints:
    """Code of each row such that rows that share any one of several groups share it, directly or through other rows.

    With it a split can keep speakers and texts, or songs, renders and prompt templates, apart at once.

    Raises
    ------
    StatisticsError
        No groups, or groups of different lengths.
    """
    if not groups:
        raise StatisticsError("groups: expected at least one")
    n = len(np.asarray(groups[0]))
    codes = [group_codes(g, n) for g in groups]
    offsets = np.cumsum([0, *(int(c.max(initial=-1)) + 1 for c in codes)])
    rows = np.tile(np.arange(n), len(codes))
    nodes = n + np.concatenate([c + first for c, first in zip(codes, offsets[:-1], strict=True)])
    size = n + int(offsets[-1])
    graph = coo_array((np.ones(rows.size, dtype=np.int8), (rows, nodes)), shape=(size, size))
    return np.asarray(connected_components(graph, directed=False)[1][:n], dtype=np.int64)


def refuse_overlap(sides: ArrayLike, **groups: ArrayLike) -> None:
    """Raise unless every group stands on one side: ``refuse_overlap(split, speaker=..., text=...)``.

    Rows whose side is empty belong to none.

    Raises
    ------
    StatisticsError
        A group stands on two sides; the message names it and them.
    """
    side = np.asarray(sides, dtype=object)
    for name, values in groups.items():
        of: dict[object, object] = {}
        for value, where in zip(np.asarray(values, dtype=object).tolist(), side.tolist(), strict=True):
            if where != "" and of.setdefault(value, where) != where:
                raise StatisticsError(f"split: {name} {value!r} stands in {of[value]!r} and in {where!r}")


def grouped_split(
    n: int,
    generator: np.random.Generator,
    groups: ArrayLike | None = None,
    labels: ArrayLike | None = None,
    shares: tuple[float, float, float] = (0.7, 0.15, 0.15),
) -> Split:
    """Split rows into train, validation and test, group by group.

    Parameters
    ----------
    n
        Number of rows.
    generator
        Equal generators give equal splits.
    groups
        What must not be torn apart: speaker, song, render, prompt template; several at once by `joined_groups`.
        Without it each row is its own group.
    labels
        Classes (or numbers, by quartile) to spread evenly.
    shares
        Wanted share of each side; a share of 0 gives an empty side.

    Raises
    ------
    StatisticsError
        Fewer groups than sides, or shares that are negative or do not sum to 1.
    """
    wanted = np.asarray(shares, dtype=np.float64)
    if (wanted < 0).any() or abs(float(wanted.sum()) - 1) > 1e-9:
        raise StatisticsError(f"split: expected shares >= 0 that sum to 1, found {shares}")
    codes, used = group_codes(groups, n), np.flatnonzero(wanted > 0)
    found = int(codes.max()) + 1
    if found < used.size:
        raise StatisticsError(f"split: expected at least {used.size} groups, one per side, found {found}")
    sides = used[_assign(codes, _strata(labels, n), wanted[used], generator)]
    train, validation, test = (np.flatnonzero(sides == side) for side in range(3))
    return Split(train, validation, test)


def grouped_folds(
    n: int,
    folds: int,
    generator: np.random.Generator,
    groups: ArrayLike | None = None,
    labels: ArrayLike | None = None,
) -> list[tuple[Ints, Ints]]:
    """Cross-validation folds (train, test): each row is tested once, no group stands on two sides.

    Raises
    ------
    StatisticsError
        Fewer than two folds, or fewer groups than folds.
    """
    codes = group_codes(groups, n)
    found = int(codes.max()) + 1
    if folds < 2 or found < folds:
        raise StatisticsError(
            f"folds: expected at least 2 folds and as many groups, found {folds} folds and {found} groups"
        )
    sides = _assign(codes, _strata(labels, n), np.full(folds, 1 / folds), generator)
    return [(np.flatnonzero(sides != fold), np.flatnonzero(sides == fold)) for fold in range(folds)]


def nested_folds(
    n: int,
    outer: int,
    inner: int,
    generator: np.random.Generator,
    groups: ArrayLike | None = None,
    labels: ArrayLike | None = None,
) -> Iterator[OuterFold]:
    """Outer folds for the reported score, each with inner folds for every choice (hyperparameters, layer, iterate)."""
    codes, strata = group_codes(groups, n), _strata(labels, n)
    for train, test in grouped_folds(n, outer, generator, codes, strata):
        within = grouped_folds(train.size, inner, generator, codes[train], strata[train])
        yield OuterFold(train, test, tuple((train[a], train[b]) for a, b in within))
