"""How well a MusicGen learned: the questions, the scores of a perfect and of an ignorant model, the card."""

import numpy as np
import pandas as pd
import pytest

from sonoscope.audio.files import to_flac
from sonoscope.contracts.errors import ContractError
from sonoscope.contracts.learned import ANSWERS, HEARD
from sonoscope.scorecard import measure
from sonoscope.settings.measure_musicgen import MeasureMusicGen
from sonoscope.symbolic import lessons
from sonoscope.symbolic.instruments import INSTRUMENTS
from sonoscope.symbolic.notes import PITCH_CLASSES
from sonoscope.world.answers import renders
from sonoscope.world.card import BEGIN, END, SAYS, measures, write_card
from sonoscope.world.listening import listen
from sonoscope.world.questions import codec_questions, note_prompt, questions
from sonoscope.world.rows import TARGETS, learned_rows, relative_entropy
from sonoscope.world.speed import speed_rows

RATE = 16000
SMALL = MeasureMusicGen(
    notes=12,
    modes=12,
    tempos=8,
    new_notes=12,
    new_tempos=4,
    pairs=3,
    open_notes=24,
    codec_notes=6,
    classifier_clips=144,
    resamples=200,
    seconds=3.0,
)


def answers_of(audio_of):
    """The table of a model that answers each question with what ``audio_of`` says."""
    rows = []
    for origin, asked in (("model", questions(SMALL, 5)), ("codec", codec_questions(SMALL, 5))):
        for question in asked:
            audio = {"bytes": to_flac(audio_of(question), RATE), "path": "clip.flac"}
            rows.append(
                {"clip_id": question.clip_id, "origin": origin, "prompt": question.prompt, "seed": 0, "audio": audio}
            )
    frame = pd.DataFrame(rows)
    ANSWERS.check(frame)
    return frame


@pytest.fixture(scope="module")
def perfect():
    """What is heard when every answer is a true render."""
    return listen(answers_of(lambda q: next(renders([q], RATE, SMALL.seconds))), SMALL, 5)


def rows_of(heard):
    return {row.name.removeprefix("world.model."): row for row in learned_rows(heard, SMALL, 5, ("test",))}


def test_the_plan_is_a_function_of_settings_and_seed():
    first, again, other = (
        [(q.clip_id, q.prompt, q.seed, q.score.dumps_midi()) for q in questions(SMALL, seed)] for seed in (5, 5, 6)
    )
    assert first == again != other
    assert len({clip_id for clip_id, *_ in first}) == len(first) == 12 + 12 + 12 + 8 + 4 + 2 * 6 + 24


def test_notes_are_held_out_and_worded_as_in_lessons():
    index = {i.name: k for k, i in enumerate(INSTRUMENTS)}
    for q in questions(SMALL, 5):
        if q.measure == "new_note":
            assert lessons.is_held_out(PITCH_CLASSES.index(q.wanted), index[q.instrument])
        if q.measure == "note":
            assert not lessons.is_held_out(PITCH_CLASSES.index(q.wanted), index[q.instrument])
    rng = np.random.default_rng(0)
    for _ in range(50):
        lesson = lessons.note(rng)
        said = (lesson.causes[k] for k in ("pitch_class", "instrument", "loudness", "register"))
        assert note_prompt(*said, turned=lesson.prompt.startswith("on ")) == lesson.prompt


def test_no_question_stands_in_a_training_corpus():
    """Prompts of notes, tempos, chords, progressions and pairs, beside more lessons than training draws."""
    drawn = lessons.draw(20_000, 3)
    trained = {lesson.prompt for lesson in drawn if not (lesson.held_out or lesson.new_prompt)}
    asked = [q for seed in range(5) for q in questions(SMALL, seed) if q.measure != "open_note"]
    lesson_like = [q for q in asked if q.measure != "mode" or " chord" in q.prompt or " progression" in q.prompt]
    assert {q.measure for q in lesson_like} == {
        "note", "new_note", "mode", "tempo", "new_tempo", "loudness", "register",
    }  # fmt: skip
    assert not {q.prompt for q in lesson_like} & trained


def test_modes_are_named_in_their_prompts_and_balanced():
    asked = [q for q in questions(SMALL, 5) if q.measure == "mode"]
    assert all(f"{PITCH_CLASSES[q.tonic]} {q.wanted}" in q.prompt for q in asked)
    assert {q.wanted for q in asked} == {"major", "minor"}


def test_pairs_share_their_seed():
    by_pair = pd.DataFrame([vars(q) for q in questions(SMALL, 5) if q.pair]).groupby("pair")
    assert by_pair["seed"].nunique().max() == 1
    assert (by_pair.size() == 2).all()


def test_a_perfect_model_meets_every_bar(perfect):
    HEARD.check(perfect)
    rows = rows_of(perfect)
    assert set(rows) == set(SAYS) >= set(TARGETS)
    assert {name for name, row in rows.items() if row.met is False} == set()
    for name in ("note", "mode", "tempo_within_8pct", "loudness", "register"):
        assert rows[name].value == rows[name].baseline
        assert rows[name].low <= rows[name].value <= rows[name].high
    assert rows["codec_log_mel"].value < 0.01  # 16 bits of FLAC


def test_a_model_that_ignores_its_prompt_stands_at_chance():
    clip = next(renders([next(q for q in questions(SMALL, 5) if q.wanted == "C")], RATE, SMALL.seconds))
    rows = rows_of(listen(answers_of(lambda q: clip), SMALL, 5))
    assert rows["note"].value == pytest.approx(rows["note"].null)
    assert rows["mode"].value == pytest.approx(0.5, abs=0.25)
    assert rows["loudness"].value == rows["register"].value == 0
    assert rows["tempo_rank_corr"].value == 0
    assert rows["note_entropy"].value == 0
    assert not any(row.met for row in rows.values() if row.target is not None)


def test_a_silent_model_scores_nothing():
    rows = rows_of(listen(answers_of(lambda q: np.zeros(3 * RATE, np.float32)), SMALL, 5))
    assert all(row.value == 0 for name, row in rows.items() if name in TARGETS)


def test_entropy_is_corrected_for_few_clips():
    rng = np.random.default_rng(0)
    names = np.array(PITCH_CLASSES)
    even = [relative_entropy(rng.choice(names, 48)) for _ in range(200)]
    assert np.mean(even) == pytest.approx(0.99, abs=0.01)  # never above 1, and so a little below
    assert relative_entropy(np.repeat(names[:6], 8)) == pytest.approx((np.log(6) + 5 / 96) / np.log(12))
    assert relative_entropy(names[:1]) == 0


ROWS = [
    measure("world.model.note", 0.95, low=0.9, high=0.98, n=48, null=1 / 12, baseline=1.0, target=0.9),
    measure("world.model.mode", 0.8, low=0.7, high=0.9, n=48, null=0.5, baseline=0.96, target=0.85),
]


def test_the_card_says_what_is_missed_and_by_how_much():
    text = measures(ROWS)
    assert "| 0.95 | 0.90 to 0.98 | 48 | 0.08 | 1.00 | 0.90 | yes |" in text
    assert f"- {SAYS['mode']}: 0.05 below the bar of 0.85." in text
    assert SAYS["note"] + ":" not in text


def test_the_card_keeps_the_rest(tmp_path):
    card = tmp_path / "README.md"
    card.write_text(f"# Model\n\n{BEGIN}\nold\n{END}\n\nLimits.\n")
    write_card(card, ROWS)
    once = card.read_text()
    assert once.startswith("# Model\n\n<!-- measures -->\n\n| measure")
    assert once.endswith("<!-- /measures -->\n\nLimits.\n")
    assert "old" not in once
    write_card(card, ROWS)
    assert card.read_text() == once
    card.write_text("# Model\n")
    with pytest.raises(ContractError, match="<!-- measures -->"):
        write_card(card, ROWS)


def test_speed_is_measured_against_its_targets():
    rows = {row.name: row for row in speed_rows(0, ("test",))}
    assert set(rows) == {"world.compose_pieces_per_second", "world.render_times_realtime"}
    assert [row.target for row in rows.values()] == [200, 100]
    assert all(row.value > 0 and row.met == (row.value >= row.target) for row in rows.values())
