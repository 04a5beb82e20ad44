"""For MkDocs: adds the pages that are written from the code, and leaves out of the menu what is not there yet."""

import sys
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from sonoscope import reference  # noqa: E402


def on_config(config: Any) -> Any:
    """Keep of the menu what has a page."""
    there = {p.relative_to(ROOT / "docs").as_posix() for p in (ROOT / "docs").rglob("*.md")} | set(reference.pages())
    config.nav = [entry for entry in (_kept(e, there) for e in config.nav) if entry]
    return config


def _kept(entry: dict[str, Any], there: set[str]) -> dict[str, Any] | None:
    ((title, content),) = entry.items()
    if isinstance(content, str):
        return entry if content in there else None
    own = [e for e in (_kept(e, there) for e in content) if e]
    return {title: own} if own else None


def on_files(files: Files, config: Any) -> Files:
    """Add the generated pages."""
    for path, text in reference.pages().items():
        files.append(File.generated(config, path, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Write links to files of the repository as their paths: the pages stand by themselves."""
    name = Path(page.file.src_uri).stem
    if (
        page.file.src_uri.startswith("studies/")
        and (ROOT / f"workflow_scripts/sonoscope/contracts/{name}.py").is_file()
    ):
        markdown = f"{markdown}\n\n{reference.of_study(name)}\n"
    return reference.outside(markdown, f"docs/{page.file.src_uri}".rpartition("/")[0])
