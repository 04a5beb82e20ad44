"""Tables in Parquet whose columns, types and units are declared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sonoscope.contracts.errors import ContractError
from sonoscope.files import replacing

Kind = Literal["string", "int64", "float64", "bool", "binary", "audio", "floats", "ints", "strings"]

_AUDIO = pa.struct([("bytes", pa.binary()), ("path", pa.string())])  # what the datasets library calls an Audio feature
_ARROW: dict[Kind, pa.DataType] = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
    "binary": pa.binary(),
    "audio": _AUDIO,
    "floats": pa.list_(pa.float64()),
    "ints": pa.list_(pa.int64()),
    "strings": pa.list_(pa.string()),
}


@dataclass(frozen=True)
class Column:
    """One column: its type, what it says, and in which unit."""

    kind: Kind
    description: str
    unit: str = ""
    nullable: bool = False


@dataclass(frozen=True)
class Table:
    """A kind of table. Columns stand in the declared order; extra columns are refused unless ``open`` is true."""

    name: str
    columns: Mapping[str, Column]
    key: tuple[str, ...] = ()
    open: bool = False
    description: str = field(default="", compare=False)

    def check(self, frame: pd.DataFrame, path: Path | None = None) -> None:
        """Raise `ContractError` if ``frame`` lacks a column, holds an unknown or null one, or repeats a key."""
        missing = [c for c in self.columns if c not in frame.columns]
        if missing:
            raise ContractError(
                self.name, f"expected column {', '.join(missing)}, found {', '.join(map(str, frame.columns))}", path
            )
        unknown = [str(c) for c in frame.columns if c not in self.columns]
        if unknown and not self.open:
            raise ContractError(self.name, f"unknown column {', '.join(unknown)}", path)
        for name, column in self.columns.items():
            if not column.nullable and frame[name].isna().any():
                row = int(np.flatnonzero(frame[name].isna())[0])
                raise ContractError(self.name, f"column {name} is empty in row {row} and must not be", path)
        if self.key and frame.duplicated(list(self.key)).any():
            row = int(np.flatnonzero(frame.duplicated(list(self.key)))[0])
            values = {k: frame[k].iloc[row] for k in self.key}
            raise ContractError(self.name, f"key {values} stands twice (again in row {row})", path)

    def write(self, path: Path, frame: pd.DataFrame, metadata: Mapping[str, str] | None = None) -> None:
        """Check ``frame`` and write it as Parquet, with units and descriptions in the schema."""
        table = self.to_arrow(frame, metadata, path)
        with replacing(path) as temporary:
            pq.write_table(table, temporary)

    def to_arrow(
        self, frame: pd.DataFrame, metadata: Mapping[str, str] | None = None, path: Path | None = None
    ) -> pa.Table:
        """Check ``frame`` and give it the declared schema; for files that are written in pieces."""
        self.check(frame, path)
        fields = [
            pa.field(n, _ARROW[c.kind], nullable=True, metadata={"unit": c.unit, "description": c.description})
            for n, c in self.columns.items()
        ]
        extra = [c for c in frame.columns if c not in self.columns]
        try:
            if extra:
                inferred = pa.Table.from_pandas(frame[extra], preserve_index=False).schema
                fields += [inferred.field(n) for n in extra]
            schema = pa.schema(fields, metadata={"contract": self.name, **(metadata or {})})
            table = pa.Table.from_pylist([], schema=schema)
            if len(frame):
                ordered = frame[[f.name for f in fields]]
                table = pa.Table.from_pandas(ordered, schema=schema, preserve_index=False)
                table = table.replace_schema_metadata(schema.metadata)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ContractError(self.name, f"a column does not have its declared type: {error}", path) from None
        return table

    def read(self, path: Path) -> pd.DataFrame:
        """Read and check a table that `write` wrote.

        Raises
        ------
        ContractError
            The file is not Parquet, or does not fit the declared columns.
        """
        try:
            table = pq.read_table(path)
        except pa.ArrowInvalid as error:
            problem = f"not a Parquet file ({error}); delete it to have it made again"
            raise ContractError(self.name, problem, path) from None
        for name, column in self.columns.items():
            if name in table.column_names and table.schema.field(name).type != _ARROW[column.kind]:
                found = table.schema.field(name).type
                raise ContractError(self.name, f"column {name}: expected {column.kind}, found {found}", path)
        frame: pd.DataFrame = table.to_pandas()
        self.check(frame, path)
        return frame
