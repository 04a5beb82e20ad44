import numpy as np
import pytest
import symusic

from sonoscope.symbolic.causes import Causes
from sonoscope.symbolic.composer import compose
from sonoscope.symbolic.cues import affect_of, with_expression
from sonoscope.symbolic.songs import as_transcription, bar_starts, compose_song, drift


def test_sections_follow_each_other_with_their_own_tempo_and_truth():
    sections = [Causes(tempo=80.0, metre="3/4"), Causes(tempo=160.0, metre="3/4", mode="minor")]
    song = compose_song(sections, 3)
    assert [(t.time, round(t.qpm)) for t in song.score.tempos] == [(0, 80), (4 * 3 * 480, 160)]
    assert song.affect.shape == (8, 2)
    assert np.allclose(song.affect[[0, 7]], [affect_of(c) for c in sections])
    first = compose(sections[0], 3, bars=4).tracks[0].notes.numpy()
    whole = song.score.tracks[0].notes.numpy()
    assert np.array_equal(whole["pitch"][: len(first["pitch"])], first["pitch"])
    assert len(bar_starts(song.score)) == 8


def test_sections_of_different_metre_are_refused():
    with pytest.raises(ValueError, match="all of one metre"):
        compose_song([Causes(), Causes(metre="3/4")], 0)


def test_drift_keeps_what_makes_it_one_song():
    song = drift(Causes(key=5, programs=(40,)), 30, np.random.default_rng(0))
    assert len({(c.key, c.metre, c.progression, c.programs, c.register) for c in song}) == 1
    assert len({c.mode for c in song}) == 2
    assert len({c.tempo for c in song}) > 10


def test_expression_moves_arousal_by_what_was_asked():
    causes = Causes(tempo=100.0, density=1.2, articulation=0.65, dynamics=70)
    moved = with_expression(causes, 0.2)
    assert affect_of(moved)[1] - affect_of(causes)[1] == pytest.approx(0.2, abs=0.02)


def test_a_transcription_keeps_seconds_and_loses_the_grid():
    score = compose(Causes(tempo=97.0), 0)
    heard = as_transcription(score, np.random.default_rng(0))
    assert heard.ticks_per_quarter == 384
    assert heard.tempos[0].qpm == 120
    assert heard.note_num() == score.note_num()
    assert heard.to("second").end() == pytest.approx(score.to("second").end(), abs=0.1)
    phase = heard.tracks[0].notes.numpy()["time"] % 96
    assert np.mean(phase == 0) < 0.1


def test_bars_follow_time_signatures():
    score = symusic.Score(480)
    score.tracks.append(symusic.Track())
    assert len(bar_starts(score)) == 0
    score.tracks[0].notes.append(symusic.Note(0, 480 * 14, 60, 64))
    assert bar_starts(score).tolist() == [0, 1920, 3840, 5760]
    score.time_signatures.append(symusic.TimeSignature(1920, 3, 4))
    score.time_signatures.append(symusic.TimeSignature(1920 + 2 * 1440, 6, 8))
    assert bar_starts(score).tolist() == [0, 1920, 3360, 4800, 6240]
