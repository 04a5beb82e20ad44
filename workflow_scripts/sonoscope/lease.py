"""Exclusive use of graphics cards by jobs of one machine, through file locks.

Snakemake counts cards but does not say which one a job may use. A lease does: it locks one file per card and shows
the process only the cards whose files it holds. The kernel frees a lock when the process ends, also when it is killed.
"""

import fcntl
import logging
import os
import tempfile
import time
from pathlib import Path
from typing import IO

logger = logging.getLogger(__name__)

_held: list[IO[str]] = []  # open for the life of the process: closing a file gives its card back


def cards() -> int:
    """Count the NVIDIA cards that this machine, or this container, shows; CUDA is not loaded for it."""
    return len(list(Path("/dev").glob("nvidia[0-9]*")))


def acquire(wanted: int, total: int, folder: Path, poll: float = 1.0) -> list[int]:
    """Wait until ``wanted`` of ``total`` slots are free, and hold them for the life of the process.

    A job that gets only some of the slots it wants gives them back before it waits, so that two jobs that want
    several cards cannot wait for each other.

    Returns
    -------
    list of int
        The slots held, each from 0 to ``total - 1``.

    Raises
    ------
    ValueError
        More slots are wanted than there are.
    """
    if wanted > total:
        raise ValueError(f"the job asks for {wanted} cards, the machine has {total}; lower gpu in the profile")
    folder.mkdir(parents=True, exist_ok=True)
    waiting = False
    while True:
        got: dict[int, IO[str]] = {}
        for slot in range(total):
            file = _try(folder / f"gpu{slot}.lock")
            if file is not None:
                got[slot] = file
            if len(got) == wanted:
                _held.extend(got.values())
                return list(got)
        for file in got.values():
            file.close()
        if not waiting:
            logger.info("waiting for %d of %d cards", wanted, total)
            waiting = True
        time.sleep(poll)


def _try(path: Path) -> IO[str] | None:
    """Give the locked file, or None if somebody else holds it."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    file = os.fdopen(handle, "r+")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def show_leased_cards(wanted: int) -> None:
    """Restrict this process to the cards that its rule declares, unless somebody has chosen already.

    ``CUDA_VISIBLE_DEVICES`` is respected where it is set (SLURM sets it). Otherwise a job without ``gpu`` sees no
    card, and on a machine with several cards a job with ``gpu`` takes a lease.
    """
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        return
    total = cards()
    if wanted == 0:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    elif total > 1:
        slots = acquire(wanted, total, Path(tempfile.gettempdir()) / f"sonoscope-cards-{os.getuid()}")
        os.environ["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID"
        os.environ["CUDA_VISIBLE_DEVICES"] = ",".join(map(str, slots))
        logger.info("leased card %s of %d", os.environ["CUDA_VISIBLE_DEVICES"], total)
