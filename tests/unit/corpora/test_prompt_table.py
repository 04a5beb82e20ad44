from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonoscope.corpora.prompt_table import load_prompts
from sonoscope.corpora.text import LabelFileError
from sonoscope.symbolic.prompts import emotion_prompts

SHIPPED = Path(__file__).parents[3] / "resources/prompts/emotion_prompts.csv"


def test_the_shipped_table_is_the_composed_one_whole():
    table, skipped = load_prompts(SHIPPED)
    assert skipped == [] and {"happy", "sad", "calm", "energetic"} <= set(table.emotion)
    expected = emotion_prompts()
    assert table["prompt"].tolist() == expected["prompt"].tolist()
    assert table.valence.to_numpy() == pytest.approx(expected.valence.to_numpy())


def test_a_users_table_on_a_scale_from_0_to_1(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text(
        "id, prompt,emotion,valence,arousal,extra\n1,bright pop,happy,0.8,0.7,x\n2,,sad,0.2,0.3,\n"
        "1,again,sad,0.2,0.3,\n4,odd,sad,-0.2,0.3,\n5,short\n"
    )
    table, skipped = load_prompts(path, "unit")
    assert table.id.tolist() == ["1"] and table.template_id[0] == "1"
    assert (table.valence[0], table.arousal[0]) == pytest.approx((0.6, 0.4))
    reasons = [s.reason for s in skipped]
    assert "empty cell" in reasons[0] and "twice" in reasons[1] and "'-0.2'" in reasons[2] and "''" in reasons[3]


def test_what_is_no_table_of_prompts_is_refused(tmp_path):
    (tmp_path / "a.csv").write_text("prompt,emotion\nx,y\n")
    with pytest.raises(LabelFileError, match="expected column id, valence, arousal"):
        load_prompts(tmp_path / "a.csv")
    (tmp_path / "b.csv").write_bytes("id,prompt,emotion,valence,arousal\n1,café,x,0,0\n".encode("latin-1"))
    with pytest.raises(LabelFileError, match="UTF-8"):
        load_prompts(tmp_path / "b.csv")


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=200))
def test_no_bytes_break_the_loader(tmp_path, content):
    path = tmp_path / "x.csv"
    path.write_bytes(b"id,prompt,emotion,valence,arousal\n" + content)
    try:
        table, _ = load_prompts(path)
    except LabelFileError:
        return
    assert table.valence.between(-1, 1).all()
