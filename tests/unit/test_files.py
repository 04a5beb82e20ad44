import hashlib
import os

import pytest

from sonoscope.files import replacing, sha256


def test_the_file_appears_whole(tmp_path):
    path = tmp_path / "deep" / "x.json"
    with replacing(path) as temporary:
        assert temporary.suffix == ".json"
        assert temporary.parent == path.parent
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    assert [p.name for p in path.parent.iterdir()] == ["x.json"]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x"]  # noqa: PTH208 (also hidden files)


def test_a_body_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "x"):
        pass


def test_files_get_the_permissions_of_any_new_file(tmp_path):
    with replacing(tmp_path / "x") as temporary:
        temporary.write_text("x")
    (tmp_path / "y").write_text("y")
    assert (tmp_path / "x").stat().st_mode == (tmp_path / "y").stat().st_mode


def test_digest(tmp_path):
    (tmp_path / "x").write_bytes(b"abc" * 100_000)
    assert sha256(tmp_path / "x") == hashlib.sha256(b"abc" * 100_000).hexdigest()


def test_files_are_as_readable_as_the_user_wants(tmp_path):
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("x")
        temporary.chmod(0o600)
    (tmp_path / "plain.txt").write_text("x")
    assert (tmp_path / "a.txt").stat().st_mode == (tmp_path / "plain.txt").stat().st_mode
