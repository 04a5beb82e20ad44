import hashlib
import os
import random
import subprocess
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sonoscope.fetch import catalogue
from sonoscope.fetch.digest import Digest
from sonoscope.fetch.errors import FetchError
from sonoscope.fetch.names import refuse_unsafe
from sonoscope.fetch.patience import Patience
from sonoscope.fetch.progress import Progress
from sonoscope.fetch.record import overview
from sonoscope.settings.fetch import Fetch, ModelName
from sonoscope.terminal import pages_since


def test_every_name_of_the_settings_is_in_the_catalogue():
    for name in get_args(ModelName):
        for layout in ("audiocraft", "transformers"):
            assert catalogue.model(name, layout).gigabytes > 0
    with pytest.raises(FetchError, match="known are musicgen-small"):
        catalogue.model("musicgen-huge")


def test_what_a_model_needs_comes_first_and_once():
    names = catalogue.with_needs(("musicgen-small", "musicgen-large", "t5-base"))
    assert names == ("t5-base", "encodec_32khz", "musicgen-small", "musicgen-large")
    assert catalogue.with_needs(("musicgen-small",), "transformers") == ("musicgen-small",)


def test_settings_default_to_nothing_and_refuse_unknown_names():
    assert Fetch().models == ()
    with pytest.raises(ValidationError):
        Fetch(models=("musicgen-huge",))
    with pytest.raises(ValidationError):
        Fetch(folders={"musicgen-huge": "/x"})


@given(st.text(alphabet=st.sampled_from(list("ab./\\:C\0\n")), max_size=12))
def test_a_name_that_passes_stays_inside(name):
    try:
        refuse_unsafe(name, "listing")
    except FetchError:
        return
    landed = os.path.normpath(f"/folder/{name}")
    assert landed.startswith("/folder/")


@given(st.integers(1, 40), st.floats(0, 1e4), st.integers(0, 99))
def test_a_pause_never_exceeds_the_longest(failures, asked, seed):
    patience = Patience(first=0.5, longest=20.0)
    pause = patience.pause(failures, random.Random(seed), asked)
    assert min(asked, 20.0) <= pause <= 20.0
    assert patience.pause(failures, random.Random(seed)) <= 0.5 * 2.0 ** (failures - 1)


def test_a_git_blob_digest_is_what_git_says(tmp_path):
    (tmp_path / "file").write_bytes(b"some content\n")
    said = subprocess.run(["git", "hash-object", "file"], cwd=tmp_path, capture_output=True, text=True, check=True)
    digest = Digest.from_etag(f'"{said.stdout.strip()}"')
    assert digest is not None
    assert digest.of(tmp_path / "file") == said.stdout.strip()


def test_which_entity_tags_are_digests(tmp_path):
    assert Digest.from_etag('"d41d8cd98f00b204e9800998ecf8427e"') is None
    assert Digest.from_etag(f'W/"{"a" * 64}"') == Digest("sha256", "a" * 64)
    (tmp_path / "file").write_bytes(b"x")
    assert Digest("sha256", "").of(tmp_path / "file") == hashlib.sha256(b"x").hexdigest()


def test_the_progress_line(caplog):
    now = [0.0]
    progress = Progress("m", 4_000_000_000, start=1_000_000_000, clock=lambda: now[0])
    now[0] = 100.0
    assert progress.line(2_000_000_000) == "m: 2.00 GB of 4.00 GB (50 %) at 10.0 MB/s, 3 min 20 s left"
    assert Progress("m", None, clock=lambda: 0.0).line(5).startswith("m: 5 B at ")


def test_progress_speaks_every_thirty_seconds(caplog):
    caplog.set_level("INFO")
    now = [0.0]
    progress = Progress("m", 100, clock=lambda: now[0])
    for second in range(91):
        now[0] = float(second)
        progress.at(second)
    assert len(caplog.records) == 3


def test_nothing_asked_for_is_said_plainly():
    text = overview({})
    assert "nothing to fetch" in text
    assert "musicgen-large" in text


def test_only_pages_of_this_call_are_shown(tmp_path):
    for name, written in (("old", 100.0), ("new", 300.0)):
        (tmp_path / name).write_text(name)
        os.utime(tmp_path / name, (written, written))
    pages = [tmp_path / name for name in ("old", "new", "absent")]
    assert list(pages_since(200.0, pages)) == ["new"]
