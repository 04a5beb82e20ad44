"""Digests that a server publishes for its files."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Digest:
    """A published digest of the content: SHA-256, MD5, or the SHA-1 that git gives a blob (small files of a hub)."""

    algorithm: Literal["sha256", "md5", "git-sha1"]
    value: str

    @classmethod
    def from_etag(cls, etag: str) -> "Digest | None":
        """Digest that an entity tag of a model hub stands for: 64 hex digits SHA-256, 40 a git blob, else none."""
        tag = etag.removeprefix("W/").strip('"').lower()
        if re.fullmatch(r"[0-9a-f]{64}", tag):
            return cls("sha256", tag)
        if re.fullmatch(r"[0-9a-f]{40}", tag):
            return cls("git-sha1", tag)
        return None

    def of(self, path: Path) -> str:
        """Compute the digest of ``path`` by this algorithm, hexadecimal."""
        return _git_blob(path) if self.algorithm == "git-sha1" else _plain(path, self.algorithm)


def _plain(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


def _git_blob(path: Path) -> str:
    sha = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(_CHUNK):
            sha.update(block)
    return sha.hexdigest()
