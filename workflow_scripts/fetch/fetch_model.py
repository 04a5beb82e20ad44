"""Bring one published model here, or check the folder that holds it."""

from pathlib import Path

from sonoscope.fetch.models import CACHE, bring, use_in_place
from sonoscope.job import run
from sonoscope.settings.fetch import FetchModel, ModelName


def main(fetched: Path, model: ModelName, settings: FetchModel) -> dict[str, str | None]:
    """Fetch ``model`` into the folder of ``fetched`` and record there where its files are."""
    folder = fetched.parent
    if settings.folder is None:
        record = bring(model, folder, settings.layout)
    else:
        record = use_in_place(model, Path(settings.folder).expanduser(), settings.layout, folder.parent / CACHE)
    record.write(fetched)
    return {"model": record.origin, "revision": record.commit}


if __name__ == "__main__":
    run(main, network=True)
