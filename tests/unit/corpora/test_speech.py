import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sonoscope.audio.espeak import speak
from sonoscope.audio.files import read_audio, write_audio
from sonoscope.contracts.speech import UTTERANCES
from sonoscope.corpora.sentences import sentence, transcript, unique_texts
from sonoscope.corpora.skipped import skipped_frame
from sonoscope.corpora.speakers import read_speakers, synthetic_speakers
from sonoscope.corpora.speech import SUBSET, compose_speech, folder_of, in_room, load_librispeech, split_by_speaker
from sonoscope.settings.speech import Speech

SPEAKERS, EACH = 6, 3


@pytest.fixture(scope="session")
def composed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("speech") / "LibriSpeech"
    compose_speech(folder, SPEAKERS, EACH, 1, seed=0)
    return folder


@pytest.fixture
def corpus(composed, tmp_path):
    return shutil.copytree(composed, tmp_path / "LibriSpeech")


def files(folder):
    return sorted(folder.rglob("*.flac"))


def reasons(skipped):
    return {s.item: s.reason for s in skipped}


def test_the_composed_corpus_is_read_whole(composed):
    table, skipped = load_librispeech(composed)
    assert skipped == []
    assert len(table) == SPEAKERS * EACH
    UTTERANCES.check(table)
    assert table.groupby("speaker_id").size().tolist() == [EACH] * SPEAKERS
    assert table.seconds.between(1.5, 12).all()
    assert not table.text.duplicated().any()
    assert table.text.str.fullmatch(r"[A-Z']+( [A-Z']+)*").all()
    again, _ = load_librispeech(composed.parent)  # the folder above will do
    assert again.equals(table)


def test_the_files_that_rules_name_lead_to_the_corpus(tmp_path):
    synthetic, fetched = Speech(), Speech(corpus="librispeech", subsets=("dev-clean", "test-clean"))
    own = Speech(corpus="librispeech", folder=str(tmp_path))
    for settings_, count in ((synthetic, 1), (fetched, 2), (own, 1)):
        named = settings_.files(tmp_path / "results", tmp_path / "downloads")
        assert len(named) == count
        assert {folder_of(Path(f)) for f in named} == {settings_.root(tmp_path / "results", tmp_path / "downloads")}


def test_layout_is_that_of_librispeech(composed):
    for path in files(composed):
        subset, speaker, chapter, name = path.relative_to(composed).parts
        assert subset == SUBSET
        assert re.fullmatch(rf"{speaker}-{chapter}-\d{{4}}\.flac", name)
        about = soundfile.info(path)
        assert (about.samplerate, about.channels, about.subtype) == (16000, 1, "PCM_16")
        assert (path.parent / f"{speaker}-{chapter}.trans.txt").is_file()
    lines = (composed / "SPEAKERS.TXT").read_text().splitlines()
    assert ";ID  |SEX| SUBSET           |MINUTES| NAME" in lines
    rows = [line for line in lines if not line.startswith(";")]
    assert all(re.fullmatch(r"\d+ +\| [FM] \| \S+ +\| +\d+\.\d\d \| \S+", row) for row in rows)
    assert [row.split("|")[1].strip() for row in rows] == ["F", "M"] * (SPEAKERS // 2)


def test_speech_sounds_like_a_recording(composed):
    for path in files(composed)[::5]:
        audio, _ = read_audio(path)
        assert np.sqrt(np.mean(audio**2)) == pytest.approx(0.07, rel=0.1)
        start = audio[:2000]
        assert 0 < np.sqrt(np.mean(start**2)) < 0.01  # the room, not digital silence
        assert np.mean(np.abs(audio) > 0.99) < 1e-3


def test_rooms_keep_the_speech_and_follow_their_generator():
    dry, rate = speak("The river.", synthetic_speakers(1, SUBSET, 0)[0].voice)
    a = in_room(dry, rate, -40, 0.2, np.random.default_rng(0))
    assert np.array_equal(a, in_room(dry, rate, -40, 0.2, np.random.default_rng(0)))
    assert not np.array_equal(a, in_room(dry, rate, -40, 0.2, np.random.default_rng(1)))
    assert len(a) == pytest.approx(len(dry) * 16000 / rate + 8000, abs=2)


def test_speakers_have_different_voices():
    people = synthetic_speakers(144, SUBSET, 0)
    assert len({p.voice.name for p in people}) == 144
    for p in people[:144:9]:
        assert len(speak("One two three.", p.voice)[0]) > 5000
    with pytest.raises(ValueError, match="at most 144"):
        synthetic_speakers(145, SUBSET, 0)


def test_the_shipped_codec_hears_no_voice_that_studies_begin_with():
    heard = {p.voice.name.split("+")[1] for p in synthetic_speakers(108, SUBSET, 1, for_codec=True)}
    unheard = {p.voice.name.split("+")[1] for p in synthetic_speakers(36, SUBSET, 2)}
    assert len(heard) == 18 and len(unheard) == 6 and not heard & unheard
    with pytest.raises(ValueError, match="at most 108"):
        synthetic_speakers(109, SUBSET, 0, for_codec=True)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_sentences_are_english_enough(seed):
    text = sentence(np.random.default_rng(seed))
    assert text[0].isupper() and text.endswith(".") and 4 <= len(text.split()) <= 30
    assert not re.search(r"\ba [aeiou]|\ban [^aeiou]", text)
    assert transcript(text) == transcript(transcript(text).lower())


def test_no_text_is_given_twice():
    texts = unique_texts(300, 2, np.random.default_rng(0))
    singles = [s for text in texts for s in re.findall(r"[^.]+\.", text)]
    assert len(set(singles)) == len(singles) == 600
    assert texts == unique_texts(300, 2, np.random.default_rng(0))


def test_splits_are_disjoint_in_speakers_and_spread_the_sexes(composed):
    table, _ = load_librispeech(composed)
    split = split_by_speaker(table, np.random.default_rng(0), (0.34, 0.33, 0.33))
    assert split.groupby("speaker_id").split.nunique().eq(1).all()
    assert split.groupby("split").sex.nunique().eq(2).all()
    fewer = split_by_speaker(table.iloc[::EACH], np.random.default_rng(0), (0.34, 0.33, 0.33))
    both = split.merge(fewer, on="utterance_id")
    assert (both.split_x == both.split_y).all()  # the same people, whatever they read


def test_damaged_items_are_skipped_with_a_line_each(corpus):
    one, two, three, four, five, six = files(corpus)[::EACH]
    one.write_bytes(one.read_bytes()[:2000])
    two.write_bytes(b"")
    write_audio(three, read_audio(three)[0], 8000)
    four.parent.joinpath("notes-1.flac").write_bytes(four.read_bytes())
    lines = next(five.parent.glob("*.trans.txt"))
    lines.write_text("\n".join([*lines.read_text().splitlines()[1:], "9999-1-0000 NOBODY READ THIS", "broken"]))
    speaker = six.parts[-3]
    text = (corpus / "SPEAKERS.TXT").read_text().splitlines()
    kept = [line for line in text if not line.startswith(speaker)]
    (corpus / "SPEAKERS.TXT").write_text("\n".join([*kept, "77 | X | who knows"]))
    table, skipped = load_librispeech(corpus)
    why = reasons(skipped)
    assert "truncated" in why[one.stem] or "expected an audio file" in why[one.stem]
    assert "expected a FLAC file" in why[two.stem]
    assert "expected 16000 Hz mono, found 8000 Hz" in why[three.stem]
    assert "agrees with its folders" in why["notes-1"]
    assert why[five.stem] == "no transcript names it"
    assert why["9999-1-0000"] == "a transcript names it, but there is no FLAC file"
    assert "expected an identifier and a text" in why["broken"]
    assert f"does not name speaker {speaker}" in why[six.stem]
    assert "expected ID | SEX" in why["SPEAKERS.TXT"]
    assert len(table) == SPEAKERS * EACH - 3 - 1 - EACH
    assert len(skipped_frame(skipped)) == len(skipped)


def test_a_transcript_in_another_encoding_is_one_line(corpus):
    path = next(corpus.rglob("*.trans.txt"))
    path.write_bytes(path.read_text().encode("utf-16"))
    table, skipped = load_librispeech(corpus)
    assert "expected text in UTF-8" in reasons(skipped)[path.name]
    assert len(table) == (SPEAKERS - 1) * EACH


def test_an_utterance_in_two_subsets_is_taken_once(corpus):
    speaker = sorted((corpus / SUBSET).iterdir())[0]
    shutil.copytree(speaker, corpus / "zzz" / speaker.name)
    table, skipped = load_librispeech(corpus)
    assert len(table) == SPEAKERS * EACH and set(table.subset) == {SUBSET}
    assert len(skipped) == EACH and all("another subset" in s.reason and s.file.startswith("zzz") for s in skipped)


def test_short_utterances_and_missing_subsets(corpus):
    table, skipped = load_librispeech(corpus, shortest=1000.0)
    assert len(table) == 0 and "is shorter than 1000 s" in skipped[0].reason
    with pytest.raises(FileNotFoundError, match="expected subset dev-clean, found train-synthetic"):
        load_librispeech(corpus, ("dev-clean",))
    with pytest.raises(FileNotFoundError, match=r"SPEAKERS\.TXT, found none"):
        load_librispeech(corpus / SUBSET)


def test_the_published_speaker_list_can_be_read(tmp_path):
    """Lines as published, one of them with the separator in its name, in an encoding that is not quite UTF-8."""
    path = tmp_path / "SPEAKERS.TXT"
    path.write_bytes(
        b"; comment\n;ID  |SEX| SUBSET           |MINUTES| NAME\n"
        b"14   | F | train-clean-360  | 25.03 | Kristin LeMoine\n"
        b"60   | M | train-clean-100  | 20.18 | CBW | Simon\n"
        b"61   | M | test-clean       |  8.08 | Jos\xe9\n"
    )
    speakers, problems = read_speakers(path)
    assert problems == []
    assert speakers["14"].minutes == 25.03
    assert speakers["60"].name == "CBW | Simon"
    assert speakers["61"].subset == "test-clean"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_speaker_list_can_be_survived(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("fuzz") / "SPEAKERS.TXT"
    path.write_bytes(content)
    speakers, problems = read_speakers(path)
    assert all(s.speaker_id.isdecimal() for s in speakers.values())
    assert all(isinstance(p, str) for p in problems)


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=300))
def test_any_transcript_can_be_survived(composed, tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("fuzz") / "LibriSpeech"
    source = files(composed)[0].parent
    chapter = folder / source.relative_to(composed)
    shutil.copytree(source, chapter)
    shutil.copy(composed / "SPEAKERS.TXT", folder)
    next(chapter.glob("*.trans.txt")).write_bytes(content)
    table, skipped = load_librispeech(folder)
    assert len(table) + len(skipped) >= EACH
