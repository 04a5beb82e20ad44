import hashlib
import io
import tarfile

import pytest
from loopback import COMMIT

from sonoscope.fetch.corpora import ARCHIVES, Archive, bring_corpus, endpoint, overview
from sonoscope.fetch.errors import FetchError
from sonoscope.fetch.transfer import part_of
from sonoscope.settings.fetch import CORPUS_NAMES

FILES = {
    "LibriSpeech/SPEAKERS.TXT": b";ID  |SEX| SUBSET           |MINUTES| NAME\n",
    "LibriSpeech/dev-clean/84/121123/84-121123-0000.flac": b"fLaC" * 20_000,
    "LibriSpeech/dev-clean/84/121123/84-121123.trans.txt": b"84-121123-0000 GO DO YOU HEAR\n",
}


def tarball(files, links=()):
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=0) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
        for name, target in links:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = tarfile.SYMTYPE, target
            tar.addfile(member)
    return stream.getvalue()


@pytest.fixture
def offer(server, monkeypatch):
    monkeypatch.setenv("OPENSLR_ENDPOINT", f"{server.url}/openslr/12/resolve/{COMMIT}")
    server.publish_digests = False

    def put(content, md5=None, utterances=1):
        server.files["openslr/12/dev-clean.tar.gz"] = content
        digest = md5 or hashlib.md5(content, usedforsecurity=False).hexdigest()
        return {"dev-clean": Archive(digest, 0.0001, utterances)}

    return put


def test_a_subset_is_fetched_checked_and_unpacked(server, client, offer, tmp_path):
    archives = offer(tarball(FILES))
    server.breaks, server.break_after = 2, 30_000
    record = bring_corpus("dev-clean", tmp_path, client, archives)
    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()} == {
        *(n.removeprefix("LibriSpeech/") for n in FILES),
        ".dev-clean.json",
    }
    assert record["utterances"] == 1 and record["md5"] == archives["dev-clean"].md5
    assert [a.range for a in server.gets("dev-clean")] == [None, "bytes=30000-", "bytes=60000-"]
    asked = len(server.asked)
    assert bring_corpus("dev-clean", tmp_path, client, archives) == record
    assert len(server.asked) == asked  # nothing is fetched twice
    next((tmp_path / "dev-clean").rglob("*.flac")).unlink()
    bring_corpus("dev-clean", tmp_path, client, archives)
    assert len(server.asked) == asked + 1


def test_an_interrupted_process_goes_on(server, client, offer, tmp_path):
    archives = offer(tarball(FILES))
    server.breaks, server.break_after = 4, 10_000
    with pytest.raises(FetchError, match="40000 bytes already here are kept"):
        bring_corpus("dev-clean", tmp_path, client, archives)
    assert part_of(tmp_path / "dev-clean.tar.gz").stat().st_size == 40_000
    bring_corpus("dev-clean", tmp_path, client, archives)
    assert server.asked[-1].range == "bytes=40000-"


def test_a_wrong_archive_is_refused(client, offer, tmp_path):
    archives = offer(tarball(FILES), md5="0" * 32)
    with pytest.raises(FetchError, match=r"expected md5 0{32}, found .* deleted"):
        bring_corpus("dev-clean", tmp_path, client, archives)
    assert not (tmp_path / "dev-clean").exists()


def test_missing_utterances_are_noticed(client, offer, tmp_path):
    with pytest.raises(FetchError, match="expected 5 utterances, found 1"):
        bring_corpus("dev-clean", tmp_path, client, offer(tarball(FILES), utterances=5))
    assert not (tmp_path / "dev-clean").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (tarball({**FILES, "../outside.txt": b"x"}), "would not stay inside its folder"),
        (tarball({**FILES, "/outside.txt": b"x"}), "would not stay inside its folder"),
        (tarball(FILES, [("LibriSpeech/dev-clean/link", "/etc/passwd")]), "neither file nor folder"),
        (tarball({"other/file.flac": b"x"}), "expected LibriSpeech/dev-clean, found other"),
        (b"no archive", "cannot be unpacked"),
        (tarball(FILES)[:5000], "cannot be unpacked"),
    ],
)
def test_hostile_and_damaged_archives_leave_nothing(client, offer, tmp_path, content, reason):
    root = tmp_path / "corpora"
    with pytest.raises(FetchError, match=reason):
        bring_corpus("dev-clean", root, client, offer(content))
    assert not (root / "dev-clean").exists() and not (tmp_path / "outside.txt").exists()


def test_every_known_subset_has_a_digest():
    assert set(ARCHIVES) == set(CORPUS_NAMES)
    assert len({a.md5 for a in ARCHIVES.values()}) == len(ARCHIVES)
    assert all(len(a.md5) == 32 for a in ARCHIVES.values())
    assert endpoint({}) == "https://www.openslr.org/resources/12"


def test_overview(tmp_path):
    assert "--config 'fetch={corpora: [dev-clean]}'" in overview([])
    record = tmp_path / "dev-clean" / "fetched.json"
    record.parent.mkdir()
    record.write_text('{"corpus": "dev-clean", "utterances": 2703}')
    assert overview([record]) == f"dev-clean: 2703 utterances in {record.parent}\n"
