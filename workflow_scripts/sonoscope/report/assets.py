"""Templates, styles and scripts of the pages: where they are, and a digest that changes with them."""

import hashlib
from pathlib import Path

FOLDER = Path(__file__).parent / "pages"


def digest() -> str:
    """Twelve hexadecimal digits of the names and contents of the files.

    They are code that the hash of a script's imports does not see, so the rules add this to it.
    """
    content = hashlib.sha256()
    for path in sorted(FOLDER.iterdir()):
        content.update(path.name.encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return content.hexdigest()[:12]
