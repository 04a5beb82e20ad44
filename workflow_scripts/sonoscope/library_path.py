"""Which checkout of the library the jobs of a workflow import."""

import os
from pathlib import Path


def own_first(scripts: Path) -> None:
    """Put the folder ``scripts`` first on the path of every Python that this process starts.

    Snakemake appends the folder of a script to the path, and an environment may know the library of another checkout.
    """
    others = [place for place in os.environ.get("PYTHONPATH", "").split(os.pathsep) if place not in ("", str(scripts))]
    os.environ["PYTHONPATH"] = os.pathsep.join([str(scripts), *others])
