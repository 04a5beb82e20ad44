"""What a folder of the user's holds, told without reading a file."""

import hashlib
import json
from pathlib import Path


def state(folder: Path) -> str:
    """Digest of the names, sizes and times of all files below ``folder``; of a single file, of that one.

    The time of a folder says when a name was added or removed in it, and nothing of files that were replaced.

    Parameters
    ----------
    folder : Path
        May be missing, which is a state too.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    files = sorted(p for p in (folder, *folder.rglob("*")) if p.is_file())
    facts = [(p.relative_to(folder).as_posix(), p.stat().st_size, p.stat().st_mtime_ns) for p in files]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
