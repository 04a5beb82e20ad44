"""Work in shares: which part of it one job of several does, and their parts as one again.

A share is made of whole batches, so that every batch holds the same rows whatever the number of shares: matrix products
round differently in batches of other sizes, and the merged bytes would depend on it.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from sonoscope.contracts import Table, Tensors
from sonoscope.contracts.tensors import Arrays
from sonoscope.errors import SonoscopeError

T = TypeVar("T")


class ShareError(SonoscopeError, ValueError):
    """Shares that do not belong together."""


def share_of(items: Sequence[T], share: int, shares: int) -> Sequence[T]:
    """The consecutive items of one share; sizes differ by one at most, and there are empty shares of few items.

    Raises
    ------
    ShareError
        There is no such share.
    """
    if not 0 <= share < shares:
        raise ShareError(f"share: expected one of 0 to {shares - 1}, got {share}")
    return items[len(items) * share // shares : len(items) * (share + 1) // shares]


def rows_of(count: int, batch: int, share: int, shares: int) -> slice:
    """The consecutive rows of one share of ``count`` rows in batches of ``batch``."""
    own = share_of(range(0, count, batch), share, shares)
    return slice(own[0], min(own[-1] + batch, count)) if own else slice(0, 0)


def merge_tensors(contract: Tensors, parts: Sequence[Path], target: Path) -> None:
    """Write the rows of all parts, one part after the other; headers must be the same.

    Raises
    ------
    ShareError
        Headers differ, or a tensor has no row in any part.
    """
    read = [contract.read(path) for path in parts]
    for (_, header), path in zip(read, parts, strict=True):
        if header != read[0][1]:
            raise ShareError(f"{path}: expected the header of {parts[0]}; delete the shares to have them made again")
    filled = {name: [arrays[name] for arrays, _ in read if len(arrays[name])] for name in contract.tensors}
    if lacking := [name for name, some in filled.items() if not some]:
        raise ShareError(f"{target}: expected rows of {', '.join(lacking)} in at least one share, found none")
    contract.write(target, {name: np.concatenate(some) for name, some in filled.items()}, read[0][1])


def merge_tables(contract: Table, parts: Sequence[Path], target: Path) -> pd.DataFrame:
    """Write the rows of all parts, one part after the other; gives them.

    Raises
    ------
    ShareError
        No part holds a row.
    """
    filled = [table for table in map(contract.read, parts) if len(table)]
    if not filled:
        raise ShareError(f"{target}: expected rows in at least one share, found none")
    whole = pd.concat(filled, ignore_index=True)
    contract.write(target, whole)
    return whole


def empty(contract: Tensors) -> Arrays:
    """The arrays of a share without rows; merging leaves them out."""
    return {name: np.empty((0,) * len(tensor.axes), tensor.dtype) for name, tensor in contract.tensors.items()}
