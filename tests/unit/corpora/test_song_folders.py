import gzip
import json
import shutil

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sonoscope.audio.files import read_audio, write_audio
from sonoscope.corpora.artists import GENRES, artists, compose_songs, song_causes
from sonoscope.corpora.songs import load_songs
from sonoscope.statistics import grouped_split, refuse_overlap

RATE = 8000


@pytest.fixture(scope="module")
def composed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    compose_songs(folder, 4, 2, (4.0, 6.0), RATE, 1)
    return folder


@pytest.fixture
def copy(composed, tmp_path):
    shutil.copytree(composed, tmp_path / "songs")
    return tmp_path / "songs"


def reasons(skipped):
    return {item: reason for item, reason, _ in skipped}


def test_what_is_composed_is_loaded(composed):
    table, skipped = load_songs(composed)
    assert skipped == [] and len(table) == 8 and table.artist.nunique() == 4
    assert table.seconds.between(4, 6).all() and (table.sample_rate == RATE).all()
    assert (table.split_group == table.artist).all()
    for row in table.itertuples():
        assert row.genre in row.tags and row.description
        assert np.abs(read_audio(composed / row.file)[0]).max() > 0.01


def test_the_layout_is_audiocrafts(composed):
    """Its MusicDataset reads these fields, each of its own type; the manifest is AudioMeta's."""
    lines = [json.loads(line) for line in (composed / "data.jsonl").read_text().splitlines()]
    assert {frozenset(line) for line in lines} == {
        frozenset({"path", "duration", "sample_rate", "amplitude", "weight", "info_path"})
    }
    for line in lines:
        info = json.loads((composed / line["path"]).with_suffix(".json").read_text())
        assert isinstance(info["moods"], list) and isinstance(info["keywords"], list) and isinstance(info["bpm"], float)
        assert info["duration"] == line["duration"]


def test_audiocraft_itself_reads_a_song(composed):
    from sonoscope.musicgen import compat

    compat.install()
    from audiocraft.data.audio_dataset import AudioMeta
    from audiocraft.data.music_dataset import MusicInfo

    line = json.loads((composed / "data.jsonl").read_text().splitlines()[0])
    assert AudioMeta.from_dict(dict(line)).duration == line["duration"]
    info = json.loads((composed / line["path"]).with_suffix(".json").read_text())
    segment = {"meta": AudioMeta.from_dict(dict(line)), "seek_time": 0.0, "n_frames": 1, "total_frames": 1}
    music = MusicInfo.from_dict({**info, **segment, "sample_rate": RATE, "channels": 1}, fields_required=False)
    assert music.description == info["description"] and music.artist == info["artist"]
    assert music.key == info["key"].lower() and music.bpm == info["bpm"] and music.moods == info["moods"]


def test_the_same_seed_gives_the_same_songs_and_more_artists_change_none(composed, tmp_path):
    compose_songs(tmp_path, 2, 2, (4.0, 6.0), RATE, 1)
    for path in sorted(tmp_path.rglob("*.flac")):
        assert path.read_bytes() == (composed / path.relative_to(tmp_path)).read_bytes()
    assert len({a.name for a in artists(200, 0)}) == 200


def test_an_artist_has_a_style_of_its_own():
    many = artists(12, 3)
    assert [a.genre for a in many[:6]] == list(GENRES) and many[0].genre == many[6].genre
    for artist in many:
        songs = [song_causes(artist, np.random.default_rng(k)) for k in range(20)]
        assert {s.programs for s in songs} == {artist.programs}
        assert {s.key for s in songs} <= set(artist.keys) and len({s.progression for s in songs}) <= 2
        tempi = [s.tempo for s in songs]
        assert max(tempi) / min(tempi) < 1.15
    assert many[0].programs != many[6].programs


def test_songs_of_an_artist_stay_together(composed):
    table, _ = load_songs(composed)
    split = grouped_split(len(table), np.random.default_rng(0), table.split_group, shares=(0.5, 0.25, 0.25))
    sides = np.full(len(table), "train", dtype=object)
    sides[split.validation], sides[split.test] = "validation", "test"
    refuse_overlap(sides, artist=table.artist)


def test_damage_gets_a_line_each_and_the_rest_is_used(copy):
    files = sorted(copy.rglob("*.flac"))
    names = [p.relative_to(copy).with_suffix("").as_posix() for p in files]
    files[0].write_bytes(files[0].read_bytes()[: files[0].stat().st_size // 2])
    files[1].write_bytes(b"")
    files[2].with_suffix(".json").unlink()
    files[3].with_suffix(".json").write_bytes(b'{"description": "caf\xe9"}')
    files[4].with_suffix(".json").write_text('{"description": "", "artist": "x"}')
    files[5].unlink()
    write_audio(copy / "stray.wav", np.zeros(RATE, np.float32), RATE)
    with (copy / "data.jsonl").open("a") as manifest:
        manifest.write("not json\n\n[1, 2]\n" + "[" * 100_000 + "\n")
    table, skipped = load_songs(copy)
    found = reasons(skipped)
    assert len(table) == 2
    assert "truncated" in found[names[0]] or "expected an audio file" in found[names[0]]
    assert "expected an audio file" in found[names[1]]
    assert "found neither" in found[names[2]] and "UTF-8" in found[names[3]] and "no description" in found[names[4]]
    assert "no such file" in found[files[5].name] and found["stray"] == "no manifest names it"
    assert sum(item.startswith("data.jsonl, line") for item in found) == 3


def test_a_folder_of_audio_with_one_json_each(copy):
    """The form that other attribution tools read: no manifest, a description and a duration beside each file."""
    (copy / "data.jsonl").unlink()
    first = sorted(copy.rglob("*.flac"))[0]
    first.with_suffix(".json").write_text('{"description": "a song", "duration": 3, "keywords": "a, b"}')
    table, skipped = load_songs(copy)
    row = table[table.file == first.relative_to(copy).as_posix()].iloc[0]
    assert skipped == [] and len(table) == 8
    assert (row.description, row.artist, row.split_group, list(row.tags)) == ("a song", "", row.song_id, ["a", "b"])


def test_a_folder_with_one_table(tmp_path):
    write_audio(tmp_path / "a.wav", np.zeros(2 * RATE, np.float32), RATE)
    write_audio(tmp_path / "b.flac", np.zeros(RATE // 2, np.float32), RATE)
    (tmp_path / "c.m4a").write_bytes(b"x")
    (tmp_path / "metadata.csv").write_text(
        "\ufefffile, description ,artist,tags\na.wav,soft,Ann,x; y\nb.flac,loud,,\nc.m4a,odd,,\ngone.wav,no,,\n"
    )
    table, skipped = load_songs(tmp_path)
    assert table.song_id.tolist() == ["a"] and list(table.tags[0]) == ["x", "y"] and table.artist[0] == "Ann"
    found = reasons(skipped)
    assert "shorter than 1 s" in found["b"] and "convert it" in found["c"] and "no such file" in found["gone.wav"]


def test_compressed_manifests_and_info_paths(copy):
    content = (copy / "data.jsonl").read_bytes()
    (copy / "data.jsonl").unlink()
    (copy / "data.jsonl.gz").write_bytes(gzip.compress(content))
    assert len(load_songs(copy)[0]) == 8
    (copy / "data.jsonl.gz").write_bytes(gzip.compress(content)[:-20])
    with pytest.raises(FileNotFoundError, match="expected a folder"):
        load_songs(copy / "nowhere")
    table, skipped = load_songs(copy)
    assert len(table) == 8 and "data.jsonl.gz" in reasons(skipped)


def test_a_folder_without_audio_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match="expected audio files"):
        load_songs(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(manifest=st.binary(max_size=200), info=st.binary(max_size=200), table=st.binary(max_size=200))
def test_no_bytes_in_the_metadata_break_the_loader(tmp_path, manifest, info, table):
    write_audio(tmp_path / "a.wav", np.zeros(2 * RATE, np.float32), RATE)
    (tmp_path / "data.jsonl").write_bytes(manifest)
    (tmp_path / "a.json").write_bytes(info)
    (tmp_path / "metadata.csv").write_bytes(b"file,description\n" + table)
    found, skipped = load_songs(tmp_path, decode=False)
    assert len(found) == 1 or skipped


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    info=st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.sampled_from(["description", "artist", "keywords", "title"]), x),
    )
)
def test_no_json_breaks_the_loader(tmp_path, info):
    write_audio(tmp_path / "a.wav", np.zeros(2 * RATE, np.float32), RATE)
    (tmp_path / "a.json").write_text(json.dumps(info))
    found, skipped = load_songs(tmp_path, decode=False)
    assert len(found) + len(skipped) == 1
