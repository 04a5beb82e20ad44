"""Write down which published models are here, or that none was asked for."""

from pathlib import Path

from sonoscope.fetch.record import overview, read
from sonoscope.files import replacing
from sonoscope.job import run


def main(results: Path, fetched: list[Path]) -> None:
    """Read the records ``fetched``; write ``fetched_models.md`` into ``results``."""
    with replacing(results / "fetched_models.md") as page:
        page.write_text(overview({path.parent: read(path) for path in fetched}), encoding="utf-8")


if __name__ == "__main__":
    run(main)
