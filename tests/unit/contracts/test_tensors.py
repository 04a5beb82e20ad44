import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors import safe_open

from sonoscope.contracts import Tensor, Tensors
from sonoscope.contracts.errors import ContractError

LATENTS = Tensors(
    "latents",
    {
        "hidden": Tensor("float32", ("layers", "frames", "dim"), unit="1"),
        "tokens": Tensor("int64", ("codebooks", "frames")),
    },
    header=("frame_rate",),
)
HEADER = {"frame_rate": "50"}


def arrays(**changes):
    return {"hidden": np.zeros((2, 3, 4), np.float32), "tokens": np.zeros((1, 3), np.int64)} | changes


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_what_is_written_is_read(data, tmp_path_factory):
    path = tmp_path_factory.mktemp("tensors") / "x.safetensors"
    kind = data.draw(st.sampled_from(["float16", "float32", "float64", "int64", "uint8", "bool"]))
    elements = {"allow_nan": False, "allow_infinity": False} if kind.startswith("float") else None
    array = data.draw(hnp.arrays(kind, hnp.array_shapes(max_dims=4, min_side=0), elements=elements))
    contract = Tensors("any", {"x": Tensor(kind, tuple(f"axis{i}" for i in range(array.ndim)))})
    contract.write(path, {"x": array.T.copy().T}, {"note": "ü"})  # not contiguous where there are two axes
    read, header = contract.read(path)
    np.testing.assert_array_equal(read["x"], array)
    assert read["x"].dtype == array.dtype
    assert header["note"] == "ü"


def test_axes_and_units_stand_in_the_header(tmp_path):
    path = tmp_path / "x.safetensors"
    LATENTS.write(path, arrays(), HEADER)
    with safe_open(path, "numpy") as file:
        header = file.metadata()
    assert header["hidden.axes"] == "layers frames dim"
    assert header["hidden.unit"] == "1"
    assert header["contract"] == "latents"


@pytest.mark.parametrize(
    ("changed", "header", "said"),
    [
        (
            arrays(hidden=np.zeros((2, 3, 4))),
            HEADER,
            r"expected float32 \(layers, frames, dim\), found float64 \(2, 3, 4\)",
        ),
        (arrays(hidden=np.zeros((2, 3), np.float32)), HEADER, "expected float32"),
        (arrays(tokens=np.zeros((1, 5), np.int64)), HEADER, "tokens: axis frames is 5, elsewhere 3"),
        (arrays(hidden=np.full((2, 3, 4), np.nan, np.float32)), HEADER, "hidden holds NaN or infinity"),
        (arrays(hidden=np.full((2, 3, 4), np.inf, np.float32)), HEADER, "hidden holds NaN or infinity"),
        (arrays(more=np.zeros(1)), HEADER, r"expected tensors \['hidden', 'tokens'\], found"),
        (arrays(), {}, "expected frame_rate in the header"),
    ],
)
def test_what_does_not_fit_is_not_written(changed, header, said, tmp_path):
    with pytest.raises(ContractError, match=said):
        LATENTS.write(tmp_path / "x.safetensors", changed, header)
    assert list(tmp_path.iterdir()) == []


def test_damaged_and_foreign_files_are_named(tmp_path):
    path = tmp_path / "x.safetensors"
    LATENTS.write(path, arrays(), HEADER)
    whole = path.read_bytes()
    path.write_bytes(whole[:-5])
    with pytest.raises(ContractError, match=r"not a safetensors file .* delete it .* in .*x\.safetensors"):
        LATENTS.read(path)
    Tensors("other", {"x": Tensor("float32", ("n",))}).write(path, {"x": np.zeros(2, np.float32)}, {})
    with pytest.raises(ContractError, match="expected tensors"):
        LATENTS.read(path)


def test_the_same_content_gives_the_same_bytes(tmp_path):
    contract = Tensors("toy", {"a": Tensor("float32", ("n",), "µV")}, header=[f"key{k}" for k in range(12)])
    header = {f"key{k}": f"Wert {k} \u2014 ä" for k in range(12)}
    contents = set()
    for k in range(6):
        contract.write(tmp_path / f"{k}.safetensors", {"a": np.arange(5, dtype=np.float32)}, header)
        contents.add((tmp_path / f"{k}.safetensors").read_bytes())
    assert len(contents) == 1
    arrays, back = contract.read(tmp_path / "0.safetensors")
    assert arrays["a"].tolist() == [0, 1, 2, 3, 4]
    assert {k: back[k] for k in header} == header
