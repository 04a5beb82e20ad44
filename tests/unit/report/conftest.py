import pytest
import synthetic


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The results of a made-up run. Not to be changed."""
    root = tmp_path_factory.mktemp("storage") / "results" / "demo"
    synthetic.make(root, seconds=0.3, prompts=dict(list(synthetic.PROMPTS.items())[:2]))
    synthetic.finish(root)
    return root


@pytest.fixture(scope="session")
def site(run, tmp_path_factory):
    """Its report. Not to be changed."""
    from sonoscope.report.results import Results
    from sonoscope.report.site import build

    folder = tmp_path_factory.mktemp("site") / "report"
    build(folder, Results(run, {"steering": synthetic.SETTINGS}), preset="demo")
    return folder
