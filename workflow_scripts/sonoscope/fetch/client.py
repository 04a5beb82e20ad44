"""Requests that insist: what may pass is tried again with pauses, what will not is one sentence."""

import logging
import random
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeVar

import requests
import urllib3

from sonoscope.fetch.errors import FetchError
from sonoscope.fetch.patience import Patience
from sonoscope.logs import duration

logger = logging.getLogger(__name__)
T = TypeVar("T")

PROGRESS_BYTES = 1 << 20  # new bytes that make up for earlier failures: a bad line that still yields is not given up
_MAY_PASS = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
BROKEN_CONNECTION = (
    requests.ConnectionError,
    requests.Timeout,
    requests.exceptions.ChunkedEncodingError,
    urllib3.exceptions.HTTPError,
    OSError,
)


class BrokenOff(Exception):  # noqa: N818 (an event to recover from, not an error for the user)
    """A request failed in a way that may pass.

    ``asked`` is how many seconds the server wants to be left alone, ``have`` how many bytes are on disk by now.
    """

    def __init__(self, why: str, asked: float = 0.0, have: int = 0) -> None:
        super().__init__(why)
        self.asked, self.have = asked, have


@dataclass(frozen=True)
class Client:
    """A session with its patience; the source of jitter and the pause are parts, so that tests need not wait."""

    session: requests.Session = field(default_factory=requests.Session)
    patience: Patience = field(default_factory=Patience)
    generator: random.Random = field(default_factory=random.Random)
    sleep: Callable[[float], None] = time.sleep

    def ask(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        method: str = "GET",
        redirects: bool = True,
        accept: frozenset[int] = frozenset(),
    ) -> requests.Response:
        """One request, its body not yet read.

        Raises
        ------
        BrokenOff
            The connection failed, or the server answered with a status that may pass (408, 425, 429, 5xx).
        FetchError
            The server refused for good (and its status is not in ``accept``).
        """
        patience = self.patience
        try:
            response = self.session.request(
                method,
                url,
                headers={"Accept-Encoding": "identity", **(headers or {})},
                timeout=(patience.connect, patience.read),
                stream=True,
                allow_redirects=redirects,
            )
        except (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema) as error:
            raise FetchError(f"{url} is no address: {error}") from None
        except BROKEN_CONNECTION as error:
            raise BrokenOff(f"no answer from {url} ({plain(error)})") from error
        if response.status_code < 400 or response.status_code in accept:
            return response
        response.close()
        raise _refusal(response)

    def insist(self, what: str, attempt: Callable[[], T]) -> T:
        """Call ``attempt`` until it returns, with growing pauses after each `BrokenOff`.

        Raises
        ------
        FetchError
            `Patience.attempts` failures in a row without `PROGRESS_BYTES` of new bytes between them.
        """
        failures, mark = 0, 0
        while True:
            try:
                return attempt()
            except BrokenOff as broken:
                if broken.have >= mark + PROGRESS_BYTES:
                    failures, mark = 0, broken.have
                failures += 1
                if failures >= self.patience.attempts:
                    kept = f"; the {broken.have} bytes already here are kept" if broken.have else ""
                    message = f"{what}: gave up after {failures} failures in a row, the last one: {broken}{kept}"
                    raise FetchError(message + "; run the same command again to go on") from None
                pause = self.patience.pause(failures, self.generator, broken.asked)
                logger.warning("%s: %s; next attempt in %s", what, broken, duration(pause))
                self.sleep(pause)


def plain(error: BaseException) -> str:
    """Find the innermost reason of a chain of network errors, short."""
    text = str(error)
    found = re.findall(r"\[Errno -?\d+\] [^'\")]+|timed out|Read timed out|IncompleteRead\([^)]*\)", text)
    return found[-1] if found else text[:200] or type(error).__name__


def _refusal(response: requests.Response) -> BrokenOff | FetchError:
    """Tell what a status of 400 or more means: wait, or give up with a sentence."""
    status, url = response.status_code, response.url
    if status >= 500 or status in _MAY_PASS:
        wait = response.headers.get("Retry-After", "")
        return BrokenOff(f"{url} answered {status} {response.reason}", float(wait) if wait.isdecimal() else 0.0)
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        advice = "accept its terms on its page and set HF_TOKEN, or name a folder that holds it under fetch.folders"
        return FetchError(f"{url} is not open to everyone (status {status}): {advice}")
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        advice = "it has moved or the revision does not exist; name a folder that holds it under fetch.folders"
        return FetchError(f"{url} does not exist (status {status}): {advice}")
    return FetchError(f"{url} was refused with status {status} {response.reason}")
