import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from sonoscope.corpora.vgmidi import compose_vgmidi, load_ratings, load_vgmidi


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vgmidi")
    compose_vgmidi(folder, pieces=6, seed=0, raters=12)
    return folder


@pytest.fixture
def folder(composed, tmp_path):
    import shutil

    shutil.copytree(composed, tmp_path / "corpus")
    return tmp_path / "corpus"


def test_means_over_raters_follow_the_truth_of_every_bar(composed):
    table, skipped = load_vgmidi(composed, tolerance=0)
    truth = pd.read_csv(composed / "labelled" / "truth.csv")
    both = table.merge(truth, on=["piece_id", "bar"], suffixes=("", "_true"))
    assert skipped == []
    assert len(both) == len(table) == len(truth)
    assert both.piece_id.nunique() == 6
    for dimension in ("valence", "arousal"):
        assert np.corrcoef(both[dimension], both[f"{dimension}_true"])[0, 1] > 0.8
    assert (table.raters == 12).all()


def edit(folder, change, number=1):
    path = folder / "labelled" / "annotations" / f"vgmidi_raw_{number}.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_damage_costs_a_line_each(folder):
    midis = folder / "labelled" / "midi"

    def change(content):
        content["annotations"]["piece81_1"] = content["annotations"]["piece0_0"]
        content["annotations"]["piece0_0"]["valence"].append(0.0)
        content["annotations"]["piece0_1"]["arousal"][0] = float("nan")
        del content["annotations"]["piece0_2"]["arousal"]
        (midis / content["pieces"]["piece1"]["midi"]).write_bytes(b"")
        content["pieces"]["piece2"]["measures"] += 5

    edit(folder, change)
    (midis / "composed_0003.mid").unlink()
    table, skipped = load_vgmidi(folder)
    said = {s.item: s.reason for s in skipped}
    assert len(said) == len(skipped) == 7
    assert "no entry among the pieces" in said["1-piece81"]
    assert "one per bar" in said["1-piece0 rating piece0_0"]
    assert "[-1, 1]" in said["1-piece0 rating piece0_1"]
    assert "list of arousal" in said["1-piece0 rating piece0_2"]
    assert "0 bytes" in said["1-piece1"]
    assert "time signatures" in said["1-piece2"]
    assert "composed_0003.mid" in said["2-piece0"]
    assert set(table.piece_id) == {"1-piece0", "2-piece1", "2-piece2"}
    assert (table[table.piece_id == "1-piece0"].raters == 9).all()


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b'{"pieces": 3, "annotations": {}}', b"\xff\xfe", b'{"pieces": {"p": 1}, "annotations": {}}'],
)
def test_a_damaged_annotation_file_costs_a_line(folder, content):
    (folder / "labelled" / "annotations" / "vgmidi_raw_1.json").write_bytes(content)
    table, skipped = load_vgmidi(folder)
    assert len(skipped) == 1
    assert table.piece_id.str.startswith("2-").all()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=True) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["pieces", "annotations", "piece0", "midi", "measures"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(JSON, JSON, JSON)
@example({}, [[None, None]], [])  # pairs, of which a dict could be made
def test_any_json_is_read_or_skipped(folder, pieces, annotations, whole):
    path = folder / "labelled" / "annotations" / "vgmidi_raw_1.json"
    for content in (
        whole,
        {"pieces": pieces, "annotations": annotations},
        {"pieces": {"piece0": pieces}, "annotations": {}},
    ):
        path.write_text(json.dumps(content))
        table, _ = load_vgmidi(folder)
        load_ratings(folder, set(table["piece_id"]))


def test_a_wrong_folder_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"vgmidi_raw_1\.json"):
        load_vgmidi(tmp_path)
