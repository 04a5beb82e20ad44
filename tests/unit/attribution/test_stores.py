"""Songs to stores to answers, on a model with random weights: resumed, appended, refused, asked."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from sonoscope.attribution import ask, finetune, kinds, queries, search
from sonoscope.attribution.command import main as spintrak
from sonoscope.attribution.embed import Plan, Subject, Worker, embed_songs, embed_windows, shard_name
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.experiments import run_experiment
from sonoscope.attribution.finetune import copy_of_state, finetune_variant, load_checkpoint
from sonoscope.attribution.gradients import Embedder
from sonoscope.attribution.groups import selector
from sonoscope.attribution.likelihood import language_model, log_likelihood, logits_of, outputs_of
from sonoscope.attribution.outcome import write_results
from sonoscope.attribution.songs import Song, cut, read_song, songs_of, tokens_of, windows_of
from sonoscope.attribution.store import Store, mapped
from sonoscope.attribution.tasks import Task, embed_tasks, merge_parts, training_windows
from sonoscope.audio.files import AudioError, write_audio
from sonoscope.contracts.attribution import EXPERIMENT
from sonoscope.musicgen.loading import load_musicgen
from sonoscope.musicgen.random_model import build_random_musicgen
from sonoscope.settings.attribution import Attribution, Embedding, FineTune, Queries, Scoring
from sonoscope.train.language_model import loss_per_codebook

SETTINGS = Embedding(window=0.5, dim=512, features=["loss", "margin"], songs_per_shard=2)


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "random"
    build_random_musicgen(folder, 0)
    return folder


@pytest.fixture(scope="module")
def model(base):
    return load_musicgen(base / "state_dict.bin", "random")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Five songs of a few tones each, with captions."""
    root, rng = tmp_path_factory.mktemp("songs"), np.random.default_rng(0)
    for k in range(5):
        time = np.arange(int(16000 * 1.2)) / 16000
        sound = sum(np.sin(2 * np.pi * f * time) for f in rng.uniform(100, 2000, 3)) / 6
        write_audio(root / f"song{k}.flac", (sound + 0.02 * rng.standard_normal(len(time))).astype(np.float32), 16000)
        (root / f"song{k}.json").write_text(json.dumps({"description": f"a song number {k}", "duration": 1.2}))
    return root


def songs(folder):
    return [Song(f"song{k}", folder / f"song{k}.flac", f"a song number {k}") for k in range(5)]


@pytest.fixture(scope="module")
def windows(model, folder):
    found, skipped = windows_of(model, songs(folder), 0.5, None)
    assert not skipped and [w.segment for w in found[:3]] == [0, 1, 0]  # 1.2 s: two windows, the rest is too short
    return found


def subject(base):
    return Subject(base / "state_dict.bin", "random")


def filled(place, base, model, windows, settings=SETTINGS):
    store = Store.open(place, subject(base).meta(model.revision, settings))
    embed_windows(store, Worker(model, subject(base), settings), windows, settings.songs_per_shard)
    store.finish()
    return store


def test_the_loss_is_that_of_training(model, windows):
    tokens = torch.from_numpy(windows[0].tokens.astype("int64"))[None]
    mine = outputs_of(logits_of(model, tokens, [windows[0].prompt]), tokens).loss[0]
    theirs = loss_per_codebook(language_model(model), tokens, [windows[0].prompt])
    torch.testing.assert_close(mine, theirs)
    assert float(log_likelihood(model, [tokens[0]], [windows[0].prompt])[0]) == pytest.approx(
        -float(theirs.mean()), rel=1e-5
    )


def test_margin_is_the_log_odds(model, windows):
    tokens = torch.from_numpy(windows[0].tokens.astype("int64"))[None]
    logits = logits_of(model, tokens, [None]).detach()
    found = outputs_of(logits, tokens)
    own = []
    for k in range(tokens.shape[1]):
        p = logits[0, k].softmax(-1)
        values = [p[f + k, tokens[0, k, f]] for f in range(tokens.shape[2] - k)]  # T - k targets
        own.append(torch.stack([torch.log(v / (1 - v)) for v in values]).mean())
    assert float(found.margin[0]) == pytest.approx(float(torch.stack(own).mean()), rel=1e-4)


def test_gradients_of_the_whole_model_are_those_of_autograd(model, windows):
    lm, window = language_model(model), windows[0]
    tokens = torch.from_numpy(window.tokens.astype("int64"))[None]
    lm.requires_grad_(True).zero_grad()
    outputs_of(logits_of(model, tokens, [window.prompt]), tokens).loss.mean().backward()
    norm = sum(float(p.grad.square().sum()) for p in lm.parameters() if p.grad is not None) ** 0.5
    lm.requires_grad_(False)
    embedder = Embedder(model, SETTINGS)
    rows, facts = embedder([window])
    assert embedder.coverage == 1.0 and facts[0].norm == pytest.approx(norm, rel=1e-4)
    assert np.linalg.norm(rows["loss"]) == pytest.approx(norm, rel=0.5)  # a sketch of 512 numbers keeps it roughly


def test_rows_have_the_same_bytes_whatever_the_batch(model, windows):
    together, _ = Embedder(model, SETTINGS)(windows[:4])
    alone = [Embedder(model, SETTINGS)([w])[0] for w in windows[:4]]
    for name, values in together.items():
        assert values.tobytes() == np.concatenate([rows[name] for rows in alone]).tobytes()


def test_a_row_has_as_much_of_the_gradient_without_caption_as_training_had(model, windows):
    settings = SETTINGS.model_copy(update={"features": ["loss", "margin", "logra"]})
    window = windows[0]
    changed = [
        window,
        replace(window, prompt=None),
        replace(window, dropped=0.25),
        replace(window, prompt=None, dropped=0.25),
    ]
    (told, untold, mixed, never), facts = zip(*(Embedder(model, settings)([w]) for w in changed), strict=True)
    for name in settings.features:
        assert np.abs(told[name] - untold[name]).max() > 1e-3 * np.abs(told[name]).max()
        np.testing.assert_allclose(mixed[name], 0.75 * told[name] + 0.25 * untold[name], rtol=1e-5, atol=1e-9)
        np.testing.assert_array_equal(never[name], untold[name])
    assert facts[2] == facts[0]
    assert len({w.digest for w in changed[:3]}) == 3  # so that rows of another share are made again
    empty = settings.model_copy(update={"prompt": "empty"})
    np.testing.assert_array_equal(Embedder(model, empty)([changed[2]])[0]["loss"], untold["loss"])


def test_the_model_of_a_pair_is_asked_about_its_two_songs_alone(windows):
    given = Attribution.model_validate(
        {"finetune": {"condition_dropout": 0.5}, "finetune_pair": {"condition_dropout": 0.1}}
    )
    pairs = [["song0", "song1"], ["song2", "song3"]]
    every = training_windows(windows, pairs, given, "songs")
    assert [w.key for w in every] == [w.key for w in windows] and {w.dropped for w in every} == {0.5}
    assert training_windows(windows, pairs, given, "base") == every  # the control differs in its weights alone
    two = training_windows(windows, pairs, given, "pair-1")
    assert {w.song_id for w in two} == {"song2", "song3"} and {w.dropped for w in two} == {0.1}


@pytest.mark.parametrize("group", ["attention", "feed_forward", "no_text", "heads"])
def test_groups_take_a_part_of_the_parameters(model, group):
    names = [n for n, _ in language_model(model).named_parameters()]
    chosen = [n for n in names if selector(group, None, names)(n)]
    assert 0 < len(chosen) < len(names)
    assert group != "attention" or any(n.endswith("in_proj_weight") for n in chosen)  # bare parameters belong to it
    with pytest.raises(AttributionError, match="has none in group"):
        selector("attention", 1, ["emb.0.weight"])


def test_last_layers(model):
    names = [n for n, _ in language_model(model).named_parameters()]
    last = [n for n in names if selector("all", 1, names)(n)]
    assert last and all(n.startswith("transformer.layers.2.") for n in last)


def test_a_store_is_resumed_appended_to_and_the_same_in_any_order(tmp_path, base, model, windows):
    first = filled(tmp_path / "a", base, model, windows[:4])
    shard = next((tmp_path / "a" / "shards").glob("*.safetensors"))
    before = shard.stat().st_mtime_ns
    second = filled(tmp_path / "a", base, model, windows)  # songs 0 and 1 are there, 2 to 4 are added
    assert shard.stat().st_mtime_ns == before and len(first.rows) == len(second.rows) == len(windows)
    whole = filled(tmp_path / "b", base, model, list(reversed(windows)))
    assert second.rows.tokens.tolist() == whole.rows.tokens.tolist()
    np.testing.assert_array_equal(second.field("loss", 0), whole.field("loss", 0))
    streamed = np.empty_like(whole.field("margin", 0))
    for places, rows in whole.stream("margin", 0):
        streamed[places] = rows
    np.testing.assert_array_equal(streamed, whole.field("margin", 0))


def test_rows_of_another_projection_model_or_song_are_refused(tmp_path, base, model, windows):
    filled(tmp_path / "a", base, model, windows[:2])
    for change in ({"seed": 1}, {"dim": 256}, {"group": "attention"}):
        other = SETTINGS.model_copy(update=change)
        with pytest.raises(AttributionError, match="cannot be compared"):
            Store.open(tmp_path / "a", subject(base).meta(model.revision, other))
    with pytest.raises(AttributionError, match="cannot be compared"):
        Store.open(tmp_path / "a", subject(base).meta("another", SETTINGS))
    store = Store(tmp_path / "a")
    rows = store.finished()[shard_name(["song0"])].drop(columns=["row", "shard", "position"])
    store.write_shard(
        "twice", rows, {"loss/0": np.zeros((2, 512), np.float32), "margin/0": np.zeros((2, 512), np.float32)}
    )
    with pytest.raises(AttributionError, match="'song0' stands in shards"):
        store.finish()
    with pytest.raises(AttributionError, match="expected 2 finite rows"):
        store.write_shard("nan", rows, {"loss/0": np.full((2, 512), np.nan, np.float32)})


def test_damaged_shards_are_named(tmp_path, base, model, windows):
    store = filled(tmp_path / "a", base, model, windows[:2])
    shard = next((tmp_path / "a" / "shards").glob("*.safetensors"))
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(AttributionError, match="truncated"):
        Store(store.folder).field("loss", 0)
    shard.write_bytes(b"nonsense")
    with pytest.raises(AttributionError, match="expected a safetensors file"):
        mapped(shard)
    with pytest.raises(AttributionError, match="expected a store"):
        Store(tmp_path)


def test_unusable_songs_get_a_sentence_each(tmp_path, model, folder):
    write_audio(tmp_path / "silent.flac", np.zeros(16000, np.float32), 16000)
    write_audio(tmp_path / "short.flac", np.ones(1600, np.float32) * 0.1, 16000)
    whole = (folder / "song0.flac").read_bytes()
    (tmp_path / "corrupt.flac").write_bytes(b"fLaC" + b"\0" * 50)
    (tmp_path / "cut.flac").write_bytes(whole[: len(whole) // 50])
    bad = [Song(n, tmp_path / f"{n}.flac", "x") for n in ("silent", "short", "corrupt", "cut", "absent")]
    windows, skipped = windows_of(model, [*bad, songs(folder)[0]], 0.5, None)
    assert {w.song_id for w in windows} == {"song0"}
    reasons = {song: reason for song, reason, _ in skipped}
    assert set(reasons) == {"silent", "short", "corrupt", "cut", "absent"}
    assert "silent" in reasons["silent"] and "0.10 s is shorter" in reasons["short"]
    twice = pd.DataFrame({"song_id": ["a", "a"], "file": ["x", "y"], "description": ["", ""], "artist": ["", ""]})
    with pytest.raises(AttributionError, match="stands twice"):
        songs_of(twice, tmp_path)


def test_hours_of_audio_are_refused_unless_a_duration_is_given(tmp_path):
    rate = 100  # three hours at a rate that keeps the file small
    write_audio(tmp_path / "long.wav", np.full(3 * 3600 * rate, 0.1, np.float32), rate)
    with pytest.raises(AudioError, match="180 min is longer"):
        read_song(tmp_path / "long.wav", rate, None)
    assert len(read_song(tmp_path / "long.wav", rate, 2.0)) == 200


@pytest.mark.parametrize("adaptation", ["full", "lora"])
def test_a_fine_tune_lowers_the_loss_of_its_songs_and_is_kept(tmp_path, base, model, windows, adaptation):
    lm, state = language_model(model), copy_of_state(language_model(model))
    recipe = FineTune(adaptation=adaptation, epochs=6, batch=2, learning_rate=3e-3, checkpoints=[0.5, 1.0], rank=2)
    mine = windows[:2]
    codes = [torch.from_numpy(w.tokens.astype("int64")) for w in mine]
    before = log_likelihood(model, codes, [w.prompt for w in mine]).mean()
    finetune_variant(model, state, base, mine, recipe, 1, tmp_path / "v", export=True)
    after = log_likelihood(model, codes, [w.prompt for w in mine]).mean()
    assert after > before + 0.01
    record = json.loads((tmp_path / "v" / finetune.RECORD).read_text())
    files = [tmp_path / "v" / c["file"] for c in record["checkpoints"]]
    assert len(files) == 2 and record["songs"] == ["song0"]
    end = copy_of_state(lm)
    load_checkpoint(model, state, files[-1])
    for name, value in language_model(model).state_dict().items():
        torch.testing.assert_close(value, end[name], atol=1e-5, rtol=1e-5)
    exported = load_musicgen(tmp_path / "v" / "state_dict.bin", "random")
    assert log_likelihood(exported, codes, [w.prompt for w in mine]).mean() == pytest.approx(float(after), abs=0.02)
    stamp = files[0].stat().st_mtime_ns
    finetune_variant(model, state, base, mine, recipe, 1, tmp_path / "v", export=True)
    assert files[0].stat().st_mtime_ns == stamp  # finished before
    features = ["loss", "logra", "ekfac", "lora" if adaptation == "lora" else "adam"]
    settings = SETTINGS.model_copy(update={"features": features, "logra_rank": 2, "ekfac_windows": 2})
    one = Subject(base / "state_dict.bin", "random", tuple(files))
    lm.load_state_dict(state)
    worker = Worker(model, one, settings, mine)
    rows, fields = worker(mine)
    worker.restore()  # a control that embeds with the base next must not meet the fine-tune
    for name, value in lm.state_dict().items():
        torch.testing.assert_close(value, state[name], atol=0, rtol=0)
    assert set(fields) == {f"{f}/{c}" for f in features for c in (0, 1)} and len(rows) == 2
    assert not np.array_equal(fields["loss/0"], fields["loss/1"])
    absent, needed = ("lora", "lora needs adapters") if adaptation == "full" else ("adam", "adam needs the optimiser")
    with pytest.raises(AttributionError, match=needed):
        Worker(model, one, SETTINGS.model_copy(update={"features": [absent]}))(mine)
    with pytest.raises(AttributionError, match="does not belong to this base"):
        finetune.weights_with(state, {"nowhere": torch.zeros(1)})
    lm.load_state_dict(state)


def test_search_finds_what_is_asked_for(tmp_path, base, model, windows):
    store = filled(tmp_path / "a", base, model, windows[:6])
    rows = store.field("loss", 0)
    exact = search.Search(store)(rows[:3], 2)
    assert [hits[0].row for hits in exact] == [0, 1, 2] and exact[0][0].score > exact[0][1].score
    pytest.importorskip("faiss")
    small = search.Search(store, kind="sq8")
    assert [hits[0].row for hits in small(rows[:3], 2)] == [0, 1, 2]
    filled(tmp_path / "a", base, model, windows)  # a shard is added, older ones keep their index
    again = search.Search(Store(tmp_path / "a"), kind="sq8")
    last = len(Store(tmp_path / "a").rows) - 1
    assert again(Store(tmp_path / "a").field("loss", 0)[[last]], 1)[0][0].row == last


def test_commands_embed_a_folder_and_say_who_made_a_clip(tmp_path, base, folder):
    words = ["generate-training-dataset-parallel", "--input", folder, "--model", base, "--duration", "1"]
    words += ["--output", tmp_path / "training_1.bin", "--window", "0.5", "--dim", "512", "--features", "loss"]
    (tmp_path / "more").mkdir()
    assert "10 rows of 5 songs, 0 skipped" in spintrak([str(w) for w in words])
    said = spintrak(
        ["who-made-this", str(folder / "song3.flac"), "--store", str(tmp_path / "training_1.bin"), "--duration", "1",
         "--prompt", "a song number 3", "--output", str(tmp_path / "answer")]
    )  # fmt: skip
    assert said.splitlines()[1].startswith("song3 ")
    answer = json.loads((tmp_path / "answer" / "answer.json").read_text())
    assert answer[0]["song_id"] == "song3" and answer[0]["low"] < answer[0]["score"] < answer[0]["high"]
    assert (tmp_path / "answer" / "query.flac").is_file() and (tmp_path / "answer" / "1-song3.flac").is_file()
    with pytest.raises(AttributionError, match="take another output"):
        spintrak([str(w) if w != "1" else "0.5" for w in words])
    with pytest.raises(AttributionError, match=r"expected state_dict\.bin"):
        spintrak([str(w) if w is not base else str(folder) for w in words])
    told = Store(tmp_path / "training_1.bin").field("loss", 0)
    words[words.index("--output") + 1] = tmp_path / "mixed.bin"
    spintrak([*map(str, words), "--caption-dropout", "0.5"])
    mixed = Store(tmp_path / "mixed.bin").field("loss", 0)
    assert mixed.shape == told.shape and np.abs(mixed - told).max() > 1e-3 * np.abs(told).max()
    with pytest.raises(AttributionError, match=r"in a share of 0\.5, the new ones in 0; take another output"):
        spintrak([str(w) for w in words])
    with pytest.raises(AttributionError, match="expected a share from 0 to 1"):
        spintrak([*map(str, words), "--caption-dropout", "2"])


def test_processes_and_shards_give_the_same_rows(tmp_path, base, model, folder):
    reference = None
    for place, shards in (("one", 1), ("two", 2)):
        meta = subject(base).meta(model.revision, SETTINGS)
        Store.open(tmp_path / place, meta)
        plan = Plan(tmp_path / place, subject(base), SETTINGS, 1.0, 1)
        ordered = list(reversed(songs(folder))) if shards == 2 else songs(folder)
        for shard in range(shards):
            embed_songs(plan, ordered, 1, shard, shards)
        store = Store(tmp_path / place)
        store.finish()
        if reference is not None:
            np.testing.assert_array_equal(store.field("loss", 0), reference)
        reference = store.field("loss", 0)
    with pytest.raises(AttributionError, match="stands twice"):
        embed_songs(plan, [songs(folder)[0]] * 2)


def test_jobs_share_the_work_and_one_merge_has_the_same_bytes_for_one_two_and_seven(tmp_path, base, model, windows):
    order = [f"song{k}" for k in range(5)]
    some = [w for w in windows if w.song_id != "song1"]  # one that could not be read: groups must not move
    found = {}
    for shards in (1, 2, 7):
        parts = []
        for shard in range(shards):
            stores = tmp_path / f"{shards}/{shard}/stores.json"
            task = Task("songs", subject(base), SETTINGS, some, frozenset(order))
            embed_tasks(model, [task], stores, [], shard, shards, order)
            parts.append(stores)
        assert merge_parts(parts, tmp_path / f"{shards}/merged/stores.json") == {"songs": 8}
        place = tmp_path / f"{shards}/merged"
        found[shards] = {str(p.relative_to(place)): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()}
    assert found[1] == found[2] == found[7] and len(found[1]) == 10
    other = SETTINGS.model_copy(update={"seed": 9})
    strange = tmp_path / "strange/stores.json"
    embed_tasks(model, [Task("songs", subject(base), other, some, frozenset(order))], strange, [], 1, 2, order)
    with pytest.raises(AttributionError, match="cannot be compared"):
        merge_parts([tmp_path / "2/0/stores.json", strange], tmp_path / "mixed/stores.json")


def test_a_job_that_is_repeated_with_other_settings_begins_anew_and_one_with_other_tokens_makes_them_again(
    tmp_path, base, model, windows
):
    def rows(settings, chosen):
        task = Task("songs", subject(base), settings, chosen, frozenset())
        embed_tasks(model, [task], tmp_path / "part/stores.json", [], 0, 1)
        merge_parts([tmp_path / "part/stores.json"], tmp_path / "merged/stores.json")
        return Store(tmp_path / "merged/songs").rows

    first = rows(SETTINGS, windows[:4])
    other = rows(SETTINGS.model_copy(update={"dim": 256}), windows[:4])
    assert list(first.tokens) == list(other.tokens)
    changed = rows(SETTINGS.model_copy(update={"dim": 256}), [replace(windows[0], prompt="another"), *windows[1:4]])
    assert changed.prompt[0] == "another" and len(changed) == 4


def test_held_out_clips_are_what_follows_in_the_song(tmp_path, model, folder):
    scoring = Scoring(headline="gradient_cosine")
    settings = Attribution(seconds=0.5, embedding=SETTINGS, queries=Queries(seconds=0.3), scoring=scoring)
    frame, tokens = queries.held_out(model, songs(folder)[:2], settings, kinds.HELD_OUT, 3, tmp_path / "audio")
    assert list(frame.query_id) == [f"held_out-{s:03d}-{k:03d}" for s in (0, 1) for k in (0, 1)]  # 1.2 s hold two
    assert frame.prompt.isna().all() and list(frame.source) == ["song0"] * 2 + ["song1"] * 2
    whole = tokens_of(model, read_song(folder / "song0.flac", 16000, 1.4))
    np.testing.assert_array_equal(tokens[1], whole[:, 40:55])
    assert all((tmp_path / name).is_file() for name in frame.audio)
    queries.write(tmp_path / "clips.parquet", tmp_path / "tokens.safetensors", frame, tokens, "m")
    again, _ = queries.read(tmp_path / "clips.parquet", tmp_path / "tokens.safetensors")
    assert [w.prompt for w in queries.windows(again, tokens, 0.3, 50.0)] == [None] * 4
    assert kinds.asked_of(again, "songs") == set(frame.query_id) and not kinds.asked_of(again, "pair-0")


@pytest.mark.parametrize("by", ["duration", "prompt"])
def test_results_of_an_experiment_come_from_stored_files_alone(tmp_path, base, folder, by, monkeypatch):
    config = tmp_path / "experiment_1.yaml"
    prompts = "[a song number 0]" if by == "duration" else "[a song number 0, noise]"
    durations = "[0.5, 1.0]" if by == "duration" else "[0.5]"
    config.write_text(
        f"experiment: {{name: experiment_1, models: [{base}], gpu_id: null}}\n"
        f"input: {{prompts: {prompts}, seeds: [42], durations: {durations}}}\n"
        "attribution: {window: 0.5, dim: 512, features: [loss]}\n"
    )
    words = ["generate-training-dataset-parallel", "--input", folder, "--model", base, "--window", "0.5"]
    words += ["--dim", "512", "--features", "loss"]
    stores = []
    for seconds in ("0.5", "1"):
        stores.append(tmp_path / f"training_{seconds}.bin")
        spintrak([str(w) for w in [*words, "--duration", seconds, "--output", stores[-1]]])
    output = run_experiment(config, tmp_path)
    monkeypatch.setattr("sonoscope.attribution.experiments.load_musicgen", None)  # no model from here on
    asked = output / "output_experiment_1"
    assert write_results([asked, *stores], by) == 0
    found = EXPERIMENT.read(output / "results.parquet")
    assert found.query_id.nunique() == 2 and found.song_id.nunique() == 5 and np.isfinite(found.score).all()
    assert (output / "results.csv").is_file() and (output / "results.svg").stat().st_size > 1000
    first = (output / "results.parquet").read_bytes()
    assert write_results([asked, *stores], by) == 0 and (output / "results.parquet").read_bytes() == first
    assert write_results([asked], by) == 2  # the training side is missing
    strange = tmp_path / "strange.bin"
    spintrak([str(w) for w in [*words, "--output", strange, "--projection-seed", "5"]])
    assert write_results([asked, strange], by) == 1  # another projection seed cannot be compared


def test_a_store_of_a_model_that_is_gone_says_so(tmp_path, base, model, windows):
    store = filled(tmp_path / "a", base, model, windows[:2])
    with pytest.raises(AttributionError, match="does not say which model"):
        ask.subject_of(store)
    store.meta["note"] = {"language_model": str(tmp_path / "gone.bin"), "name": "x", "checkpoints": []}
    with pytest.raises(AttributionError, match="no longer there"):
        ask.subject_of(store)


def test_windows_hold_what_the_song_holds(model, folder):
    tokens = tokens_of(model, read_song(folder / "song0.flac", 16000, None))
    assert tokens.shape == (4, 60)
    parts = cut("s", None, tokens, 0.3, model.frame_rate)
    np.testing.assert_array_equal(np.concatenate([w.tokens for w in parts], axis=1), tokens)
