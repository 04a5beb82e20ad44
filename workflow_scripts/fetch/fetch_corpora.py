"""Write down which published corpora are here, or that none was asked for."""

from pathlib import Path

from sonoscope.fetch.corpora import overview
from sonoscope.files import replacing
from sonoscope.job import run


def main(results: Path, fetched: list[Path]) -> None:
    """Read the records ``fetched``; write ``fetched_corpora.md`` into ``results``."""
    with replacing(results / "fetched_corpora.md") as page:
        page.write_text(overview(fetched), encoding="utf-8")


if __name__ == "__main__":
    run(main)
