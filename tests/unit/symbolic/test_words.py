import numpy as np

from sonoscope.symbolic import lessons, words
from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.prompts import words_of


def test_lessons_and_pieces_mean_the_same_by_a_word():
    assert dict(lessons.LOUDNESS) == words.VELOCITY
    assert dict(lessons.SPEEDS) == words.TEMPO


def test_a_piece_as_slow_or_soft_as_a_lesson_gets_its_word():
    rng = np.random.default_rng(0)
    for _ in range(200):
        lesson = lessons.tempo(rng)
        said = words_of(Causes(tempo=float(lesson.bpm)))["tempo"]
        assert said == lesson.causes["speed"] or not lesson.causes["speed"]
    for word, velocity in words.VELOCITY.items():
        assert words_of(Causes(dynamics=min(velocity, 108)))["dynamics"] == word
