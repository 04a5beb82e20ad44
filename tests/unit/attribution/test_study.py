"""The choice of songs and sets, the judgement, and the page, on tables whose truth is known."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from sonoscope import scorecard
from sonoscope.attribution import scoring, studies
from sonoscope.attribution.errors import AttributionError
from sonoscope.attribution.experiments import draw, read_config, rows_of, wishes_of
from sonoscope.attribution.judge import judge_pairs, judge_songs, score_rows
from sonoscope.attribution.methods import SongScores
from sonoscope.attribution.songs import Window
from sonoscope.attribution.variants import choose, subsets, variants
from sonoscope.audio.files import write_audio
from sonoscope.contracts.attribution import EXPERIMENT, JUDGEMENT, QUERIES, SCORES, TRUTH
from sonoscope.report.results import Results
from sonoscope.report.studies import attribution as page
from sonoscope.settings.attribution import Attribution, Scoring

SETTINGS = Attribution(songs=6, decoys=3, resamples=200, scoring=Scoring(headline="gradient_cosine"))
SONGS = [f"song{k}" for k in range(6)]


def songs(artists=3, each=3):
    rows = [(f"a{a}/s{s}", f"artist{a}") for a in range(artists) for s in range(each)]
    return pd.DataFrame(rows, columns=["song_id", "split_group"])


def test_artists_take_turns_and_their_last_song_is_a_decoy():
    choice = choose(songs(), SETTINGS)
    assert choice.trained == ["a0/s0", "a1/s0", "a2/s0", "a0/s1", "a1/s1", "a2/s1"]
    assert choice.decoys == ["a0/s2", "a1/s2", "a2/s2"]
    assert choice.pairs[0] == ("a0/s0", "a1/s0")
    assert choose(songs().sample(frac=1, random_state=1), SETTINGS) == choice
    with pytest.raises(AttributionError, match="at least 2 to train on"):
        choose(songs(1, 1), SETTINGS)


def test_every_set_of_a_pair_is_trained_and_the_empty_one_once():
    found = variants(choose(songs(), SETTINGS), SETTINGS, 0)
    names = [v.name for v in found if v.part == "pairs"]
    assert len({v.name for v in found}) == len(found)
    assert names == ["pair-0-none-seed0", "pair-0-a-seed0", "pair-0-b-seed0", "pair-0-ab-seed0",
                     "pair-0-a-seed1", "pair-0-b-seed1", "pair-0-ab-seed1"]  # fmt: skip
    halves = [v for v in found if v.part == "subsets"]
    assert len(halves) == 48 and {len(v.songs) for v in halves} == {3}


def test_what_cannot_be_embedded_is_said_before_anything_runs():
    with pytest.raises(ValueError, match="adam needs full fine-tunes"):
        Attribution.model_validate({"finetune": {"adaptation": "lora"}})
    chosen = {"finetune": {"adaptation": "lora"}, "embedding": {"features": ["loss", "lora"]}}
    with pytest.raises(ValueError, match=r"scoring\.headline: adam_cosine needs adam"):
        Attribution.model_validate(chosen)
    chosen["scoring"] = {"headline": "gradient_cosine"}
    assert Attribution.model_validate(chosen).embedding.features == ["loss", "lora"]


def test_subsets_do_not_depend_on_their_number():
    assert subsets(SONGS, 3, 0.5, 1) == subsets(SONGS, 8, 0.5, 1)[:3]
    assert len({*subsets(SONGS, 40, 0.5, 1)}) > 10


@pytest.fixture
def tables():
    """Twelve clips whose truth is additive: the method "gradient_cosine" knows it, "random" does not."""
    rng = np.random.default_rng(0)
    asked = pd.DataFrame(
        {"query_id": [f"q{k:02d}" for k in range(12)], "kind": ["songs"] * 6 + ["held_out"] * 6,
         "source": [SONGS[k % 6] for k in range(12)],
         "prompt": "x", "seed": range(12), "seconds": 2.0, "audio": [f"audio/q{k:02d}.flac" for k in range(12)]}
    )  # fmt: skip
    every = [*SONGS, "decoy"]
    worth = rng.random((12, 7)) * 0.5
    worth[np.arange(12), np.arange(12) % 6] += 1
    worth[:, 6] = -0.1
    values = []
    for number, members in enumerate(subsets(SONGS, 12, 0.5, 0)):
        for seed in range(2):
            total = worth[:, [SONGS.index(s) for s in members]].sum(1) + rng.standard_normal(12) * 0.01
            about = {"set": f"subset-{number:03d}", "seed": seed, "songs": list(members)}
            values += [{**about, "query_id": q, "value": v} for q, v in zip(asked.query_id, total, strict=True)]
    zeros = np.zeros((12, 7))
    scores = scoring.table_of(
        {
            "gradient_cosine": (list(asked.query_id), SongScores(every, worth, worth, zeros.astype(int))),
            "random": (list(asked.query_id), SongScores(every, rng.random((12, 7)), zeros, zeros.astype(int))),
            "legacy": (list(asked.query_id), SongScores(every, zeros + 0.5, zeros, zeros.astype(int))),
            "caption": (list(asked.query_id), SongScores(every, rng.random((12, 7)), zeros, zeros.astype(int))),
        },
        set(SONGS),
    )
    return scores, asked, pd.DataFrame(values)


def test_the_judgement_finds_what_knows_the_truth(tables, tmp_path):
    scores, asked, values = tables
    SCORES.check(scores)
    TRUTH.check(values)
    table = pd.DataFrame(judge_songs(scores, asked, values, SETTINGS, 0))
    JUDGEMENT.check(table)
    found = table.set_index(["method", "measure"]).value
    assert found["gradient_cosine", "lds"] > 0.9 > 0.5 > abs(found["random", "lds"])
    assert found["gradient_cosine", "auroc"] == found["gradient_cosine", "top1"] == 1
    assert found["gradient_cosine", "decoy_auroc"] == 1 and found["truth", "noise_ceiling"] > 0.9
    assert found["legacy", "lds"] == 0 and found["legacy", "query_correlation"] == 1
    assert found["gradient_cosine", "lds.held_out"] > 0.9 and found["gradient_cosine", "auroc.held_out"] == 1
    assert found["caption", "headline_beyond"] > 0.5 and found["gradient_cosine", "headline"] == 1
    rows = {r.name: r for r in score_rows(table, SETTINGS, ["x"])}
    assert rows["attribution.lds.gradient_cosine"].met and rows["attribution.auroc.gradient_cosine"].met
    assert rows["attribution.lds.legacy"].target is None
    assert rows["attribution.lds_beyond_similarity"].met and rows["attribution.lds_gain"].low > 0
    assert rows["attribution.lds_held_out.gradient_cosine"].value > 0.9
    assert rows["attribution.query_correlation.gradient_cosine"].met
    scorecard.write(tmp_path / "scorecard.json", rows.values())


def test_pairs_are_judged_by_exact_values():
    asked = pd.DataFrame({"query_id": ["q0", "q1"], "prompt": "x", "kind": "pair-0"})
    values = {"none": [0.0, 0.0], "a": [1.0, 0.1], "b": [0.1, 1.0], "ab": [1.1, 1.1]}
    rows = [
        {"set": f"pair-0-{k}", "seed": 0, "songs": [], "query_id": q, "value": v[i]}
        for k, v in values.items()
        for i, q in enumerate(asked.query_id)
    ]
    good, bad = np.array([[2.0, 0.5], [0.5, 2.0]]), np.array([[0.5, 2.0], [2.0, 0.5]])
    scores = scoring.table_of(
        {n: (["q0", "q1"], SongScores(["a", "b"], x, x, np.zeros((2, 2), int))) for n, x in (("g", good), ("r", bad))},
        {"a", "b"},
    )
    found = {
        (r["method"], r["measure"]): r["value"] for r in judge_pairs(scores, asked, pd.DataFrame(rows), 0, ("a", "b"))
    }
    assert found["g", "loo_agreement.pair_0"] == 1 and found["g", "shapley_agreement.pair_0"] == 1
    assert found["r", "loo_agreement.pair_0"] == 0
    assert found["g", "within_caption.pair_0"] == 1  # one caption: all that differs are the clips


def test_the_page_says_what_was_found_and_what_is_missing(tables, tmp_path):
    scores, asked, values = tables
    assert page.build(Results(tmp_path)).answer is None
    root = tmp_path / "attribution"
    SCORES.write(root / "score_attribution/m/scores.parquet", scores)
    early = page.build(Results(tmp_path))
    assert [b.kind for s in early.sections for b in s.blocks] == ["missing", "missing"]
    pair = [
        {"method": m, "measure": f"loo_agreement.pair_0{k}", "value": 1.0, "low": 0.5, "high": 1.0, "n": 4}
        for m in ("gradient_cosine", "random")
        for k in ("", ".held_out", ".prompted")
    ]
    table = pd.DataFrame([*judge_songs(scores, asked, values, SETTINGS, 0), *pair])
    JUDGEMENT.write(root / "judge_attribution/m/judgement.parquet", table)
    QUERIES.write(root / "generate_queries/m/clips.parquet", asked)
    for name in asked.audio:
        write_audio(root / "generate_queries/m" / name, np.zeros(800, np.float32), 8000)
    study = page.build(Results(tmp_path))
    assert study.answer is not None and study.answer.verdict == "recovered" and study.highlight is not None
    assert all(row.clips[0].hit for row in study.highlight.rows)
    tables = {b.name: b for s in study.sections for b in s.blocks if b.kind == "table"}
    assert (
        list(tables["m-pairs-table"].data.clips) == ["all"] * 2 + ["of a song's caption"] * 2 + ["real, held out"] * 2
    )
    figures = [b for s in study.sections for b in s.blocks if b.kind == "figure"]
    assert len(figures) == 4 and all(f.draw() is not None for f in figures)


def test_experiments_from_a_file(tmp_path):
    file = tmp_path / "experiment.yaml"
    file.write_text(
        "experiment: {name: experiment_1, models: [m], gpu_id: null}\n"
        "input: {prompts: [a slow song, a slow song on piano], seeds: [42, 43], durations: [2, 4, 6]}\n"
    )
    wishes = wishes_of(read_config(file))
    assert len({w.query_id for w in wishes}) == 12  # prompts that begin alike do not collide
    file.write_text("experiment: {name: x, models: []}\ninput: {prompts: [], seeds: [1], durations: [1], speed: 2}\n")
    with pytest.raises(AttributionError, match=r"experiment\.models.*input\.prompts.*input\.speed"):
        read_config(file)
    parts = [rows_of("1", w, ["a", "b"], np.array([1.0, -1.0])) for w in map(_clip, wishes)]
    frame = pd.concat(parts, ignore_index=True)
    EXPERIMENT.check(frame)
    assert frame.groupby("query_id").share.sum().eq(1).all() and len(draw(frame, "duration").axes) == 1


def _clip(wish):
    return SimpleNamespace(**wish.__dict__)


def test_a_part_of_the_embeddings_settings_keeps_the_default_features():
    part = Attribution.model_validate({"embedding": {"window": 2.0}})
    assert part.embedding.features == Attribution().embedding.features
    assert part.embedding.window == 2.0


def test_likeness_does_not_depend_on_which_songs_are_stored():
    """What is rare is rare among all songs: a pair's store has two of them."""
    rng = np.random.default_rng(0)
    made = {
        f"s{k}#0": Window(f"s{k}", 0, 0.0, 1.0, "x", rng.integers(0, 4, (1, 30)).astype(np.int16)) for k in range(6)
    }
    asked = {"q#0": Window("q", 0, 0.0, 1.0, "x", made["s1#0"].tokens)}
    sound = {key: rng.standard_normal(192) for key in (*made, *asked)}
    material = studies._Material(None, made, asked, sound, {})

    def scores(method, *stored):
        rows = pd.DataFrame({"song_id": stored, "segment": 0})
        both = SimpleNamespace(rows=rows, asked=pd.DataFrame({"song_id": ["q"], "segment": [0]}))
        return studies._without_embeddings(method, both, material, SETTINGS, 0)

    for method in ("code_ngrams", "log_mel", "caption"):
        whole = scores(method, *(f"s{k}" for k in range(6)))
        assert whole.shape == (1, 6)
        np.testing.assert_array_equal(scores(method, "s4", "s1"), whole[:, [4, 1]])
