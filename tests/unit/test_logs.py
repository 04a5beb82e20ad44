import logging

import pytest

from sonoscope import logs


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.42, "0.4 s"), (12.3, "12 s"), (59.9, "60 s"), (185, "3 min 05 s"), (7800, "2 h 10 min")]
)
def test_durations(seconds, text):
    assert logs.duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(12, "12 B"), (1500, "1.5 kB"), (2_340_000, "2.3 MB"), (5e9, "5.00 GB")])
def test_sizes(count, text):
    assert logs.size(count) == text


def test_progress_says_count_rate_and_time_left_every_thirty_seconds(monkeypatch, caplog):
    now = [0.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(logs.sys.stderr, "isatty", lambda: False, raising=False)
    caplog.set_level(logging.INFO, "sonoscope")
    for _ in logs.track(range(100), "clips"):
        now[0] += 1
    assert [r.getMessage() for r in caplog.records] == [
        "30 of 100 clips, 1 per second, 1 min 10 s left",
        "60 of 100 clips, 1 per second, 40 s left",
        "90 of 100 clips, 1 per second, 10 s left",
        "100 of 100 clips, 1 per second in 1 min 40 s",
    ]
