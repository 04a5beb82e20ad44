"""For all tests: one thread per process, since several run side by side; no deadlines, since machines are shared.

Where SONOSCOPE_ROWS names a file, tests that are marked with the name of a row of the scorecard leave their outcome
there: `make scale`.
"""

import json
import os
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")


def pytest_runtest_makereport(item, call):
    if (file := os.environ.get("SONOSCOPE_ROWS")) is None or call.when != "call":
        return
    path = Path(file)
    rows = json.loads(path.read_text()) if path.exists() else {}
    counted = dict(item.user_properties)
    for mark in item.iter_markers("row"):
        rows[mark.args[0]] = {"value": counted.get("value", 1) if call.excinfo is None else 0, "test": item.nodeid}
    if rows:
        path.write_text(json.dumps(dict(sorted(rows.items())), indent=2) + "\n")
