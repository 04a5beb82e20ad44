import json

import pytest

from sonoscope import manifest
from sonoscope.remaining import UNKNOWN, Remaining, duration, weights

CALL, EPOCH = "call", 1_700_000_000.0
TIME = "2023-11-14T22:13:20+00:00"


def start(diary, job, rule, call=CALL):
    manifest.append(diary, {"event": "started", "job": job, "rule": rule, "time": TIME, "invocation": call})


def end(diary, job, rule, seconds, event="completed", call=CALL):
    line = {"event": event, "job": job, "rule": rule, "time": TIME, "seconds": seconds, "invocation": call}
    manifest.append(diary, line)


def test_weights_are_those_of_the_run_before_those_that_were_measured_elsewhere(tmp_path):
    measured, diary = tmp_path / "seconds.json", tmp_path / "manifest.jsonl"
    assert weights(measured, diary) == {}
    measured.write_text(json.dumps({"a": 5.0, "b": 7.0}))
    end(diary, "1", "a", 1.0)
    end(diary, "2", "a", 3.0)
    end(diary, "3", "b", 9.0, event="failed")
    assert weights(measured, diary) == {"a": 2.0, "b": 7.0}


def test_a_long_job_counts_for_what_it_costs(tmp_path):
    """Nine of ten jobs are done, and nearly all of the work is left."""
    diary = tmp_path / "manifest.jsonl"
    rules = ["short"] * 9 + ["long"]
    for k in range(9):
        start(diary, str(k), "short")
        end(diary, str(k), "short", 1.0)
    remaining = Remaining(rules, {"short": 1.0, "long": 991.0}, 1, diary, CALL)
    assert remaining.say(9.0, EPOCH) == "9 of 10 jobs done, 0 running, about 17 min left"


@pytest.mark.parametrize(("elapsed", "left"), [(100.0, "10 min"), (1000.0, "66 min")])
def test_the_pace_of_the_call_tells(tmp_path, elapsed, left):
    """100 of 700 seconds of weight took 100 s, or ten times as long."""
    diary = tmp_path / "manifest.jsonl"
    start(diary, "1", "a")
    end(diary, "1", "a", elapsed)
    remaining = Remaining(["a"] * 7, {"a": 100.0}, 1, diary, CALL)
    pace = (60 + elapsed) / 160
    assert remaining.say(elapsed, EPOCH).endswith(f"about {duration(600 * pace)} left")
    assert duration(600 * pace) == left


def test_running_jobs_are_credited_and_other_calls_are_not(tmp_path):
    diary = tmp_path / "manifest.jsonl"
    start(diary, "1", "a")
    start(diary, "2", "a", call="another")
    end(diary, "2", "a", 100.0, call="another")
    start(diary, "3", "a")
    end(diary, "3", "a", 2.0, event="failed")  # it will be tried again, or not; it is no work done
    remaining = Remaining(["a", "new"], {"a": 100.0}, 2, diary, CALL)
    assert remaining.work == 100 + UNKNOWN
    assert remaining.say(0.0, EPOCH + 50).startswith("0 of 2 jobs done, 1 running, ")
    whole, half, late = (Remaining(["a"], {"a": 1e4}, 1, diary, CALL).say(s, EPOCH + s) for s in (0.0, 5e3, 1e6))
    assert whole.endswith("about 2 h 47 min left")
    assert half.endswith("about 83 min left")
    assert "left" in late and not late.endswith("about 10 s left")


def test_durations_are_words():
    assert [duration(s) for s in (0, 44, 89, 90, 700, 5400, 12000)] == [
        "10 s", "40 s", "90 s", "2 min", "12 min", "1 h 30 min", "3 h 20 min",
    ]  # fmt: skip
