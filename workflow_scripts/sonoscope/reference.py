"""Pages of the documentation that are written from the code: configuration, file contracts, model cards."""

import importlib
import pkgutil
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from sonoscope import contracts, storage
from sonoscope.contracts import Table, Tensors
from sonoscope.settings import schema


def pages(root: Path = storage.WORKFLOW) -> dict[str, str]:
    """Give the generated pages: path below ``docs/`` and text in Markdown."""
    return {
        "configuration.md": configuration(),
        "contracts.md": file_contracts(),
        "models.md": models(root),
        "changelog.md": (root / "CHANGELOG.md").read_text(encoding="utf-8"),
    }


def configuration() -> str:
    """Every setting, one section of the configuration under one heading."""
    header, rule, *lines = schema.table(longest=None).splitlines()
    parts: dict[str, list[str]] = {}
    for line in lines:
        path = line.split("`", 2)[1]
        parts.setdefault(path.split(".")[0] if "." in path else "Of the whole run", []).append(line)
    text = [
        "# Configuration",
        "`config.yaml` and the files that you name with `--configfile` are checked against this reference, which is "
        "written from the models that check. Settings that you leave out come from the preset, then from here. Wrong "
        "keys and values are all told at once, with their dotted path, what was found, and what was probably meant.",
        "```\nsnakemake --cores 2 --configfile mine.yaml --config run=mine\n```",
    ]
    for name, own in parts.items():
        text.append("\n".join([f"## {name}", "", header, rule, *own]))
    return "\n\n".join(text) + "\n"


def file_contracts() -> str:
    """Every kind of file with declared columns or tensors, by the module that declares it."""
    text = [
        "# File contracts",
        "Each kind of file is declared once in `sonoscope.contracts`, and checked when it is written and when it is "
        "read. Tables are Parquet; units and descriptions stand in the schema of every file. Tensors are safetensors; "
        "axes and units stand in the header.",
    ]
    for module in _modules():
        found = [(n, v) for n, v in vars(module).items() if isinstance(v, Table | Tensors) and not n.startswith("_")]
        if not found:
            continue
        text.append(f"## {module.__name__.rpartition('.')[2].capitalize()}")
        text.append(" ".join((module.__doc__ or "").split("\n\n")[0].split()))
        for constant, contract in found:
            text.append(f"### {contract.name}")
            told = f" {contract.description}" if contract.description else ""
            text.append(f"`{module.__name__}.{constant}`.{told}")
            text.append(_columns(contract) if isinstance(contract, Table) else _tensors(contract))
    return "\n\n".join(text) + "\n"


def models(root: Path) -> str:
    """The cards of the shipped models, one after the other."""
    text = [
        "# The shipped models",
        "Small real models, trained from nothing on the known world, so that everything runs on a CPU with nothing "
        "downloaded. Each card says what the model was trained on, what it learned by measures on its output, and what "
        "it did not learn. `snakemake train_musicgen`, `train_musetok` and `train_speech` train them again.",
    ]
    for card in sorted((root / "resources" / "models").glob("*/README.md")):
        folder = card.parent.relative_to(root).as_posix()
        lowered = re.sub(r"^(#+) ", r"#\1 ", card.read_text(encoding="utf-8"), flags=re.MULTILINE)
        text.append(outside(lowered, folder))
    return "\n\n".join(text) + "\n"


def of_study(name: str) -> str:
    """What the page of every study ends with: its settings, its files, and where its numbers are defined."""
    header, rule, *lines = schema.table().splitlines()
    own = [line for line in lines if line.startswith((f"| `{name}.", f"| `{name}`"))]
    module = importlib.import_module(f"{contracts.__name__}.{name}")
    files = [v for n, v in vars(module).items() if isinstance(v, Table | Tensors) and not n.startswith("_")]
    kinds = ["| kind of file | columns or tensors |", "|---|---|"]
    for contract in files:
        names = contract.columns if isinstance(contract, Table) else contract.tensors
        kinds.append(f"| {contract.name} | {', '.join(f'`{n}`' for n in names)} |")
    return "\n".join(
        [
            "## Settings and files",
            "",
            f"The numbers of this study are defined, with their sources, in [definitions](../definitions.md#{name}). "
            f"Long defaults stand in full in [the configuration](../configuration.md#{name}), types and units of files "
            f"in [the contracts](../contracts.md#{name}). Every figure of the report's page has its own caption, which "
            "says what is shown, what to look for, n, and what the intervals are.",
            "",
            *(['??? note "Settings"', "", *(f"    {line}" for line in (header, rule, *own)), ""] if own else []),
            *['??? note "Files"', "", *(f"    {line}" for line in kinds), ""],
        ]
    )


def outside(markdown: str, folder: str, inside: str = "docs") -> str:
    """Write links that leave the documentation as the path that they name, relative to the repository.

    Parameters
    ----------
    markdown
        Text of a page.
    folder
        Folder of the page, relative to the repository.
    inside
        Folder of the documentation.
    """

    def replaced(found: re.Match[str]) -> str:
        words, address = found[1], found[2]
        if re.match(r"[a-z]+:|#", address):
            return found[0]
        target = posixpath.normpath(posixpath.join(folder, address.partition("#")[0]))
        stays = target.startswith(f"{inside}/")
        return found[0] if stays else f"{words} (`{target}`)" if words.strip("`") != target else f"`{target}`"

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", replaced, markdown)


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(contracts.__path__):
        yield importlib.import_module(f"{contracts.__name__}.{found.name}")


def _columns(contract: Table) -> str:
    lines = ["| column | type | unit | meaning |", "|---|---|---|---|"]
    for name, column in contract.columns.items():
        kind = f"{column.kind}, may be empty" if column.nullable else column.kind
        lines.append("| " + " | ".join(_cell(c) for c in (f"`{name}`", kind, column.unit, column.description)) + " |")
    if contract.key:
        lines.append(f"\nOne row per {', '.join(f'`{k}`' for k in contract.key)}.")
    return "\n".join(lines)


def _tensors(contract: Tensors) -> str:
    lines = ["| tensor | type | axes | unit |", "|---|---|---|---|"]
    for name, tensor in contract.tensors.items():
        cells = (f"`{name}`", tensor.dtype, f"`{' × '.join(tensor.axes)}`", tensor.unit)
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    if contract.header:
        lines.append(f"\nIn the header: {', '.join(f'`{h}`' for h in contract.header)}.")
    return "\n".join(lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
