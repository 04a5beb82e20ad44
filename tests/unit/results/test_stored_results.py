"""Results load in one line, and every example draws its figure from stored files."""

import runpy
import shutil
from pathlib import Path

import jupytext
import matplotlib as mpl
import miniature_run
import pytest

from sonoscope import results
from sonoscope.errors import SonoscopeError

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "examples" / "notebooks").glob("*.py"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return miniature_run.make(tmp_path_factory.mktemp("storage") / "results" / "mini")


@pytest.fixture(autouse=True)
def storage(run, monkeypatch):
    monkeypatch.setenv("SONOSCOPE_STORAGE", str(run.parents[1]))


def test_all_files_of_a_table_come_as_one_frame_with_their_wildcards(run):
    frame = results.load("mini", "steering/dose_response")
    assert set(frame.experiment) == {"notes-C", "notes-G"} and set(frame.model) == {"tiny"} and len(frame) == 6
    assert len(frame.attrs["files"]) == 2 and frame.attrs["descriptions"]["accuracy"]
    assert results.load(run, "steering/analyse_steering/dose_response").equals(frame)  # the folder, and the long name


def test_wildcards_choose_files():
    assert set(results.load("mini", "steering/dose_response", experiment="notes-G").experiment) == {"notes-G"}
    assert set(results.load("mini", "dynamics/tables").codec) == {"known", "mel-pca-32"}


def test_a_moved_run_still_knows_its_wildcards(run, tmp_path):
    moved = tmp_path / "elsewhere" / "mini"
    moved.parent.mkdir()
    shutil.copytree(run, moved)
    assert set(results.load(moved, "dynamics/tables").codec) == {"known", "mel-pca-32"}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (("mini", "steering/dose_respons"), "did you mean 'steering/dose_response'"),
        (("mini", "steerin/dose_response"), "did you mean 'steering/dose_response'"),
        (("mini", "affect/predictions"), "name one: affect/fit_baselines/predictions, affect/train_heads/predictions"),
        (("mini", "hello/clips"), "studies with tables: affect, attribution, dynamics, interpretability, steering"),
    ],
)
def test_a_wrong_name_says_what_there_is(asked, said):
    with pytest.raises(SonoscopeError) as error:
        results.load(*asked)
    assert said in str(error.value)


def test_a_wrong_run_says_which_there_are():
    with pytest.raises(SonoscopeError, match=r"runs that are there: .*\bmini\b"):  # and those of this checkout
        results.load("minni", "steering/dose_response")


def test_a_wrong_wildcard_says_which_there_are():
    with pytest.raises(SonoscopeError, match="experiment=notes-C; model=tiny, experiment=notes-G"):
        results.load("mini", "steering/dose_response", experiment="notes-D")


def test_a_damaged_file_is_named(run, tmp_path):
    path = tmp_path / "results" / "mini" / "steering" / "analyse_steering" / "bad.parquet"
    path.parent.mkdir(parents=True)
    path.write_text("no table")
    with pytest.raises(SonoscopeError, match=r"bad\.parquet"):
        results.load(tmp_path / "results" / "mini", "steering/bad")


def test_tables_are_listed():
    listing = results.tables("mini").set_index("name")
    assert listing.loc["steering/analyse_steering/dose_response", ["files", "rows"]].tolist() == [2, 6]
    assert "eval_nll" in listing.loc["dynamics/fit_dynamics/tables", "columns"]


def test_no_scorecard_names_its_target():
    with pytest.raises(SonoscopeError, match="snakemake scorecard"):
        results.scalars("mini")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_an_example_draws_its_figure(path, monkeypatch):
    drawn = []
    monkeypatch.setenv("SONOSCOPE_RUN", "mini")
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "show", lambda: drawn.append(plt.gcf()))
    runpy.run_path(str(path))
    assert len(drawn) == 1 and any(ax.has_data() and ax.get_xlabel() for ax in drawn[0].axes)
    plt.close("all")
    notebook = jupytext.read(path)
    assert notebook.cells[0].cell_type == "markdown" and len(notebook.cells) >= 3


def test_each_study_has_an_example():
    from sonoscope.report.studies import STUDIES

    assert {p.stem for p in EXAMPLES} == set(STUDIES)
