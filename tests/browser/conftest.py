import os

import gallery
import pytest

from sonoscope.report import browser


@pytest.fixture(scope="session")
def running():
    """A headless Chromium. Without one the tests are skipped, unless SONOSCOPE_REQUIRE_BROWSER=1."""
    problem = browser.obstacle()
    if problem and os.environ.get("SONOSCOPE_REQUIRE_BROWSER") != "1":
        pytest.skip(f"{problem}; SONOSCOPE_REQUIRE_BROWSER=1 makes this an error")
    with browser.started() as found:
        yield found


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    """The gallery of all blocks. Not to be changed."""
    return gallery.make(tmp_path_factory.mktemp("gallery"))


@pytest.fixture
def page(running):
    """An empty page of a fresh profile."""
    context = running.new_context(viewport={"width": 1280, "height": 900})
    yield context.new_page()
    context.close()
