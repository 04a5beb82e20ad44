"""Bring one published model here, or link to the folder that holds it."""

from pathlib import Path

from sonoscope.fetch.models import bring, link
from sonoscope.job import run
from sonoscope.settings.fetch import FetchModel, ModelName


def main(fetched: Path, model: ModelName, settings: FetchModel) -> dict[str, str | None]:
    """Bring ``model`` into the folder of ``fetched`` and record there what came from where."""
    folder = fetched.parent
    if settings.folder is None:
        record = bring(model, folder, settings.layout)
    else:
        record = link(model, Path(settings.folder).expanduser(), folder, settings.layout)
    record.write(fetched)
    return {"origin": record.origin, "revision": record.commit}


if __name__ == "__main__":
    run(main, network=True)
