"""Content hash of a script and of every project module that it imports.

Snakemake watches the script of a rule, by modification time, and never what the script imports. Rules therefore carry
this hash as a parameter: a change of code anywhere below a script reruns exactly the rules that import it, while
comments, docstrings, layout and modification times rerun nothing.

What the hash does not see: modules imported by name at run time (``importlib``), installed packages (their versions
stand in the provenance), and data files (they are inputs of rules). It is taken from the syntax tree, whose form may
change with the Python version; an upgrade of the interpreter may rerun everything once.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

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
    """Digest of the code in one file, and the project files that it imports. Each file is parsed once per process."""
    tree = ast.parse(path.read_text(encoding="utf-8"), filename=str(path))
    imported = tuple(sorted(set(_imports(tree, path, root)) - {path}))
    _drop_docstrings(tree)
    return hashlib.sha256(ast.dump(tree).encode()).digest(), imported


def _imports(tree: ast.Module, path: Path, root: Path) -> Iterator[Path]:
    package = path.relative_to(root).parent.parts
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [tuple(alias.name.split(".")) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = above + tuple((node.module or "").split(".") if node.module else ())
            names = [base, *((*base, alias.name) for alias in node.names)]
        else:
            continue
        for name in names:
            yield from _files(name, root)


def _files(name: tuple[str, ...], root: Path) -> Iterator[Path]:
    """Files that ``import name`` runs: the module and the ``__init__`` of every package around it."""
    for depth in range(1, len(name) + 1):
        base = root.joinpath(*name[:depth])
        for candidate in (base.with_name(base.name + ".py"), base / "__init__.py"):
            if candidate.is_file():
                yield candidate


def _drop_docstrings(tree: ast.Module) -> None:
    """Remove every statement that is only a string: docstrings, and the sentences under settings and constants."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not _is_text(s)] or [ast.Pass()]  # type: ignore[attr-defined]


def _is_text(statement: ast.AST) -> bool:
    is_constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_constant and isinstance(statement.value.value, str)  # type: ignore[attr-defined]
