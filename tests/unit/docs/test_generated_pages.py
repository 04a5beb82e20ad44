import re
from pathlib import Path

import yaml

from sonoscope import reference
from sonoscope.contracts import Table, Tensors
from sonoscope.report.studies import STUDIES
from sonoscope.settings import schema
from sonoscope.settings.root import Settings

ROOT = Path(__file__).resolve().parents[3]
LATER = {"benchmarks.md", "scale.md"}  # written by measurements; the menu leaves out what is not there


def leaves(entries):
    for entry in entries:
        ((_, content),) = entry.items()
        yield from [content] if isinstance(content, str) else leaves(content)


def test_every_setting_stands_in_the_configuration_page_with_its_whole_default():
    page = reference.configuration()
    assert all(f"`{path}`" in page for path, _ in schema.fields(Settings))
    assert " …`" not in page and "## steering" in page


def test_every_contract_and_column_stands_in_its_page():
    page = reference.file_contracts()
    found = [v for m in reference._modules() for v in vars(m).values() if isinstance(v, Table | Tensors)]
    assert len(found) > 40
    for contract in found:
        names = contract.columns if isinstance(contract, Table) else contract.tensors
        assert f"### {contract.name}\n" in page and all(f"`{n}`" in page for n in names)


def test_every_study_has_settings_files_and_definitions():
    definitions = (ROOT / "docs/definitions.md").read_text()
    for study in STUDIES:
        told = reference.of_study(study)
        assert f"`{study}." in told and "| kind of file |" in told and f"## {study.capitalize()}" in definitions
        assert (ROOT / f"docs/studies/{study}.md").is_file()


def test_every_card_is_shown():
    assert reference.models(ROOT).count("\n## ") >= 3


def test_the_menu_holds_every_page_and_nothing_else():
    menu = set(leaves(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    there = {p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")} | set(
        reference.pages(ROOT)
    )
    assert there <= menu and menu - there <= LATER


def test_links_that_leave_the_documentation_become_paths():
    text = "[card](../resources/models/a/README.md) [data](data.md) [net](https://example.org) ![p](../x.png)"
    shown = reference.outside(text, "docs")
    assert shown.startswith("card (`resources/models/a/README.md`) [data](data.md) [net](https://example.org)")


def test_lines_of_the_readme_fit():
    code, long = False, []
    for number, line in enumerate((ROOT / "README.md").read_text().splitlines(), 1):
        code ^= line.startswith("```")
        if len(line) > 120 and not line.startswith("|") and not code:
            long.append(number)
    assert long == []


def test_the_picture_of_the_report_is_small():
    picture = ROOT / "docs" / "pictures" / "report.png"
    assert picture.stat().st_size < 400_000
    assert re.search(r"!\[[^\]]{20,}\]\(docs/pictures/report\.png\)", (ROOT / "README.md").read_text())
