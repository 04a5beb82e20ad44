"""Bring one model here, or link to a folder that holds it already."""

import fcntl
import hashlib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sonoscope.fetch import cacheview, drive, space
from sonoscope.fetch.archive import unpack
from sonoscope.fetch.catalogue import DriveModel, HubModel, Model, model
from sonoscope.fetch.client import Client
from sonoscope.fetch.errors import FetchError
from sonoscope.fetch.hub import Hub, listing
from sonoscope.fetch.names import choose, inside
from sonoscope.fetch.record import Fetched, FetchedFile, describe, intact, read
from sonoscope.fetch.transfer import Remote, download, part_of
from sonoscope.logs import size as in_units
from sonoscope.settings.fetch import Layout, ModelName

logger = logging.getLogger(__name__)

LEDGER = ".fetched.json"  # a second copy of the record: a workflow deletes its outputs before it makes them again
CACHE = "hub"  # name of the folder beside those of the models that HF_HUB_CACHE is set to


def bring(name: ModelName, folder: Path, layout: Layout, client: Client | None = None) -> Fetched:
    """Fetch ``name`` into ``folder``; what is there already and intact is not asked for again.

    Returns the record, whose contract is `sonoscope.fetch.record.Fetched`.

    Raises
    ------
    FetchError
        It cannot be fetched; the message says why and what to do.
    """
    source = model(name, layout)
    record = _known(source, folder)
    if record is not None:
        logger.info("%s: already here and intact, %d files", name, len(record.files))
    else:
        client = client or Client()
        logger.info("%s: %s, about %.1f GB, to %s", name, source.about, source.gigabytes, folder)
        with _turn(folder.parent):
            if isinstance(source, HubModel):
                record = _from_hub(name, source, folder, client)
            else:
                record = _from_drive(name, source, folder, client)
        record.write(folder / LEDGER)
    _offer(source, record, folder, folder.parent / CACHE)
    return record


def link(name: ModelName, holding: Path, folder: Path, layout: Layout) -> Fetched:
    """Check that the folder ``holding`` has the files of ``name``, and link to them from ``folder``.

    Raises
    ------
    FetchError
        The folder or a file in it is missing.
    """
    source = model(name, layout)
    here = f"fetch.folders.{name}: {holding.absolute()}"
    if not holding.is_dir():
        raise FetchError(f"{here}: expected a folder, found none")
    there = [path.relative_to(holding).as_posix() for path in sorted(holding.rglob("*")) if path.is_file()]
    if isinstance(source, HubModel):
        found = {n: n for n in choose(there, source.wanted, here)}
    else:
        found = {m: n for m in source.members for n in there if f"/{n}".endswith(f"/{m}")}
        if len(found) != len(source.members):
            listed = ", ".join(there[:12]) or "nothing"
            raise FetchError(f"{here}: expected {', '.join(source.members)}, found {listed}")
    for ours, theirs in found.items():
        cacheview.link(inside(folder, ours, here), (holding / theirs).absolute(), relative=False)
    files = tuple(describe(folder, n) for n in found)
    logger.info("%s: %d files in %s", name, len(files), holding.absolute())
    record = Fetched(model=name, source="folder", origin=str(holding.absolute()), layout=source.layout, files=files)
    _offer(source, record, folder, folder.parent / CACHE)
    return record


@contextmanager
def _turn(place: Path) -> Iterator[None]:
    """Wait for other downloads to ``place``: together they are no faster, and each would count on the same room."""
    place.mkdir(parents=True, exist_ok=True)
    with (place / ".downloading").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            logger.info("waiting for another download to %s", place)
            fcntl.flock(file, fcntl.LOCK_EX)
        except OSError as error:  # a file system without locks
            logger.info("no lock at %s (%s)", place, error)
        yield


def _known(source: Model, folder: Path) -> Fetched | None:
    """Return the record of an earlier fetch of the same thing, if every file still has its digest."""
    ledger = folder / LEDGER
    if not ledger.is_file():
        return None
    record = read(ledger)
    same = record.origin == source.origin and record.layout == source.layout
    return record if same and intact(record, folder) else None


def _from_hub(name: ModelName, source: HubModel, folder: Path, client: Client) -> Fetched:
    found = listing(client, Hub.from_environment(), source)
    missing = {n: r for n, r in found.files.items() if not _there(inside(folder, n, source.repo), r)}
    space.require(folder, _to_come(folder, missing, source.gigabytes), name)
    for n, remote in missing.items():
        download(client, remote, folder / n, f"{name} {n}")
    files = tuple(describe(folder, n, _published(remote), remote.url) for n, remote in found.files.items())
    logger.info("%s: %s in %d files at %s", name, in_units(sum(f.size for f in files)), len(files), found.commit)
    return Fetched(
        model=name,
        source="hub",
        origin=source.origin,
        revision=source.revision,
        commit=found.commit,
        layout=source.layout,
        files=files,
    )


def _from_drive(name: ModelName, source: DriveModel, folder: Path, client: Client) -> Fetched:
    remote = drive.locate(client, source.file_id, drive.endpoint())
    archive = folder / source.archive
    if not _there(archive, remote):
        to_come = _to_come(folder, {source.archive: remote}, source.gigabytes)
        space.require(folder, 2 * to_come, name)  # the archive and what is unpacked from it
        download(client, remote, archive, f"{name} {source.archive}")
    whole = describe(folder, source.archive, url=remote.url)
    names = unpack(archive, source.members, folder)
    logger.info("%s: unpacked %s from an archive with sha256 %s", name, ", ".join(names), whole.sha256)
    archive.unlink()
    files = tuple(describe(folder, n, url=f"{source.archive}, sha256 {whole.sha256}") for n in names)
    return Fetched(model=name, source="drive", origin=source.origin, layout=source.layout, files=files)


def _there(path: Path, remote: Remote) -> bool:
    """Whether ``path`` is what the server has; without a published size there is nothing to go by."""
    if not path.is_file() or remote.size is None or path.stat().st_size != remote.size:
        return False
    return remote.digest is None or remote.digest.of(path) == remote.digest.value


def _to_come(folder: Path, missing: Mapping[str, Remote], gigabytes: float) -> int:
    """Bytes still to be fetched; the catalogue's estimate where the server does not say."""
    here = sum(part_of(folder / n).stat().st_size for n in missing if part_of(folder / n).is_file())
    sizes = [remote.size for remote in missing.values()]
    known = [size for size in sizes if size is not None]
    total = sum(known) if len(known) == len(sizes) else max(sum(known), int(gigabytes * 1e9))
    return max(total - here, 0)


def _published(remote: Remote) -> str | None:
    return f"{remote.digest.algorithm}:{remote.digest.value}" if remote.digest else None


def _offer(source: Model, record: Fetched, folder: Path, cache: Path) -> None:
    """Let libraries find the model by its name; a folder without a commit gets one from its content."""
    if isinstance(source, DriveModel):
        return
    commit = record.commit or _commit_of(record.files)
    for repo in (source.repo, *source.aliases):
        cacheview.offer(cache, repo, source.revision, commit, folder, [file.name for file in record.files])


def _commit_of(files: tuple[FetchedFile, ...]) -> str:
    return hashlib.sha256("".join(sorted(f.name + f.sha256 for f in files)).encode()).hexdigest()[:40]
