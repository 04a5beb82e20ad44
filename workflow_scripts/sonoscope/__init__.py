"""Sonoscope: methods that look inside generative audio models, and the known world they are first tried on."""

__version__ = "0.1.0"

import atexit
import os
import shutil
import tempfile

_PREFIX = "sonoscope-numba-"


def _own_numba_cache() -> None:
    """Give this process a numba cache of its own, unless the user named one.

    What two processes compile at the same time for one cache (librosa does so at its first use) gets mixed up there,
    and every later process that loads it crashes. A folder inherited from a parent process is not this one's own.
    """
    named = os.environ.get("NUMBA_CACHE_DIR")
    if named and not os.path.basename(named).startswith(_PREFIX):  # noqa: PTH119 (pathlib is slow to import)
        return
    folder = tempfile.mkdtemp(prefix=_PREFIX)
    os.environ["NUMBA_CACHE_DIR"] = folder
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


_own_numba_cache()
