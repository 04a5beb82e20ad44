"""What can go wrong with disks, files and people ends in a resumed, equal result or in one clear error."""

import errno
import os
import shutil
import signal
import subprocess
import time

import pytest
from toy import build, command, edit, environment, snakemake

from sonoscope.errors import sentence

pytestmark = pytest.mark.workflow


def outcome(folder):
    """Bytes of what the toy workflow makes, wherever its results lie."""
    toy = folder / "results/demo/toy"
    return {p.relative_to(toy).as_posix(): p.read_bytes() for p in sorted(toy.rglob("*.json"))}


def mount(*words):
    done = subprocess.run(["mount", *words], capture_output=True, text=True)
    return done.returncode == 0


@pytest.fixture
def disk(tmp_path):
    """A file system of its own of a few pages."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if shutil.which("mount") is None or not mount("-t", "tmpfs", "-o", "size=40k", "tmpfs", str(folder)):
        pytest.skip("a small file system cannot be mounted without root")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_room(finished, tmp_path, disk):
    folder = build(tmp_path / "workflow")
    said = snakemake(folder, check=False, SONOSCOPE_STORAGE=str(disk))
    assert "disk is full" in said
    assert "finished work is kept" in said
    whole = outcome(finished)
    assert all(whole[name] == content for name, content in outcome(disk).items() if "provenance" not in name)
    assert mount("-o", "remount,size=4m", str(disk))
    snakemake(folder, SONOSCOPE_STORAGE=str(disk))
    assert outcome(disk)["merge/merged.json"] == whole["merge/merged.json"]
    assert outcome(disk).keys() == whole.keys()


def test_a_job_that_may_write_no_more_says_so(finished, tmp_path):
    """The same without root: a limit on the size of files stands for the disk."""
    folder = build(tmp_path / "workflow")
    limit = "import resource\n    resource.setrlimit(resource.RLIMIT_FSIZE, (8, 8))\n    write_json(numbers"
    edit(folder, "workflow_scripts/toy/make_shard.py", "write_json(numbers", limit)
    said = snakemake(folder, "--keep-going", check=False)
    assert "make_shard 0: the disk is full: could not write" in said
    assert not list(folder.rglob("numbers*.json"))
    edit(folder, "workflow_scripts/toy/make_shard.py", limit, "write_json(numbers")
    snakemake(folder)
    assert outcome(folder)["merge/merged.json"] == outcome(finished)["merge/merged.json"]


def test_read_only_results_are_said_before_anything_runs(tmp_path, disk):
    folder = build(tmp_path / "workflow")
    assert mount("-o", "remount,ro", str(disk))
    said = snakemake(folder, check=False, SONOSCOPE_STORAGE=str(disk))
    assert f"{disk}/results/demo: cannot be written to" in said
    assert "SONOSCOPE_STORAGE" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.ENOSPC, "the disk is full: could not write a/b; make room and call again, finished work is kept"),
        (errno.EROFS, "could not write a/b: Read-only file system; SONOSCOPE_STORAGE names another folder for results"),
        (errno.ENOENT, "no such file: a/b"),
    ],
)
def test_errors_of_the_disk_are_sentences(number, said):
    assert sentence(OSError(number, os.strerror(number), "a/b")) == said


def test_an_input_that_vanishes_is_named_and_made_again(finished, tmp_path):
    folder = build(tmp_path / "workflow")
    vanish = "parts[1].unlink()\n    value = total"
    edit(folder, "workflow_scripts/toy/merge.py", "value = total", vanish)
    said = snakemake(folder, check=False)
    assert "merge: no such file: results/demo/toy/make_shard/1/numbers.json" in said
    edit(folder, "workflow_scripts/toy/merge.py", vanish, "value = total")
    snakemake(folder)
    assert outcome(folder) == outcome(finished)


def test_a_corrupt_file_is_named_and_made_again_once_it_is_deleted(finished, copy):
    damaged = copy / "results/demo/toy/make_shard/2/numbers.json"
    damaged.write_bytes(damaged.read_bytes()[:5])
    (copy / "results/demo/toy/merge/merged.json").unlink()
    said = snakemake(copy, check=False)
    assert "results/demo/toy/make_shard/2/numbers.json" in said
    assert "delete the file to have it made again" in said
    damaged.unlink()
    snakemake(copy)
    assert outcome(copy) == outcome(finished)


def test_a_second_driver_is_refused_and_the_first_ends_as_if_alone(finished, tmp_path):
    folder = build(tmp_path / "workflow")
    hold = 'while not Path("go").exists(): time.sleep(0.1)'  # until the second has been refused, however slow it is
    edit(folder, "workflow_scripts/toy/make_shard.py", "time.sleep(60)", hold)
    first = subprocess.Popen(
        command(), cwd=folder, env=environment(TOY_STOP_AFTER="2"), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        limit = time.monotonic() + 120
        logs = folder / "results/demo/logs/toy/make_shard"
        while not any("from below Python" in log.read_text() for log in logs.glob("*.log")):
            assert time.monotonic() < limit and first.poll() is None
            time.sleep(0.05)
        said = snakemake(folder, check=False)
        (folder / "go").touch()
        assert first.wait(120) == 0
    finally:
        if first.poll() is None:
            os.killpg(first.pid, signal.SIGKILL)
            first.wait()
    assert "cannot be locked" in said
    assert outcome(folder)["merge/merged.json"] == outcome(finished)["merge/merged.json"]
