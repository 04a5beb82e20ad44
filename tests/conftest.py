"""For all tests: one thread per process, since several run side by side; no deadlines, since machines are shared."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

from hypothesis import settings

settings.register_profile("shared machine", deadline=None)
settings.load_profile("shared machine")
