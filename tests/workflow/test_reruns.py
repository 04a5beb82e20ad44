import os

import pytest
from toy import edit, snakemake, would_run

pytestmark = pytest.mark.workflow


def test_comment_docstring_layout_and_touch_rerun_nothing(copy):
    edit(copy, "workflow_scripts/sonoscope/toy/series.py", "# three numbers", "# a few")
    edit(copy, "workflow_scripts/sonoscope/toy/series.py", '"""Count up."""', '"""Count upwards."""\n')
    edit(copy, "workflow_scripts/toy/merge.py", '"""Add them up."""', '"""Sum."""')
    edit(copy, "workflow_scripts/sonoscope/job.py", "done in", "ended in")  # the runner computes nothing
    for path in copy.rglob("*"):
        if path.is_file() and ".snakemake" not in path.parts:
            os.utime(path)
    assert would_run(copy) == {}


def test_library_edit_reruns_its_importers_only(copy):
    edit(copy, "workflow_scripts/sonoscope/toy/total.py", "sum(map(sum, parts))", "sum(map(sum, parts)) + 1")
    assert would_run(copy) == {"merge": 1}
    said = snakemake(copy)
    assert "merge" in said
    edit(copy, "workflow_scripts/sonoscope/toy/series.py", "range(3)", "range(4)")
    assert would_run(copy) == {"make_shard": 4, "merge": 1}


def test_package_init_counts_for_everything_inside(copy):
    edit(copy, "workflow_scripts/sonoscope/toy/__init__.py", '"""Toys."""', '"""Toys."""\nCOUNT = 3\n')
    assert would_run(copy) == {"make_shard": 4, "merge": 1}


def test_swapped_settings_rerun(copy):
    edit(copy, "Snakefile", '{"scale": 1, "offset": 2}', '{"scale": 2, "offset": 1}')
    assert would_run(copy) == {"make_shard": 4, "merge": 1}


def test_another_seed_reruns(copy):
    assert would_run(copy, "--config", "seed=1") == {"make_shard": 4, "merge": 1}
    assert would_run(copy, "--config", "seed=0") == {}


def test_a_file_that_is_replaced_in_a_folder_of_the_users_reruns(copy):
    mine = copy / "mine"
    mine.mkdir()
    (mine / "a.mid").write_bytes(b"one")
    watched = 'state=lambda wildcards: state_of_folder(Path("mine")),\n        code=code("toy/merge")'
    edit(copy, "Snakefile", 'code=code("toy/merge")', watched)
    snakemake(copy)
    assert would_run(copy) == {}
    before = mine.stat().st_mtime_ns
    with (mine / "a.mid").open("wb") as file:
        file.write(b"another")
    assert mine.stat().st_mtime_ns == before  # the folder alone does not tell
    assert would_run(copy) == {"merge": 1}


def test_jobs_use_the_library_of_their_own_workflow(copy, tmp_path):
    """Whatever other checkout the environment knows."""
    other = tmp_path / "other" / "sonoscope"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("raise ImportError('of another checkout')\n")
    edit(copy, "workflow_scripts/sonoscope/toy/total.py", "sum(map(sum, parts))", "sum(map(sum, parts)) + 1")
    snakemake(copy, PYTHONPATH=str(tmp_path / "other"))
