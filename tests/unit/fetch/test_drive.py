import io
import zipfile

import pytest

from sonoscope.fetch import catalogue, drive
from sonoscope.fetch.errors import FetchError
from sonoscope.fetch.models import LEDGER, bring
from sonoscope.fetch.transfer import download

WEIGHTS = bytes(range(256)) * 2000


def _zip(**members: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def musetok(server):
    members = {"MuseTok/ckpt/best_tokenizer/model.pt": WEIGHTS, "MuseTok/ckpt/best_generator/model.pt": b"not wanted"}
    server.drive[catalogue.model("musetok").origin] = _zip(**members)
    return server


def test_the_page_that_asks_is_passed_and_the_archive_unpacked(musetok, client, tmp_path):
    musetok.breaks, musetok.break_after = 1, 0  # the first answer is only looked at
    fetched = bring("musetok", tmp_path / "musetok", "audiocraft", client)
    assert [f.name for f in fetched.files] == ["ckpt/best_tokenizer/model.pt"]
    assert (tmp_path / "musetok" / "ckpt/best_tokenizer/model.pt").read_bytes() == WEIGHTS
    assert sorted(p.name for p in (tmp_path / "musetok").iterdir()) == [LEDGER, "ckpt"]
    assert "uuid=a%26b" in musetok.gets("/download")[0].path or "uuid=a&b" in musetok.gets("/download")[0].path


def test_an_archive_that_breaks_off_is_resumed(musetok, client, tmp_path):
    musetok.breaks, musetok.break_after = 3, 100_000  # one for the look at the address, two for the download
    remote = drive.locate(client, catalogue.model("musetok").origin, musetok.url)
    download(client, remote, tmp_path / "a.zip", "a")
    assert [a.range for a in musetok.gets("/download")[-3:]] == [None, "bytes=100000-", "bytes=200000-"]


def test_a_second_call_asks_nothing(musetok, client, tmp_path):
    bring("musetok", tmp_path, "audiocraft", client)
    musetok.asked.clear()
    bring("musetok", tmp_path, "audiocraft", client)
    assert musetok.asked == []


def test_a_quota_page_says_to_come_back(musetok, client, tmp_path):
    musetok.drive_page = "<html><title>Google Drive - Quota exceeded</title>Too many users have viewed</html>"
    with pytest.raises(FetchError, match="too many people"):
        bring("musetok", tmp_path, "audiocraft", client)


def test_a_form_that_leads_elsewhere_is_not_followed(musetok, client, tmp_path):
    musetok.drive_page = '<form id="download-form" action="https://drive.google.com.evil.example/download"></form>'
    with pytest.raises(FetchError, match="not Google's"):
        bring("musetok", tmp_path, "audiocraft", client)


def test_an_archive_without_the_member_is_an_error(musetok, client, tmp_path):
    musetok.drive[catalogue.model("musetok").origin] = _zip(**{"other.pt": b"x"})
    with pytest.raises(FetchError, match=r"expected one member ckpt/best_tokenizer/model.pt, found 0 among other.pt"):
        bring("musetok", tmp_path, "audiocraft", client)


def test_a_damaged_archive_is_deleted(musetok, client, tmp_path):
    content = bytearray(musetok.drive[catalogue.model("musetok").origin])
    content[len(content) // 2] ^= 1  # inside the stored weights: only the CRC knows
    musetok.drive[catalogue.model("musetok").origin] = bytes(content)
    with pytest.raises(FetchError, match="damaged"):
        bring("musetok", tmp_path, "audiocraft", client)
    assert not (tmp_path / "musetok.zip").exists()
