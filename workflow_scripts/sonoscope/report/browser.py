"""The pages as a browser has them: what they load, say and weigh, and what axe-core finds of barriers.

Needs Playwright, axe-core (both among the packages for development) and a Chromium of the machine; the report itself
needs none of them.
"""

import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import unescape
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sonoscope.errors import SonoscopeError

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

VARIABLE = "SONOSCOPE_CHROMIUM"
"""The environment variable that names the browser's executable."""

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--autoplay-policy=no-user-gesture-required", "--mute-audio",
)  # fmt: skip
_SERIOUS = ("serious", "critical")
_SOUND = {".flac", ".wav", ".mp3", ".ogg"}


def chromium() -> str | None:
    """Path of the Chromium of this machine: ``$SONOSCOPE_CHROMIUM``, else the first known name on the PATH, or None."""
    named = os.environ.get(VARIABLE, "").strip()
    return named or next((found for name in _NAMES if (found := shutil.which(name))), None)


def obstacle() -> str | None:
    """Why no page can be opened here, in one sentence; None if one can."""
    for module, package in (("playwright", "playwright"), ("axe_playwright_python", "axe-playwright-python")):
        if find_spec(module) is None:
            return f"the package {package} is not installed; `make setup` installs it"
    if chromium() is None:
        return f"no Chromium was found on the PATH; install one or name it in {VARIABLE}"
    return None


@contextmanager
def started() -> Iterator["Browser"]:
    """Start a headless Chromium that talks to nobody.

    Raises
    ------
    SonoscopeError
        A package or the browser is missing.
    """
    problem = obstacle()
    if problem:
        raise SonoscopeError(f"pages cannot be opened: {problem}")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True)
class Visit:
    """What opening one page showed.

    Attributes
    ----------
    seconds
        From the call to the end of its load event.
    requests
        Addresses outside the folder of the site that were asked for.
    errors
        Errors and warnings of its console.
    findings
        Serious and critical findings of axe-core: rule, first element.
    overflow
        Pixels by which the page is wider than the window.
    """

    seconds: float
    requests: tuple[str, ...]
    errors: tuple[str, ...]
    findings: tuple[str, ...]
    overflow: int


def visit(browser: "Browser", path: Path, *, width: int = 1280, dark: bool = False, scan: bool = True) -> Visit:
    """Open a page in a fresh profile and look at it; ``scan`` also runs axe-core in it."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    try:
        page = context.new_page()
        errors, requests = watched(page, path.parent)
        start = time.perf_counter()
        page.goto(path.resolve().as_uri(), wait_until="load")
        seconds = time.perf_counter() - start
        overflow = int(page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth"))
        said, asked = tuple(errors), tuple(requests)  # before the scan, which asks for things of its own
        return Visit(seconds, asked, said, barriers(page) if scan else (), overflow)
    finally:
        context.close()


def watched(page: "Page", site: Path) -> tuple[list[str], list[str]]:
    """Lists that fill with the page's errors and with the addresses outside ``site`` that it asks for."""
    errors: list[str] = []
    requests: list[str] = []
    home = site.resolve().as_uri() + "/"
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("requestfailed", lambda request: errors.append(f"not loaded: {request.url}"))
    page.on("request", lambda r: None if r.url.startswith((home, "data:", "blob:")) else requests.append(r.url))
    return errors, requests


def barriers(page: "Page") -> tuple[str, ...]:
    """Serious and critical findings of axe-core on a page that is open."""
    spec = find_spec("axe_playwright_python")
    assert spec is not None and spec.origin is not None
    page.evaluate((Path(spec.origin).parent / "axe.min.js").read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate("axe.run(document, { resultTypes: ['violations'], preload: false })")
    return tuple(
        f"{finding['id']}: {finding['nodes'][0]['html'][:160]}"
        for finding in found["violations"]
        if finding["impact"] in _SERIOUS
    )


def megabytes(path: Path) -> float:
    """What a page and all that it shows weigh, in 10^6 bytes; sound lies beside it and is loaded only when played."""
    text = path.read_text(encoding="utf-8")
    named = {unescape(a) for a in re.findall(r'<(?:img|script|link)[^>]+(?:src|href)="([^"#]+)"', text)}
    if 'class="chart"' in text:
        named.add("assets/vega.js")  # loaded with the first interactive chart
    files = {path.parent / name for name in named if ":" not in name}
    return (len(text.encode()) + sum(f.stat().st_size for f in files if f.is_file() and f.suffix not in _SOUND)) / 1e6
