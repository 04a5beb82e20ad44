import sys
from pathlib import Path

import pytest

from sonoscope import codehash, storage

FILES = {
    "study/fit.py": (
        '"""Fit."""\nfrom sonoscope.job import run\nfrom pack.sub import one\n\n\ndef main() -> None:\n    one.go()\n'
    ),
    "study/draw.py": "import pack.plots\n",
    "sonoscope/job.py": "import pack.hidden\n",
    "pack/__init__.py": "",
    "pack/hidden.py": "X = 1\n",
    "pack/plots.py": "COLOUR = 'red'\n",
    "pack/sub/__init__.py": "",
    "pack/sub/one.py": "from . import two\nfrom ..other import f\n\n\ndef go() -> int:\n    return two.K + f()\n",
    "pack/sub/two.py": 'K = 3\n"""A sentence about K."""\n',
    "pack/other.py": "def f() -> int:\n    from pack import late\n\n    return late.V\n",
    "pack/late.py": "V = 1\n",
}


@pytest.fixture(autouse=True)
def cache_folder(tmp_path, monkeypatch):
    """A cache of its own for each test; nothing is written while tests run."""
    monkeypatch.setattr(codehash, "user_cache_dir", lambda name: str(tmp_path / "cache"))
    monkeypatch.setattr(codehash.atexit, "register", lambda *_: None)
    codehash._remembered.cache_clear()
    yield tmp_path / "cache"
    codehash._remembered.cache_clear()


@pytest.fixture
def root(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def fit(root: Path) -> str:
    codehash._read.cache_clear()
    codehash._files.cache_clear()
    return codehash.code_hash(root / "study/fit.py", root)


def test_closure_holds_packages_relative_and_late_imports_but_not_the_runner(root):
    found = {p.relative_to(root).as_posix() for p in codehash.closure(root / "study/fit.py", root)}
    assert found == {
        "study/fit.py",
        *(f"pack/{n}.py" for n in ("__init__", "other", "late", "sub/__init__", "sub/one", "sub/two")),
    }


@pytest.mark.parametrize(
    ("name", "old", "new", "changes"),
    [
        ("pack/late.py", "V = 1", "V = 2", True),
        ("pack/sub/two.py", "K = 3", "K  =  3  # three", False),
        ("pack/sub/two.py", "A sentence", "Another sentence", False),
        ("study/fit.py", '"""Fit."""', '"""Fit it."""\n\n', False),
        ("study/fit.py", "one.go()", "return one.go()", True),
        ("pack/sub/__init__.py", "", "Y = 1", True),
        ("pack/plots.py", "red", "blue", False),
        ("pack/hidden.py", "X = 1", "X = 2", False),
        ("sonoscope/job.py", "import", "import sys\nimport", False),
    ],
)
def test_hash_changes_with_the_code_below_a_script(root, name, old, new, changes):
    before = fit(root)
    path = root / name
    path.write_text(path.read_text().replace(old, new, 1) if old else new)
    assert (fit(root) != before) == changes


def test_moved_code_is_other_code(root):
    before = fit(root)
    (root / "pack/sub/two.py").rename(root / "pack/sub/three.py")
    path = root / "pack/sub/one.py"
    path.write_text(path.read_text().replace("import two", "import three as two"))
    assert fit(root) != before


def test_the_name_of_the_root_does_not_matter(root, tmp_path_factory):
    other = tmp_path_factory.mktemp("other") / "scripts"
    root.rename(other)
    before = fit(other)
    other.rename(root)
    assert fit(root) == before


def test_each_file_is_parsed_once(root, monkeypatch):
    fit(root)
    monkeypatch.setattr(codehash.ast, "parse", None)
    assert codehash.code_hash(root / "study/fit.py", root)


def test_what_was_parsed_is_remembered_by_other_calls(root, cache_folder, monkeypatch):
    before = fit(root)
    file = cache_folder / f"code-{sys.version_info[0]}.{sys.version_info[1]}.json"
    codehash._remember(file, codehash._remembered(), 0)
    codehash._remembered.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(codehash.ast, "parse", None)
        assert fit(root) == before
    file.write_text('{"a": 1}')  # not ours
    codehash._remembered.cache_clear()
    assert fit(root) == before


def test_missing_script_is_named(root):
    with pytest.raises(FileNotFoundError, match=r"nothing\.py"):
        codehash.code_hash(root / "study/nothing.py", root)


def test_runner_modules_exist():
    scripts = storage.WORKFLOW / "workflow_scripts"
    assert all((scripts / name).is_file() for name in codehash.RUNNER)
