import hashlib
import logging

import pytest
from loopback import COMMIT

from sonoscope.fetch.digest import Digest
from sonoscope.fetch.errors import FetchError
from sonoscope.fetch.transfer import Remote, download, part_of

CONTENT = bytes(range(256)) * 4000  # 1,024,000 bytes
DIGEST = Digest("sha256", hashlib.sha256(CONTENT).hexdigest())


@pytest.fixture
def remote(server):
    server.files["some/model/weights.bin"] = CONTENT
    return Remote(f"{server.url}/some/model/resolve/{COMMIT}/weights.bin", len(CONTENT), DIGEST)


def test_a_download_that_breaks_goes_on_where_it_broke(server, client, remote, tmp_path, pauses):
    server.breaks, server.break_after = 3, 200_000
    download(client, remote, tmp_path / "weights.bin", "weights")
    assert (tmp_path / "weights.bin").read_bytes() == CONTENT
    assert [a.range for a in server.asked] == [None, "bytes=200000-", "bytes=400000-", "bytes=600000-"]
    assert sum(a.sent for a in server.asked) == len(CONTENT)  # no byte came twice
    assert len(pauses) == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["weights.bin"]


def test_the_next_process_goes_on_where_this_one_gave_up(server, client, remote, tmp_path):
    server.breaks, server.break_after = 4, 100_000
    with pytest.raises(FetchError, match=r"weights: gave up after 4 failures .* 400000 bytes already here are kept"):
        download(client, remote, tmp_path / "weights.bin", "weights")
    assert not (tmp_path / "weights.bin").exists()
    assert part_of(tmp_path / "weights.bin").stat().st_size == 400_000
    download(client, remote, tmp_path / "weights.bin", "weights")
    assert server.asked[-1].range == "bytes=400000-"
    assert (tmp_path / "weights.bin").read_bytes() == CONTENT


def test_failures_are_forgiven_while_bytes_keep_coming(server, client, tmp_path):
    content = b"x" * (8 << 20)
    server.files["some/model/large.bin"] = content
    server.breaks, server.break_after = 7, 1 << 20  # more breaks than attempts, a mebibyte before each
    remote = Remote(f"{server.url}/some/model/resolve/{COMMIT}/large.bin", len(content))
    download(client, remote, tmp_path / "large.bin", "large")
    assert (tmp_path / "large.bin").stat().st_size == len(content)


def test_a_changed_body_is_refused_and_deleted(server, client, remote, tmp_path):
    server.corrupt = True
    with pytest.raises(FetchError, match=rf"expected sha256 {DIGEST.value}, found .* deleted"):
        download(client, remote, tmp_path / "weights.bin", "weights")
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_ignores_range_means_starting_again(server, client, remote, tmp_path, caplog):
    server.breaks, server.break_after, server.ignore_range = 1, 300_000, True
    with caplog.at_level(logging.WARNING):
        download(client, remote, tmp_path / "weights.bin", "weights")
    assert (tmp_path / "weights.bin").read_bytes() == CONTENT
    assert "starting again" in caplog.text
    assert server.asked[1].range == "bytes=300000-"


def test_bytes_of_two_versions_never_mix(server, client, tmp_path):
    url = f"{server.url}/some/model/resolve/{COMMIT}/weights.bin"
    server.files["some/model/weights.bin"] = b"a" * 1000
    server.breaks, server.break_after = 4, 100
    with pytest.raises(FetchError):
        download(client, Remote(url), tmp_path / "weights.bin", "weights")
    server.files["some/model/weights.bin"] = b"b" * 1000  # no size and no digest are published
    download(client, Remote(url), tmp_path / "weights.bin", "weights")
    assert (tmp_path / "weights.bin").read_bytes() == b"b" * 1000


def test_a_part_that_is_already_whole_needs_no_request(server, client, remote, tmp_path):
    part_of(tmp_path / "weights.bin").write_bytes(CONTENT)
    download(client, remote, tmp_path / "weights.bin", "weights")
    assert server.asked == []


def test_a_part_that_is_whole_is_recognised_without_a_known_size(server, client, remote, tmp_path):
    part_of(tmp_path / "weights.bin").write_bytes(CONTENT)
    download(client, Remote(remote.url), tmp_path / "weights.bin", "weights")
    assert (tmp_path / "weights.bin").read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_dropped(server, client, remote, tmp_path):
    part_of(tmp_path / "weights.bin").write_bytes(CONTENT + b"?")
    download(client, remote, tmp_path / "weights.bin", "weights")
    assert (tmp_path / "weights.bin").read_bytes() == CONTENT


def test_busy_servers_are_given_the_time_they_ask_for(server, client, remote, tmp_path, pauses):
    server.statuses = [503, 429]
    download(client, remote, tmp_path / "weights.bin", "weights")
    assert pauses == [7.0, 7.0]


def test_the_budget_ends_in_one_sentence(server, client, remote, tmp_path, pauses):
    server.statuses = [503] * 9
    with pytest.raises(FetchError) as caught:
        download(client, remote, tmp_path / "weights.bin", "weights")
    assert "gave up after 4 failures in a row" in str(caught.value)
    assert "503" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(pauses) == 3


@pytest.mark.parametrize(
    ("status", "says"), [(404, "does not exist"), (401, "HF_TOKEN"), (403, "terms"), (400, "status 400")]
)
def test_a_refusal_is_not_tried_again(server, client, remote, tmp_path, pauses, status, says):
    server.statuses = [status]
    with pytest.raises(FetchError, match=says):
        download(client, remote, tmp_path / "weights.bin", "weights")
    assert pauses == []


def test_nobody_listening_is_one_sentence(client, tmp_path):
    with pytest.raises(FetchError, match="gave up after 4 failures"):
        download(client, Remote("http://127.0.0.1:9/x"), tmp_path / "x", "x")


def test_two_processes_do_not_write_one_file(server, client, remote, tmp_path):
    import fcntl

    part = part_of(tmp_path / "weights.bin")
    with part.open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(FetchError, match="another process"):
            download(client, remote, tmp_path / "weights.bin", "weights")
