"""Look at this machine and write down what was found."""

from pathlib import Path

from sonoscope.contracts import write_json
from sonoscope.doctor.examination import examine
from sonoscope.doctor.page import write_page
from sonoscope.files import replacing
from sonoscope.job import run


def main(findings: Path, page: Path, downloads: Path) -> None:
    """Examine the machine whose results lie beside ``findings`` and whose models lie in ``downloads``."""
    found = examine(list(dict.fromkeys((findings.parent, downloads))))
    write_json(findings, found.as_json())
    with replacing(page) as temporary:
        temporary.write_text(write_page(found), encoding="utf-8")


if __name__ == "__main__":
    run(main)
