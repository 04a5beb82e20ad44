"""What a call of snakemake shows on the terminal when it ends.

The output of jobs goes to their logs. A rule whose page is meant to be read at once (``doctor``) writes it to a file,
and the process that the user called prints what was written since it began.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path


def pages_since(start: float, pages: Iterable[Path]) -> Iterator[str]:
    """Give the text of those ``pages`` that were written after ``start`` (seconds since the epoch)."""
    for page in pages:
        if page.is_file() and page.stat().st_mtime >= start:
            yield page.read_text(encoding="utf-8")
