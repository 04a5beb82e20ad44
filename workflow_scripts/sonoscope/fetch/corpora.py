"""Published corpora: the subsets of LibriSpeech, from OpenSLR."""

import logging
import os
import shutil
import tarfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from sonoscope.contracts import read_json, write_json
from sonoscope.contracts.errors import ContractError
from sonoscope.fetch import space
from sonoscope.fetch.client import Client
from sonoscope.fetch.digest import Digest
from sonoscope.fetch.errors import FetchError
from sonoscope.fetch.names import inside
from sonoscope.fetch.transfer import Remote, download, part_of
from sonoscope.logs import Progress
from sonoscope.settings.fetch import CORPUS_NAMES, CorpusName

log = logging.getLogger(__name__)

_ENDPOINT = "https://www.openslr.org/resources/12"
_TOP = "LibriSpeech"


class Archive(NamedTuple):
    """What OpenSLR publishes of a subset."""

    md5: str
    gigabytes: float
    """Approximate size of the archive, in 10⁹ bytes; unpacked it is about the same."""
    utterances: int
    """Utterances in it; a check that nothing is missing."""


ARCHIVES: dict[CorpusName, Archive] = {
    "dev-clean": Archive("42e2234ba48799c1f50f24a7926300a1", 0.34, 2703),
    "dev-other": Archive("c8d0bcc9cca99d4f8b62fcc847357931", 0.31, 2864),
    "test-clean": Archive("32fa31d27d2e1cad72775fee3f4849a9", 0.35, 2620),
    "test-other": Archive("fb5a50374b501bb3bac4815ee91d3135", 0.33, 2939),
    "train-clean-100": Archive("2a93770f6d5c6c964bc36631d331a522", 6.4, 28539),
    "train-clean-360": Archive("c0e676e450a7ff2f54aeade5171606fa", 23.0, 104014),
    "train-other-500": Archive("d1a0fd59409feb2c614ce4d30c387708", 30.6, 148688),
}


def endpoint(environment: Mapping[str, str] = os.environ) -> str:
    """Tell where the archives are: ``OPENSLR_ENDPOINT`` where that is set (a mirror, or a test), else OpenSLR."""
    return environment.get("OPENSLR_ENDPOINT", "").rstrip("/") or _ENDPOINT


def bring_corpus(
    name: CorpusName, root: Path, client: Client | None = None, archives: Mapping[CorpusName, Archive] = ARCHIVES
) -> dict[str, str | int]:
    """Download the subset ``name`` and unpack it to ``root/name``, with SPEAKERS.TXT and its like in ``root``.

    A download that broke off goes on; the archive's MD5 is compared before anything is unpacked; the folder appears
    whole or not at all, and the archive is then deleted.

    Returns
    -------
    dict
        The record: name, address, MD5, SHA-256 of the archive, utterances.

    Raises
    ------
    FetchError
        It cannot be fetched or is not what was published.
    """
    published = archives[name]
    ledger = (
        root / f".{name}.json"
    )  # a second copy of the record: a workflow deletes outputs before it makes them again
    known = _known(ledger, root / name, published)
    if known is not None:
        log.info("%s: already here, %s utterances", name, known["utterances"])
        return known
    client = client or Client()
    url = f"{endpoint()}/{name}.tar.gz"
    archive = root / f"{name}.tar.gz"
    partial = part_of(archive)
    here = partial.stat().st_size if partial.is_file() else 0
    space.require(root, int(2e9 * published.gigabytes) - here, name)
    log.info("%s: about %.1f GB from %s", name, published.gigabytes, url)
    digest = Digest("md5", published.md5)
    if not archive.is_file() or digest.of(archive) != digest.value:
        download(client, Remote(url, digest=digest), archive, name)
    sha256 = Digest("sha256", "").of(archive)
    found = unpack_tar(archive, root, name, published.utterances)
    if found != published.utterances:
        shutil.rmtree(root / name, ignore_errors=True)
        raise FetchError(f"{archive}: expected {published.utterances} utterances, found {found}; nothing was kept")
    archive.unlink()
    record: dict[str, str | int] = {
        "corpus": name,
        "url": url,
        "md5": published.md5,
        "sha256": sha256,
        "utterances": found,
    }
    write_json(ledger, record)
    return record


def unpack_tar(archive: Path, root: Path, subset: str, expected: int) -> int:
    """Unpack ``LibriSpeech/`` of ``archive`` into ``root``; returns the FLAC files of ``subset``, about ``expected``.

    Raises
    ------
    FetchError
        The archive is damaged, or a member would leave its folder.
    """
    staging = root / f".{subset}.unpacking"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    try:
        with tarfile.open(archive, "r|gz") as tar, Progress(expected, "files") as progress:
            for member in tar:
                if not (member.isfile() or member.isdir()):
                    raise FetchError(f"{archive}: {member.name} is neither file nor folder; nothing was unpacked")
                _write_member(tar, member, inside(staging, member.name, str(archive)))
                progress.advance()
    except (tarfile.TarError, EOFError, OSError) as error:
        raise FetchError(f"{archive} cannot be unpacked ({error}); delete it and run the same command again") from None
    top = staging / _TOP
    if not (top / subset).is_dir():
        there = ", ".join(sorted(PurePosixPath(p.name).name for p in staging.iterdir())) or "nothing"
        raise FetchError(f"{archive}: expected {_TOP}/{subset}, found {there}")
    for path in sorted(top.glob("*.TXT")):
        path.replace(root / path.name)
    shutil.rmtree(root / subset, ignore_errors=True)
    (top / subset).replace(root / subset)
    shutil.rmtree(staging)
    return sum(1 for _ in (root / subset).rglob("*.flac"))


def _write_member(tar: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    """Contents alone, no owners or modes; the filters of tarfile are not in every Python 3.11."""
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    content = tar.extractfile(member)
    assert content is not None  # it is a file
    with path.open("wb") as out:
        shutil.copyfileobj(content, out)


def overview(records: list[Path]) -> str:
    """Compose the lines that say which corpora are here, or that none was asked for."""
    if not records:
        return (
            "fetch.corpora is empty, so there is nothing to fetch.\n"
            "Name subsets of LibriSpeech in the configuration, or for one call: "
            "--config 'fetch={corpora: [dev-clean]}'\n"
            f"Known: {', '.join(CORPUS_NAMES)}\n"
        )
    found = [(path, read_json(path)) for path in records]
    return "".join(f"{r['corpus']}: {r['utterances']} utterances in {path.parent}\n" for path, r in found)


def _known(ledger: Path, folder: Path, published: Archive) -> dict[str, str | int] | None:
    """Return the record of an earlier fetch, if all of its files are still there."""
    if not ledger.is_file() or not folder.is_dir():
        return None
    try:
        record: dict[str, str | int] = read_json(ledger)
    except ContractError:
        return None
    here = sum(1 for _ in folder.rglob("*.flac"))
    return record if record.get("md5") == published.md5 and here == record.get("utterances") else None
