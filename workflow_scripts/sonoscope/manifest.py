"""The diary of a run: ``manifest.jsonl``, one line when a job starts and one when it ends.

A job that was killed has only its first line. Lines are appended by many jobs at once, so each is one single
``write`` to a file that was opened for appending, which the kernel does not interleave. Network file systems promise
this only under a lock, which is taken where there is one.
"""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

NAME = "manifest.jsonl"
"""File name of the diary in the results folder."""


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Append ``line`` as one JSON object on one line, whole even if other jobs append at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n"
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        with contextlib.suppress(OSError):  # some file systems know no locks
            fcntl.lockf(handle, fcntl.LOCK_EX)
        os.write(handle, (_end_of_cut_line(path) + text).encode())
    finally:
        os.close(handle)


def _end_of_cut_line(path: Path) -> str:
    """What ends the last line if a full disk cut it short, so that the next one is not lost with it."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - 1, 0))
        return "" if file.read(1) in (b"", b"\n") else "\n"


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Give the lines of the diary in the order of writing; a line cut short by a full disk is left out."""
    if not path.exists():
        return
    with path.open(encoding="utf-8") as file:
        for text in file:
            try:
                line = json.loads(text)
            except ValueError:
                continue
            if isinstance(line, dict):
                yield line


def attempts(path: Path, rule: str, wildcards: Mapping[str, str], invocation: str) -> int:
    """How often this job was started before by the same call of ``snakemake``."""
    this = ("started", rule, dict(wildcards), invocation)
    found = ((x.get("event"), x.get("rule"), x.get("wildcards"), x.get("invocation")) for x in read(path))
    return sum(x == this for x in found)
