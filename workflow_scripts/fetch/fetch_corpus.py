"""Bring one subset of LibriSpeech here."""

from pathlib import Path

from sonoscope.contracts import write_json
from sonoscope.fetch.corpora import bring_corpus
from sonoscope.job import run
from sonoscope.settings.fetch import CorpusName


def main(fetched: Path, corpus: CorpusName) -> dict[str, str | int]:
    """Unpack ``corpus`` into the folder of ``fetched`` and record there where it came from."""
    record = bring_corpus(corpus, fetched.parent.parent)
    write_json(fetched, record)
    return record


if __name__ == "__main__":
    run(main, network=True)
