"""What is put into annotations is found in them, and nothing else."""

import numpy as np
import pandas as pd
import pytest

from sonoscope.affect.analysis import correlations, course, one_of_each, selections, styles, summary
from sonoscope.affect.comparing import against, correlation_of, mean_of
from sonoscope.affect.examples import choose
from sonoscope.affect.tally import song_blocks, tally
from sonoscope.contracts import write_json
from sonoscope.contracts.affect import CORRELATIONS, COURSE, SONG_TABLE, STYLES
from sonoscope.report.blocks import Missing
from sonoscope.report.results import Results
from sonoscope.report.sources import differences
from sonoscope.report.studies import affect
from sonoscope.report.studies.affect_words import annotation_text, styles_text
from sonoscope.settings.affect import AnalyseAffect

SETTINGS = AnalyseAffect(least_songs=5, resamples=200, permutations=300)
SONGS, BARS = 90, 20


@pytest.fixture(scope="module")
def songs():
    """Three styles; loud is higher in arousal, nothing differs in valence; tempo goes with arousal."""
    rng = np.random.default_rng(0)
    style = np.arange(SONGS) % 3
    arousal = 0.6 * (style == 0) - 0.2 + 0.2 * rng.standard_normal(SONGS)
    frame = pd.DataFrame({name: np.zeros(SONGS) for name in SONG_TABLE.columns})
    return frame.assign(
        md5=[f"{k:03d}" for k in range(SONGS)],
        name="shard",
        n_bars=BARS,
        valence=0.3 * rng.standard_normal(SONGS),
        arousal=arousal,
        tempo=100 + 50 * arousal,
        velocity=rng.uniform(40, 90, SONGS),
        ood_score=np.where(np.arange(SONGS) < 60, 0.5, 1.5),
        keeps_a_grid=True,
        styles=[[("loud", "soft", "plain")[k]] for k in style],
        title=[f"t{k}" for k in range(SONGS)],
        artist="band",
    )


@pytest.fixture(scope="module")
def bars(songs):
    place = np.tile(np.arange(BARS), SONGS)
    rise = np.where(place < BARS // 2, -0.2, 0.2)
    return pd.DataFrame(
        {
            "md5": np.repeat(songs.md5, BARS).to_numpy(),
            "bar_number": place,
            "valence": np.repeat(songs.valence, BARS).to_numpy(),
            "arousal": np.repeat(songs.arousal, BARS).to_numpy() + rise,
            "thinned": False,
        }
    )


def test_a_planted_style_is_found_and_no_other(songs):
    table = styles(songs, SETTINGS, 0)
    STYLES.check(table)
    rows = table[table.songs == "all"].set_index(["style", "dimension"])
    loud = rows.loc[("loud", "arousal")]
    assert loud.g_low > 1
    assert loud.p_holm < 0.05
    assert (rows.xs("valence", level="dimension").p_holm > 0.05).all()
    assert set(table.songs) == {"all", "trusted"}
    assert "loud" in styles_text(table)
    assert "No style differs from the others in valence" in styles_text(table)


def test_songs_far_from_the_training_songs_are_not_trusted(songs):
    assert len(selections(songs)["trusted"]) == 60


def test_correlations_are_adjusted_and_constants_left_out(songs):
    table = correlations(songs, SETTINGS, 0)
    CORRELATIONS.check(table)
    rows = table[table.songs == "all"].set_index(["dimension", "with_what"])
    assert rows.loc[("arousal", "tempo")].r == pytest.approx(1)
    assert rows.loc[("arousal", "tempo")].p_fdr < 0.05
    assert ("valence", "pitch") not in rows.index
    assert (table.p_fdr >= table.p - 1e-12).all()


def test_the_course_of_songs(bars):
    table = course(tally([bars]), SETTINGS, 0)
    COURSE.check(table)
    rows = table.set_index(["dimension", "part"])
    assert rows.loc[("arousal", 0)].deviation == pytest.approx(-0.2)
    assert rows.loc[("arousal", 9)].deviation == pytest.approx(0.2)
    assert rows.loc[("valence", 5)].deviation == pytest.approx(0)
    assert len(course(tally([bars[bars.bar_number < 5]]), SETTINGS, 0)) == 0


@pytest.mark.parametrize("rows", [7, 20, 333, 10_000])
def test_sums_do_not_depend_on_how_much_is_read_at_once(bars, tmp_path, rows):
    path = tmp_path / "bars.parquet"
    bars.to_parquet(path)
    wanted = set(bars.md5[bars.md5 != "003"])
    blocks = list(song_blocks(path, wanted, rows=rows))
    assert max(map(len, blocks)) <= rows + BARS
    found, whole = tally(blocks), tally([bars[bars.md5.isin(wanted)].reset_index(drop=True)])
    assert (found.bars, found.thinned) == (whole.bars, 0)
    assert np.allclose(found.course, whole.course)
    assert found.course.shape == (SONGS - 1, 2, 10)
    literal = bars[bars.md5 != "003"].arousal
    inside = literal - bars[bars.md5 != "003"].groupby("md5").arousal.transform("mean")
    assert found.share_inside(1) == pytest.approx(inside.var(ddof=0) / literal.var(ddof=0))


def test_with_many_songs_the_normal_approximation_says_what_resampling_says():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(1500) + 0.1
    y = 0.3 * x + rng.standard_normal(1500)
    inside = rng.random(1500) < 0.3
    values = x + 0.12 * inside
    slow, fast = (AnalyseAffect(resamples=2000, permutations=2000, exact_below=n) for n in (2000, 1000))
    resampled, normal = [against(values, inside, s, np.random.default_rng(1)) for s in (slow, fast)]
    assert {k: pytest.approx(v, abs=0.012) for k, v in resampled.items()} == normal
    ranks = [pd.Series(v).rank().to_numpy() for v in (x, y)]
    one, two = (correlation_of(*ranks, s, np.random.default_rng(1)) for s in (slow, fast))
    assert one[:3] == pytest.approx(two[:3], abs=0.01)
    assert mean_of(x, slow, np.random.default_rng(1))[:3] == pytest.approx(mean_of(x, fast, rng)[:3], abs=0.005)


def test_a_title_of_an_artist_counts_once(songs):
    again = songs.head(3).assign(md5=["x", "y", "z"], title=["T0 ", "new", ""])
    found = one_of_each(pd.concat([songs, again], ignore_index=True))
    assert set(found.md5) == {*songs.md5, "y", "z"}


def test_the_summary_speaks(songs, bars):
    found = summary(songs, tally([bars]), 2)
    assert sum(found["quadrants"].values()) == pytest.approx(1)
    assert found["trusted"] == 60
    text = annotation_text(found, "VGMIDI's layout")
    assert "90 songs with 1,800 bars" in text
    assert "2 files could not be annotated" in text


def test_examples_come_from_all_quadrants(songs):
    picked = choose(songs, 4)
    assert len({q for _, q in picked}) == min(4, len({q for _, q in choose(songs, 60)}))
    assert picked == choose(songs, 8)[:4]


def test_without_results_there_is_no_page_and_with_some_it_says_what_is_missing(tmp_path):
    assert affect.build(Results(tmp_path)).sections == ()
    hours = {"hours": {"1": 4.0, "16": 0.25}, "equal_files": 5, "compared_files": 5, "corpus_files": 1_400_000}
    rates = {"events_speedup": 40.0, "files_per_second": 900.0, "bars_per_second": 500.0}
    speed = {**hours, **rates, "corpus_bars_per_file": 95, "corpus_distinct_share": 0.81}
    write_json(tmp_path / "affect/measure_affect/speed.json", speed)
    page = affect.build(Results(tmp_path))
    missing = [b for s in page.sections for b in s.blocks if isinstance(b, Missing)]
    assert missing
    assert {b.target for b in missing} == {"affect"}


def test_sections_by_dotted_path_are_compared_with_today():
    today = {"affect": {"training": {"epochs": 3}, "evaluation": {"level": 0.9}}}
    then = {"settings": {"affect.training": {"epochs": 5}, "affect.evaluation.level": 0.9}}
    found = differences(then, "affect", today)
    assert [(d.setting, d.then, d.now) for d in found] == [("affect.training.epochs", "5", "3")]
