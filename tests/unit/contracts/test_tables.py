from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonoscope.contracts import Column, Table
from sonoscope.contracts.errors import ContractError

CLIPS = Table(
    "clips",
    {
        "clip_id": Column("string", "name of the clip"),
        "frames": Column("int64", "length", unit="frames"),
        "tempo": Column("float64", "tempo", unit="beats per minute", nullable=True),
        "is_silent": Column("bool", "whether nothing is heard"),
        "onsets": Column("floats", "onset times", unit="s"),
    },
    key=("clip_id",),
)

FINITE = st.floats(allow_nan=False, allow_infinity=False)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(st.characters(exclude_categories=["Cs"])),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": FINITE,
    "bool": st.booleans(),
    "binary": st.binary(max_size=50),
    "floats": st.lists(FINITE, max_size=5),
    "ints": st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5),
    "strings": st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5),
}


def frame(**changes: Any) -> pd.DataFrame:
    columns = {
        "clip_id": ["a", "b"],
        "frames": [1, 2],
        "tempo": [120.0, None],
        "is_silent": [False, True],
        "onsets": [[0.1], []],
    }
    return pd.DataFrame(columns | changes)


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "x.parquet"
    kinds = data.draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, unique=True))
    rows = data.draw(st.integers(0, 4))
    contents = {k: data.draw(st.lists(VALUES[k], min_size=rows, max_size=rows)) for k in kinds}
    table = Table("any", {k: Column(k, "a column") for k in kinds})
    table.write(path, pd.DataFrame({k: pd.Series(v, dtype=_dtype(k)) for k, v in contents.items()}))
    read = table.read(path)
    for kind in kinds:
        assert [_plain(x) for x in read[kind]] == contents[kind]


def _dtype(kind: str) -> str:
    return kind if kind in ("int64", "float64", "bool") else "object"


def _plain(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value


def test_units_and_contract_stand_in_the_file(tmp_path):
    path = tmp_path / "clips.parquet"
    CLIPS.write(path, frame(), {"model": "small"})
    schema = pq.read_schema(path)
    assert schema.field("tempo").metadata[b"unit"] == b"beats per minute"
    assert schema.field("frames").metadata[b"description"] == b"length"
    assert schema.metadata[b"contract"] == b"clips"
    assert schema.metadata[b"model"] == b"small"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (frame().drop(columns=["frames", "tempo"]), "expected column frames, tempo, found clip_id, is_silent, onsets"),
        (frame(extra=[1, 2]), "unknown column extra"),
        (frame(clip_id=["a", None]), "column clip_id is empty in row 1 and must not be"),
        (frame(clip_id=["a", "a"]), r"key \{'clip_id': 'a'\} stands twice \(again in row 1\)"),
        (frame(frames=["one", "two"]), "a column does not have its declared type"),
        (frame(frames=[1.5, 2.0]), "a column does not have its declared type"),
    ],
)
def test_what_does_not_fit_is_not_written(changed, said, tmp_path):
    path = tmp_path / "clips.parquet"
    with pytest.raises(ContractError, match=f"clips: {said}.*"):
        CLIPS.write(path, changed)
    assert list(tmp_path.iterdir()) == []


def test_nan_is_refused_where_a_value_must_stand(tmp_path):
    table = Table("scores", {"score": Column("float64", "score")})
    with pytest.raises(ContractError, match="column score is empty in row 1"):
        table.write(tmp_path / "x.parquet", pd.DataFrame({"score": [1.0, float("nan")]}))


def test_open_tables_keep_other_columns(tmp_path):
    table = Table("open", {"a": Column("int64", "one")}, open=True)
    table.write(tmp_path / "x.parquet", pd.DataFrame({"b": ["x"], "a": [1]}))
    assert table.read(tmp_path / "x.parquet").to_dict("list") == {"a": [1], "b": ["x"]}


def test_damaged_and_foreign_files_are_named(tmp_path):
    path = tmp_path / "clips.parquet"
    CLIPS.write(path, frame())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ContractError, match=r"not a Parquet file .* delete it .* in .*clips\.parquet"):
        CLIPS.read(path)
    Table("other", {"clip_id": Column("int64", "")}).write(path, pd.DataFrame({"clip_id": [1]}))
    with pytest.raises(ContractError, match="column clip_id: expected string, found int64"):
        CLIPS.read(path)
    with pytest.raises(FileNotFoundError):
        CLIPS.read(Path(tmp_path / "nothing.parquet"))
