"""What the documentation tells to run, runs; and its examples stay short."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "extending.md"
SECTIONS = re.findall(r"^## (.+?)\n.*?```python\n(.*?)```", PAGE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize(("title", "code"), SECTIONS, ids=[t for t, _ in SECTIONS])
def test_an_example_runs_as_it_stands(title, code, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    exec(compile(code, f"extending.md, {title}", "exec"), {"__name__": "example"})


def test_each_kind_has_an_example_of_about_twenty_lines():
    assert [t for t, _ in SECTIONS] == ["A new concept", "A new estimator", "A new corpus", "A new codec"]
    for title, code in SECTIONS:
        lines = [line for line in code.splitlines() if line.strip() and not line.startswith(("import", "from"))]
        assert len(lines) <= 20, (title, len(lines))
