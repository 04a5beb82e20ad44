"""Tensors in safetensors with named axes, and a header that says what they mean."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from sonoscope.contracts.errors import ContractError
from sonoscope.files import replacing

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Tensor:
    """One tensor: its type, its axes by name, and its unit."""

    dtype: str
    axes: tuple[str, ...]
    unit: str = ""


@dataclass(frozen=True)
class Tensors:
    """A kind of safetensors file. An axis name that stands in several tensors has one length.

    ``header`` names the entries (text) that must stand in the file's header, such as frame rate, model and layers.
    """

    name: str
    tensors: Mapping[str, Tensor]
    header: Sequence[str] = ()
    description: str = field(default="", compare=False)

    def check(
        self, arrays: Mapping[str, NDArray[np.generic]], header: Mapping[str, str], path: Path | None = None
    ) -> None:
        """Raise `ContractError` if a tensor or header entry is missing, misshapen, of another type, or not finite."""
        if set(arrays) != set(self.tensors):
            raise ContractError(self.name, f"expected tensors {sorted(self.tensors)}, found {sorted(arrays)}", path)
        absent = [h for h in self.header if h not in header]
        if absent:
            raise ContractError(self.name, f"expected {', '.join(absent)} in the header, found {sorted(header)}", path)
        lengths: dict[str, int] = {}
        for name, spec in self.tensors.items():
            array = arrays[name]
            if array.dtype != np.dtype(spec.dtype) or array.ndim != len(spec.axes):
                raise ContractError(
                    self.name,
                    f"{name}: expected {spec.dtype} ({', '.join(spec.axes)}), found {array.dtype} {array.shape}",
                    path,
                )
            for axis, length in zip(spec.axes, array.shape, strict=True):
                if lengths.setdefault(axis, length) != length:
                    raise ContractError(self.name, f"{name}: axis {axis} is {length}, elsewhere {lengths[axis]}", path)
            if np.issubdtype(array.dtype, np.floating) and not np.isfinite(array).all():
                raise ContractError(self.name, f"{name} holds NaN or infinity", path)

    def write(self, path: Path, arrays: Mapping[str, NDArray[np.generic]], header: Mapping[str, str]) -> None:
        """Check and write; axes and units are added to the header."""
        self.check(arrays, header, path)
        about = {f"{n}.axes": " ".join(t.axes) for n, t in self.tensors.items()}
        about |= {f"{n}.unit": t.unit for n, t in self.tensors.items() if t.unit}
        with replacing(path) as temporary:
            contiguous = {n: np.ascontiguousarray(a) for n, a in arrays.items()}
            save_file(contiguous, temporary, metadata={"contract": self.name, **about, **header})
            sort_header(temporary)

    def read(self, path: Path) -> tuple[Arrays, dict[str, str]]:
        """Tensors by name, and the header.

        Raises
        ------
        ContractError
            The file is damaged or does not fit the contract.
        """
        try:
            with safe_open(path, framework="numpy") as file:
                header = dict(file.metadata() or {})
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
        except SafetensorError as error:
            problem = f"not a safetensors file ({error}); delete it to have it made again"
            raise ContractError(self.name, problem, path) from None
        self.check(arrays, header, path)
        return arrays, header


def sort_header(path: Path) -> None:
    """Sort the entries of a safetensors header in place, since the library writes them in any order."""
    with path.open("rb+") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
        if len(text) > size:
            raise ContractError("safetensors", f"a header of {size} bytes cannot be sorted in place", path)
        file.seek(8)
        file.write(text.ljust(size))
