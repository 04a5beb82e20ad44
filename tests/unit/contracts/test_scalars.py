import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonoscope.contracts import read_json, write_json
from sonoscope.contracts.errors import ContractError
from sonoscope.errors import SonoscopeError

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
RECORDS = st.recursive(SCALARS, lambda x: st.lists(x) | st.dictionaries(TEXT, x), max_leaves=10)


@settings(max_examples=40, deadline=None)
@given(record=RECORDS)
def test_what_is_written_is_read(record, tmp_path_factory):
    path = tmp_path_factory.mktemp("json") / "x.json"
    write_json(path, record)
    assert read_json(path) == record == json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_nan_and_infinity_are_refused(value, tmp_path):
    with pytest.raises(ContractError, match="expected finite numbers"):
        write_json(tmp_path / "x.json", value)
    assert list(tmp_path.iterdir()) == []


def test_truncated_file_is_named(tmp_path):
    path = tmp_path / "x.json"
    path.write_text('{"a": 1')
    with pytest.raises(ContractError, match=r"not valid JSON .* delete the file .* in .*x\.json"):
        read_json(path)


def test_a_broken_contract_is_an_error_that_a_user_can_act_on():
    assert issubclass(ContractError, SonoscopeError)
