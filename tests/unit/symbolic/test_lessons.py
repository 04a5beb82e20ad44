from collections import Counter

import pytest

from sonoscope.musicgen.text_encoder import known_words, save_text_encoder
from sonoscope.settings.training import Corpus
from sonoscope.symbolic import lessons
from sonoscope.symbolic.instruments import TAUGHT_CLICKS
from sonoscope.symbolic.notes import PITCH_CLASSES
from sonoscope.train.corpus import training_corpus


@pytest.fixture(scope="module")
def drawn():
    return lessons.draw(3000, 1)


def test_shares_and_determinism(drawn):
    counts = Counter(lesson.concept for lesson in drawn)
    assert set(counts) == set(lessons.KINDS)
    for concept, (_, share) in lessons.KINDS.items():
        assert abs(counts[concept] / 3000 - share) < 0.03
    assert [lesson.prompt for lesson in lessons.draw(3000, 1)] == [lesson.prompt for lesson in drawn]


def test_prompts_name_what_sounds(drawn):
    for lesson in drawn:
        words = lesson.prompt.split()
        if lesson.concept == "notes":
            assert PITCH_CLASSES[int(lesson.parts[0].pitch[0]) % 12] in words
        if lesson.concept == "tempos" and "bpm" in words:
            assert int(words[words.index("bpm") - 1]) == lesson.bpm
        assert ("loud" in words) == (lesson.causes.get("loudness") == "loud") or lesson.concept == "simple_progressions"
        assert lesson.open_prompt != lesson.prompt or lesson.concept == "tempos"


def test_open_prompts_do_not_name_the_value(drawn):
    for lesson in drawn:
        if lesson.concept in ("notes", "chords", "scales"):
            assert not set(lesson.open_prompt.split()) & set(PITCH_CLASSES)


def test_held_out_combinations_touch_every_note_and_instrument():
    pairs = [(pc, k) for pc in range(12) for k in range(12) if lessons.is_held_out(pc, k)]
    assert len(pairs) == 12
    assert {pc for pc, _ in pairs} == {k for _, k in pairs} == set(range(12))


def test_new_prompts_touch_every_note_and_instrument_and_are_taught_in_the_other_order(drawn):
    pairs = {(pc, k) for pc in range(12) for k in range(12) if lessons.is_new_prompt(pc, k)}
    assert {pc for pc, _ in pairs} == {k for _, k in pairs} == set(range(12))
    for concept in set(lessons.KINDS):
        assert any(lesson.new_prompt for lesson in drawn if lesson.concept == concept)
    taught = {lesson.prompt for lesson in drawn if not (lesson.new_prompt or lesson.held_out)}
    new = [lesson.prompt for lesson in drawn if lesson.new_prompt and not lesson.held_out and lesson.concept == "notes"]
    turned_back = [f"{what} on {sound}" for sound, what in (prompt[3:].split(" a ") for prompt in new)]
    assert not taught & set(new)
    assert len(taught & {f"a {p}" for p in turned_back}) > len(new) / 4


def test_every_click_has_a_tempo_that_is_held_out(drawn):
    pairs = [(b, c.name) for b in lessons.TEMPOS for c in TAUGHT_CLICKS if lessons.is_held_out_tempo(b, c)]
    assert len(pairs) == len({b for b, _ in pairs}) == len({c for _, c in pairs}) == len(TAUGHT_CLICKS)
    for lesson in drawn:
        if lesson.concept == "tempos":
            assert lesson.bpm in lessons.TEMPOS
            assert lesson.held_out == ((lesson.bpm, lesson.causes["click"]) in pairs)
            assert lesson.causes["click"] != "default"  # of which the shipped codec loses strokes


def test_corpus_splits_by_prompt():
    table, audio = training_corpus(Corpus(lessons=160, pieces=24, validation=0.2, seconds=0.25), 8000, 3)
    assert audio.shape == (184, 2000)
    by_split = {split: set(part["prompt"]) for split, part in table.groupby("split")}
    assert {"train", "validation", "held_out"} == set(by_split)
    assert not by_split["train"] & by_split["validation"]
    closed = {p for p in by_split["held_out"] if " bpm" in p or (" on " in p and "repeated note" not in p)}
    assert not closed & (by_split["train"] | by_split["validation"])


def test_text_encoder_gives_each_word_one_token(tmp_path, drawn):
    from transformers import T5Tokenizer

    prompts = [lesson.prompt for lesson in drawn]
    save_text_encoder(tmp_path, prompts, 0)
    assert known_words(tmp_path) == {word for p in prompts for word in p.split()}
    tokenizer = T5Tokenizer.from_pretrained(tmp_path)
    for p in prompts[:200]:
        assert len(tokenizer(p)["input_ids"]) == len(p.split()) + 1  # and the end
    unknown = tokenizer("happy upbeat electronic dance music")["input_ids"]
    assert len(unknown) > 6
    assert tokenizer.unk_token_id not in unknown
