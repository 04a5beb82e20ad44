"""Compiled code of numba (librosa uses it) that processes hand on to each other, without ever sharing a folder.

Two processes that compile for one cache at the same time mix up each other's files, and every later process that
loads them crashes. So each process has a folder of its own. It starts as a copy of the newest snapshot in the user's
cache, and when the process ends with more than it found, it leaves a new snapshot, which is never changed afterwards.
Without this, every process that listens to audio would spend ten seconds or more on compiling the same functions.
"""

import atexit
import os
import shutil
import tempfile

_OWN = "sonoscope-numba-"
_SNAPSHOT = "snapshot-"
_KEPT = 2
"""Snapshots that stay; a process may still be copying the last but one."""


def use_own_cache() -> None:
    """Give this process a cache of its own, unless the user named one in ``NUMBA_CACHE_DIR``."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named and not os.path.basename(named).startswith(_OWN):  # noqa: PTH119 (pathlib is slow to import)
        return
    own = tempfile.mkdtemp(prefix=_OWN)
    os.environ["NUMBA_CACHE_DIR"] = own
    found = _start_from_snapshot(own)
    atexit.register(_hand_on, own, found, os.getpid())


def snapshot_folder() -> str:
    """Where this user's snapshots stand: ``$XDG_CACHE_HOME/sonoscope/numba``, or ``~/.cache/sonoscope/numba``."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")  # noqa: PTH111, PTH118
    return os.path.join(cache, "sonoscope", "numba")  # noqa: PTH118


def _snapshots() -> list[str]:
    """Paths of the snapshots, oldest first: their names are times."""
    folder = snapshot_folder()
    try:
        return [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if name.startswith(_SNAPSHOT)]  # noqa: PTH118, PTH208
    except OSError:
        return []


def _files(folder: str) -> int:
    return sum(len(names) for _, _, names in os.walk(folder))


def _start_from_snapshot(own: str) -> int:
    """Copy the newest snapshot into ``own``; returns the number of files it has then."""
    snapshots = _snapshots()
    if not snapshots:
        return 0
    try:
        shutil.copytree(snapshots[-1], own, dirs_exist_ok=True)
    except (OSError, shutil.Error):  # removed meanwhile, or unreadable: half a copy must not be used
        shutil.rmtree(own, ignore_errors=True)
        os.makedirs(own, exist_ok=True)  # noqa: PTH103
    return _files(own)


def _hand_on(own: str, found: int, process: int) -> None:
    """Leave ``own`` as a snapshot if more than ``found`` files are in it now, and remove it."""
    if os.getpid() != process:  # a fork that ends is not the owner
        return
    try:
        if _files(own) > found:
            _publish(own)
    except OSError:  # no home to write to, or a full disk: the next process compiles again
        pass
    finally:
        shutil.rmtree(own, ignore_errors=True)


def _publish(own: str) -> None:
    folder = snapshot_folder()
    os.makedirs(folder, mode=0o700, exist_ok=True)  # noqa: PTH103
    snapshots = _snapshots()
    if snapshots and _files(snapshots[-1]) >= _files(own):
        return  # somebody was faster
    copy = tempfile.mkdtemp(dir=folder, prefix="copying-")
    try:
        shutil.copytree(own, copy, dirs_exist_ok=True)
        last = max((int(path.rpartition("-")[2]) for path in snapshots), default=0)
        os.rename(copy, os.path.join(folder, f"{_SNAPSHOT}{last + 1:09d}"))  # noqa: PTH104, PTH118
    except OSError:
        shutil.rmtree(copy, ignore_errors=True)
        raise
    for old in snapshots[: 1 - _KEPT]:
        shutil.rmtree(old, ignore_errors=True)
