import os
import subprocess
import sys
from pathlib import Path

import pytest

from sonoscope import numba_cache

LISTEN = """
import os, sys, sonoscope
from pathlib import Path
own = Path(os.environ["NUMBA_CACHE_DIR"])
print(own, sum(p.is_file() for p in own.rglob("*")))
if sys.argv[1:] == ["listen"]:
    import librosa, numpy
    librosa.util.localmax(numpy.arange(9.0))
"""
LIBRARY = Path(numba_cache.__file__).parents[1]


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return Path(numba_cache.snapshot_folder())


def run(*arguments: str) -> tuple[Path, int]:
    call = [sys.executable, "-c", LISTEN, *arguments]
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"} | {"PYTHONPATH": str(LIBRARY)}
    done = subprocess.run(call, check=True, stdout=subprocess.PIPE, text=True, env=environment)
    folder, count = done.stdout.split()
    return Path(folder), int(count)


def test_a_process_leaves_what_it_compiled_to_the_next(home):
    first, found = run("listen")
    assert found == 0
    assert not first.exists()
    (snapshot,) = home.iterdir()
    compiled = sorted(p.relative_to(snapshot) for p in snapshot.rglob("*.nb?"))
    assert compiled
    second, found = run("listen")
    assert found == len(compiled)
    assert first != second
    assert list(home.iterdir()) == [snapshot]  # nothing new, nothing left


def test_nothing_compiled_leaves_nothing(home):
    run()
    assert not home.exists() or not list(home.iterdir())


def own_cache(tmp_path: Path, name: str, files: int) -> Path:
    folder = tmp_path / name
    folder.mkdir()
    for k in range(files):
        (folder / f"{k}.nbc").write_bytes(bytes([k]))
    return folder


def test_snapshots_never_change_and_old_ones_go(home, tmp_path):
    for n in range(1, 5):
        numba_cache._hand_on(str(own_cache(tmp_path, f"own-{n}", n)), n - 1, os.getpid())
    names = sorted(p.name for p in home.iterdir())
    assert names == ["snapshot-000000003", "snapshot-000000004"]
    assert len(list((home / names[-1]).iterdir())) == 4
    numba_cache._hand_on(str(own_cache(tmp_path, "smaller", 2)), 0, os.getpid())
    assert sorted(p.name for p in home.iterdir()) == names


def test_only_the_owner_hands_on(home, tmp_path):
    folder = own_cache(tmp_path, "own", 3)
    numba_cache._hand_on(str(folder), 0, os.getpid() + 1)
    assert folder.exists()
    assert not home.exists()


def test_a_snapshot_that_cannot_be_read_is_not_used_in_part(home, tmp_path, monkeypatch):
    numba_cache._hand_on(str(own_cache(tmp_path, "own", 3)), 0, os.getpid())
    (home / "snapshot-000000001" / "9.nbc").symlink_to(tmp_path / "gone")
    target = tmp_path / "target"
    target.mkdir()
    assert numba_cache._start_from_snapshot(str(target)) == 0
    assert list(target.iterdir()) == []


def test_a_home_that_cannot_be_written_is_no_error(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    folder = own_cache(tmp_path, "own", 1)
    numba_cache._hand_on(str(folder), 0, os.getpid())
    assert not folder.exists()


def test_a_named_cache_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    numba_cache.use_own_cache()
    assert os.environ["NUMBA_CACHE_DIR"] == str(tmp_path)
