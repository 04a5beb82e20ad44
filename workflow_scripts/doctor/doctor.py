"""Look at this machine and write down what was found."""

from pathlib import Path

from sonoscope.contracts import write_json
from sonoscope.doctor.examination import examine
from sonoscope.doctor.page import write_page
from sonoscope.files import replacing
from sonoscope.job import run


def main(results: Path, downloads: Path) -> None:
    """Examine the machine; write ``doctor.json`` and ``doctor.md`` into ``results``."""
    found = examine([results, downloads])
    write_json(results / "doctor.json", found.as_json())
    with replacing(results / "doctor.md") as page:
        page.write_text(write_page(found), encoding="utf-8")


if __name__ == "__main__":
    run(main)
