"""Content hash of a script and of every project module that it imports.

Snakemake watches the script of a rule, by modification time, and never what the script imports. Rules therefore carry
this hash as a parameter: a change of code anywhere below a script reruns exactly the rules that import it, while
comments, docstrings, layout and modification times rerun nothing.

What the hash does not see: modules imported by name at run time (``importlib``), installed packages (their versions
stand in the provenance), and data files (they are inputs of rules). It is taken from the syntax tree, whose form may
change with the Python version; an upgrade of the interpreter may rerun everything once.
"""

import ast
import atexit
import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from platformdirs import user_cache_dir

from sonoscope.files import replacing

Parsed = tuple[str, list[tuple[int, str]]]
_MOST = 5000
"""Files that are remembered, the latest ones."""

RUNNER = frozenset({"sonoscope/job.py", "sonoscope/logs.py"})
"""Modules that every script imports but that compute nothing: they carry values to `main`, time it and report.

They, and what is reached through them alone, are left out; else a new word in a log line would rerun a day of work.
"""


def code_hash(script: Path, root: Path) -> str:
    """Twelve hexadecimal digits that change when the code below ``script`` does.

    Parameters
    ----------
    script : Path
        A script below ``root``.
    root : Path
        The folder from which project modules are imported, ``workflow_scripts``.

    Raises
    ------
    FileNotFoundError
        There is no such script.
    """
    root = root.resolve()
    digest = hashlib.sha256()
    for path in closure(script.resolve(), root):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(_read(path, root)[0])
    return digest.hexdigest()[:12]


def closure(script: Path, root: Path) -> list[Path]:
    """``script`` and all project modules that it imports, directly or not, sorted; `RUNNER` is left out."""
    waiting, seen = [script], set[Path]()
    while waiting:
        path = waiting.pop()
        if path in seen or path.relative_to(root).as_posix() in RUNNER:
            continue
        seen.add(path)
        waiting += _read(path, root)[1]
    return sorted(seen)


@cache
def _read(path: Path, root: Path) -> tuple[bytes, tuple[Path, ...]]:
    """Digest of the code in one file, and the project files that it imports. Each file is parsed once per content."""
    digest, names = _parsed(path.read_bytes(), str(path))
    package = path.relative_to(root).parent.parts
    imported: set[Path] = set()
    for level, dotted in names:
        above = package[: len(package) - level + 1] if level else ()
        imported.update(_files(above + tuple(dotted.split(".") if dotted else ()), root))
    return bytes.fromhex(digest), tuple(sorted(imported - {path}))


def _parsed(source: bytes, name: str) -> Parsed:
    """Digest of the code, and what it imports as dots before the name and the name; remembered by content."""
    key = hashlib.sha256(source).hexdigest()[:32]
    remembered = _remembered()
    if key not in remembered:
        tree = ast.parse(source, filename=name)
        names = sorted(set(_imports(tree)))
        _drop_docstrings(tree)
        remembered[key] = hashlib.sha256(ast.dump(tree).encode()).hexdigest(), names
    return remembered[key]


@cache
def _remembered() -> dict[str, Parsed]:
    """What was parsed before, by this call or others: parsing all modules takes longer than planning a run."""
    file = Path(user_cache_dir("sonoscope")) / f"code-{sys.version_info[0]}.{sys.version_info[1]}.json"
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        found = {str(k): (str(d), [(int(level), str(n)) for level, n in names]) for k, (d, names) in kept.items()}
    except (OSError, ValueError, TypeError, AttributeError):  # none yet, or not ours: parse anew
        found = {}
    atexit.register(_remember, file, found, len(found))
    return found


def _remember(file: Path, found: dict[str, Parsed], before: int) -> None:
    if len(found) == before:
        return
    newest = dict(list(found.items())[-_MOST:])
    with contextlib.suppress(OSError), replacing(file) as temporary:  # without a cache it is only slower
        temporary.write_text(json.dumps(newest), encoding="utf-8")


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            yield node.level, base
            yield from ((node.level, f"{base}.{alias.name}" if base else alias.name) for alias in node.names)


@cache
def _files(name: tuple[str, ...], root: Path) -> tuple[Path, ...]:
    """Files that ``import name`` runs: the module and the ``__init__`` of every package around it."""
    found: list[Path] = []
    for depth in range(1, len(name) + 1):
        base = root.joinpath(*name[:depth])
        here = [c for c in (base.with_name(base.name + ".py"), base / "__init__.py") if c.is_file()]
        found += here
        if not here and not base.is_dir():
            break  # not ours, and so is nothing below it
    return tuple(found)


def _drop_docstrings(tree: ast.Module) -> None:
    """Remove every statement that is only a string: docstrings, and the sentences under settings and constants."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not _is_text(s)] or [ast.Pass()]  # type: ignore[attr-defined]


def _is_text(statement: ast.AST) -> bool:
    is_constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_constant and isinstance(statement.value.value, str)  # type: ignore[attr-defined]
