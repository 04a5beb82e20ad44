"""Files on Google Drive: past the page that asks whether to download what was too large for its virus scan."""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin, urlsplit

import requests

from sonoscope.fetch.client import BrokenOff, Client
from sonoscope.fetch.errors import FetchError
from sonoscope.fetch.transfer import Remote

logger = logging.getLogger(__name__)

_ENDPOINT = "https://drive.google.com"
_PAGE_BYTES = 1 << 20  # a page longer than that is not the one that asks


def endpoint(environment: Mapping[str, str] = os.environ) -> str:
    """Tell where Drive is: ``DRIVE_ENDPOINT`` where that is set (a mirror, or a test), else Google's."""
    return environment.get("DRIVE_ENDPOINT", "").rstrip("/") or _ENDPOINT


def locate(client: Client, file_id: str, where: str) -> Remote:
    """Find the address from which the bytes of a public file come; nothing of the file is read.

    Raises
    ------
    FetchError
        The file is gone, private, or over its daily quota.
    """
    url = f"{where}/uc?{urlencode({'export': 'download', 'id': file_id})}"
    return client.insist(f"Google Drive file {file_id}", lambda: _locate(client, url, where))


def _locate(client: Client, url: str, where: str) -> Remote:
    with client.ask(url) as response:
        if "text/html" not in response.headers.get("Content-Type", ""):
            return _remote(response, url)
        page = _read_page(response)
    form = _Form.of(page)
    if not form.action:
        raise FetchError(_reason(page, url))
    target = urljoin(url, form.action)
    if not _trusted(target, where):
        raise FetchError(f"{url} sends the download to {target}, which is not Google's; nothing is fetched")
    target = f"{target}?{urlencode(form.fields)}"
    with client.ask(target) as response:
        if "text/html" in response.headers.get("Content-Type", ""):
            raise FetchError(_reason(_read_page(response), target))
        return _remote(response, target)


def _read_page(response: requests.Response) -> str:
    try:
        return next(response.iter_content(_PAGE_BYTES), b"").decode("utf-8", "replace")
    except requests.RequestException as error:
        raise BrokenOff(f"{response.url} broke off ({error})") from error


def _remote(response: requests.Response, url: str) -> Remote:
    length = response.headers.get("Content-Length", "")
    return Remote(url, int(length) if length.isdecimal() else None)


def _trusted(target: str, where: str) -> bool:
    host = urlsplit(target).hostname or ""
    google = urlsplit(target).scheme == "https" and host.endswith((".google.com", ".googleusercontent.com"))
    return google or urlsplit(target).netloc == urlsplit(where).netloc


def _reason(page: str, url: str) -> str:
    if "Quota exceeded" in page or "Too many users" in page:
        return (
            f"{url}: too many people fetched this file today; try again tomorrow, or name a folder under fetch.folders"
        )
    return f"{url}: expected a file, found a page; it is private or gone, so name a folder under fetch.folders"


@dataclass
class _Form:
    """The form that leads on, with its hidden fields."""

    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, page: str) -> "_Form":
        reader = _FormReader()
        reader.feed(page)
        return reader.form


class _FormReader(HTMLParser):
    """Reads the first form whose action is a download."""

    def __init__(self) -> None:
        super().__init__()
        self.form = _Form()
        self._within = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form" and not self.form.action and "download" in given.get("action", "") + given.get("id", ""):
            self.form.action, self._within = given.get("action", ""), True
        elif tag == "input" and self._within and given.get("type") == "hidden" and given.get("name"):
            self.form.fields[given["name"]] = given.get("value", "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._within = False
