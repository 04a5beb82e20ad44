"""One file over HTTP: resumed where it broke off, checked against its digest, in place only when whole.

The bytes gather in ``<name>.part`` beside the final name; it survives the process and the next one takes it up, which
is why a `replacing` sibling with its random name would not do. ``<name>.part.tag`` keeps the entity tag under which the
bytes came, so that those of two versions never mix (If-Range, RFC 9110 §13.1.5).
"""

import fcntl
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO

import requests

from sonoscope.fetch.client import BROKEN_CONNECTION, BrokenOff, Client, plain
from sonoscope.fetch.digest import Digest
from sonoscope.fetch.errors import FetchError
from sonoscope.fetch.progress import Progress
from sonoscope.logs import size as in_units

logger = logging.getLogger(__name__)

_CHUNK = 1 << 18


@dataclass(frozen=True)
class Remote:
    """A file on a server, and what the server publishes of it."""

    url: str
    size: int | None = None
    """Bytes, or None when the server does not say."""
    digest: Digest | None = None
    token: str | None = None
    """Bearer token, sent to the host of ``url`` only."""


def part_of(path: Path) -> Path:
    """Where the bytes of ``path`` gather until it is whole."""
    return path.with_name(path.name + ".part")


def download(client: Client, remote: Remote, path: Path, label: str) -> None:
    """Bring ``remote`` to ``path``; bytes that an earlier attempt left in ``<path>.part`` are not fetched again.

    Raises
    ------
    FetchError
        The server refuses, the failures do not end, another process fetches the same file, or what came does not
        have the published size or digest (then it is deleted).
    """
    part = part_of(path)
    tag = part.with_name(part.name + ".tag")
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(part, label) as file:
        client.insist(label, lambda: _transfer(client, remote, file, tag, label))
        file.flush()
        os.fsync(file.fileno())
        _verify(remote, part, tag, label)
        part.replace(path)
        tag.unlink(missing_ok=True)
    logger.info("%s: here, %s", label, in_units(path.stat().st_size))


@contextmanager
def _alone(part: Path, label: str) -> Iterator[BinaryIO]:
    """Open ``part`` for appending, as the only process; the kernel frees the lock when the process ends."""
    with part.open("ab+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise FetchError(f"{label}: another process is fetching it into {part}; wait until it is done") from None
        except OSError as error:  # a file system without locks; a second process is then the user's care
            logger.info("%s: no lock on %s (%s)", label, part, error)
        yield file


def _transfer(client: Client, remote: Remote, file: BinaryIO, tag: Path, label: str) -> int:
    """One attempt: append what is missing. Returns the bytes in the file."""
    have = file.seek(0, os.SEEK_END)
    if remote.size is not None and have == remote.size:
        return have
    if remote.size is not None and have > remote.size:
        have = _empty(file)
    try:
        response = client.ask(remote.url, headers=_headers(remote, have, tag), accept=frozenset({416}))
        with response:
            if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                return _beyond_the_end(response, file, have, remote)
            have, total = _place(response, file, have, remote, label)
            tag.write_text(_strong_tag(response), encoding="utf-8")
            have = _append(response, file, have, total, label)
    except BrokenOff as broken:
        raise BrokenOff(str(broken), broken.asked, file.seek(0, os.SEEK_END)) from broken
    if total is not None and have != total:
        raise BrokenOff(f"the connection ended after {have} of {total} bytes", have=have)
    return have


def _headers(remote: Remote, have: int, tag: Path) -> dict[str, str]:
    headers = {"Authorization": f"Bearer {remote.token}"} if remote.token else {}
    if have:
        headers["Range"] = f"bytes={have}-"
        known = tag.read_text(encoding="utf-8") if tag.is_file() else ""
        if known:
            headers["If-Range"] = known
    return headers


def _strong_tag(response: requests.Response) -> str:
    """Return the entity tag, if it vouches for every byte; a weak one must not stand in If-Range."""
    tag = response.headers.get("ETag", "")
    return "" if tag.startswith("W/") else tag


def _beyond_the_end(response: requests.Response, file: BinaryIO, have: int, remote: Remote) -> int:
    """416: either all bytes are here already, or what is here is not a beginning of the file."""
    length = re.fullmatch(r"bytes \*/(\d+)", response.headers.get("Content-Range", ""))
    if remote.size is None and length and int(length[1]) == have:
        return have
    _empty(file)
    raise BrokenOff(f"{remote.url} has no bytes after {have}, so it is fetched from the beginning")


def _place(
    response: requests.Response, file: BinaryIO, have: int, remote: Remote, label: str
) -> tuple[int, int | None]:
    """Where the body belongs, and how long the file will be: ``(offset, total bytes or None)``."""
    length = response.headers.get("Content-Length", "")
    if response.status_code != HTTPStatus.PARTIAL_CONTENT:
        if have:
            logger.warning("%s: the server sends the whole file instead of the rest; starting again", label)
            have = _empty(file)
        return have, int(length) if length.isdecimal() else remote.size
    found = re.fullmatch(r"bytes (\d+)-(\d+)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not found or int(found[1]) != have:
        _empty(file)
        raise BrokenOff(f"{remote.url} sent another range than asked for, so it is fetched from the beginning")
    total = int(found[3]) if found[3] != "*" else remote.size
    if remote.size is not None and total != remote.size:
        _empty(file)
        raise BrokenOff(f"{remote.url} now has {total} bytes instead of {remote.size}")
    return have, total


def _append(response: requests.Response, file: BinaryIO, have: int, total: int | None, label: str) -> int:
    """Write the body as it comes, in whatever pieces it comes, so that a break loses nothing that arrived."""
    progress = Progress(label, total, have)
    while True:
        try:
            block = response.raw.read1(_CHUNK, decode_content=False)
        except BROKEN_CONNECTION as error:
            file.flush()
            raise BrokenOff(f"the connection broke after {have} bytes ({plain(error)})") from error
        if not block:
            file.flush()
            return have
        try:
            file.write(block)
        except OSError as error:
            raise FetchError(f"{label}: {file.name} cannot be written ({error.strerror})") from error
        have += len(block)
        progress.at(have)


def _empty(file: BinaryIO) -> int:
    file.truncate(0)
    file.seek(0)
    return 0


def _verify(remote: Remote, part: Path, tag: Path, label: str) -> None:
    """Compare with the published size and digest; delete what does not fit."""
    size = part.stat().st_size
    problem = ""
    if remote.size is not None and size != remote.size:
        problem = f"expected {remote.size} bytes, found {size}"
    elif remote.digest is not None and (found := remote.digest.of(part)) != remote.digest.value:
        problem = f"expected {remote.digest.algorithm} {remote.digest.value}, found {found}"
    if problem:
        part.unlink()
        tag.unlink(missing_ok=True)
        raise FetchError(f"{label}: {problem} from {remote.url}; the file was deleted, run the same command again")
