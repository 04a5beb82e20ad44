import re
from pathlib import Path

import pandas as pd
import pytest
from causes_strategies import CAUSES
from hypothesis import given
from hypothesis import strategies as st

from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.cues import quadrant_of
from sonoscope.symbolic.emotions import BY_WORD, EMOTIONS, nearest_emotion
from sonoscope.symbolic.instruments import BY_PROGRAM
from sonoscope.symbolic.prompts import LEVELS, TEMPLATES, emotion_prompts, prompt, templates_of, write_emotion_prompts

SHIPPED = Path(__file__).parents[3] / "resources" / "prompts" / "emotion_prompts.csv"
FIRST = {t.template_id: t for t in TEMPLATES}


def test_prompts_read_like_requests():
    piece = Causes(tempo=160, dynamics=100)
    assert prompt(FIRST["cue-0"], piece) == "a fast loud piece in C major on piano"
    assert (
        prompt(FIRST["cue-0"], Causes(programs=(73, 0), key=6, mode="minor"))
        == "a piece in F# minor on flute and piano"
    )
    assert prompt(FIRST["emotion-0"], piece, "energetic") == "an energetic piece"
    assert prompt(FIRST["neutral-3"], Causes(drums=True)) == "a piece on piano and drums"


@given(CAUSES, st.sampled_from(TEMPLATES), st.sampled_from(EMOTIONS))
def test_prompts_are_regular(causes, template, emotion):
    text = prompt(template, causes, emotion.word)
    assert re.fullmatch(r"[a-zA-G0-9#/]+( [a-zA-G0-9#/]+)*", text)
    assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", text)
    assert (emotion.word in text.split()) == (template.level in ("emotion", "both"))


@pytest.mark.parametrize("level", LEVELS)
def test_each_level_has_six_templates_or_more(level):
    assert len({t.text for t in templates_of(level)}) >= 6


@pytest.mark.parametrize("level", ["emotion", "neutral"])
def test_levels_without_cues_name_none(level):
    for template in templates_of(level):
        assert set(re.findall(r"{(\w+)}", template.text)) <= {"emotion", "instrument"}


def test_an_emotion_template_needs_a_word():
    with pytest.raises(ValueError, match="emotion-0 needs an emotion word"):
        prompt(FIRST["emotion-0"], Causes())


def test_vocabulary_is_small():
    causes = [
        Causes(mode=m, key=k, tempo=t, dynamics=d, register=r, articulation=a, density=n, programs=(p,))
        for m in ("major", "minor")
        for k in range(12)
        for t, d, r, a, n in ((60, 40, -12, 0.3, 0.5), (200, 100, 12, 1.0, 3.0))
        for p in BY_PROGRAM
    ]
    words = {w for c in causes for t in TEMPLATES for e in EMOTIONS for w in prompt(t, c, e.word).split()}
    assert len({w for w in words if not w.isdigit()}) < 110


def test_emotions_cover_the_plane_and_the_first_four_are_the_customary_ones():
    assert {e.word for e in EMOTIONS[:4]} == {"happy", "sad", "calm", "energetic"}
    for group in (EMOTIONS, [e for e in EMOTIONS if not e.held_out]):
        assert {quadrant_of(e.valence, e.arousal) for e in group} == {"Q1", "Q2", "Q3", "Q4"}


def test_nearest_emotion_is_never_a_held_out_word():
    for emotion in EMOTIONS:
        near = nearest_emotion(emotion.valence, emotion.arousal)
        assert not near.held_out
        assert near == emotion or emotion.held_out


def test_shipped_table_is_the_generated_one(tmp_path):
    write_emotion_prompts(tmp_path / "emotion_prompts.csv")
    assert (tmp_path / "emotion_prompts.csv").read_bytes() == SHIPPED.read_bytes(), (
        "write it anew: write_emotion_prompts"
    )


def test_shipped_table_is_sound():
    table = pd.read_csv(SHIPPED)
    assert list(table.columns) == ["id", "prompt", "emotion", "valence", "arousal", "template_id"]
    assert table.id.is_unique
    assert table.notna().all().all()
    assert table[["valence", "arousal"]].abs().max().max() <= 1
    counts = table[table.emotion != "neutral"].emotion.value_counts()
    assert set(counts.index) == set(BY_WORD)
    assert counts.min() == counts.max()
    assert table.equals(emotion_prompts())
