"""Model hubs with the layout of huggingface.co: the files of a repository, their sizes and digests.

The endpoint is ``HF_ENDPOINT`` where that is set, as for the hub's own client, so that a mirror serves as well. Files
are asked for at the commit that the revision stands at, so that a push during a download cannot mix two versions.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import requests

from sonoscope.fetch.catalogue import HubModel
from sonoscope.fetch.client import BrokenOff, Client
from sonoscope.fetch.digest import Digest
from sonoscope.fetch.errors import FetchError
from sonoscope.fetch.names import choose, refuse_unsafe
from sonoscope.fetch.transfer import Remote

_ENDPOINT = "https://huggingface.co"


@dataclass(frozen=True)
class Hub:
    """Where the hub is and who asks."""

    endpoint: str = _ENDPOINT
    token: str | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> "Hub":
        """``HF_ENDPOINT`` and ``HF_TOKEN``, read as the hub's own client reads them."""
        endpoint = environment.get("HF_ENDPOINT", "").rstrip("/") or _ENDPOINT
        return cls(endpoint, environment.get("HF_TOKEN") or None)

    @property
    def headers(self) -> dict[str, str]:
        """Who asks."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


@dataclass(frozen=True)
class Listing:
    """The wanted files of a repository at one commit."""

    commit: str
    files: Mapping[str, Remote]


def listing(client: Client, hub: Hub, model: HubModel) -> Listing:
    """Ask the hub for the wanted files of ``model``.

    Raises
    ------
    FetchError
        The hub does not know the repository or revision, answers in another form, or lacks a required file.
    """
    url = f"{hub.endpoint}/api/models/{model.repo}/revision/{quote(model.revision, safe='')}"
    content = client.insist(model.repo, lambda: _json(client, url, hub))
    try:
        commit = str(content["sha"])
        names = [str(sibling["rfilename"]) for sibling in content["siblings"]]
    except (KeyError, TypeError):
        raise FetchError(f"{url}: expected the fields sha and siblings, found {str(content)[:120]}") from None
    for name in names:
        refuse_unsafe(name, url)
    wanted = choose(names, model.wanted, url)
    return Listing(commit, {name: _remote(client, hub, model.repo, commit, name) for name in wanted})


def _json(client: Client, url: str, hub: Hub) -> Any:
    with client.ask(url, headers=hub.headers) as response:
        try:
            return response.json()
        except requests.exceptions.JSONDecodeError:
            found = response.text[:80]
            raise FetchError(f"{url}: expected JSON, found {found!r}; is HF_ENDPOINT a model hub?") from None
        except requests.RequestException as error:
            raise BrokenOff(f"{url} broke off ({error})") from error


def _remote(client: Client, hub: Hub, repo: str, commit: str, name: str) -> Remote:
    """Size and digest of one file, from the headers that the hub adds before it redirects to its storage."""
    url = f"{hub.endpoint}/{repo}/resolve/{quote(commit, safe='')}/{quote(name)}"
    answer = client.insist(
        f"{repo} {name}", lambda: client.ask(url, method="HEAD", headers=hub.headers, redirects=False)
    )
    with answer as response:
        headers = response.headers
        redirected = 300 <= response.status_code < 400
        size = headers.get("X-Linked-Size") or ("" if redirected else headers.get("Content-Length", ""))
        digest = Digest.from_etag(headers.get("X-Linked-Etag") or headers.get("ETag", ""))
        return Remote(url, int(size) if size.isdecimal() else None, digest, hub.token)
