import pytest

from sonoscope.foundation import DryRun, noop_rows, wall_clock, wall_clock_rows


def line(event, second, rule="fit", invocation="a", **wildcards):
    time = f"2026-01-01T00:{second // 60:02d}:{second % 60:02d}.000+00:00"
    return {"event": event, "time": time, "rule": rule, "wildcards": wildcards, "invocation": invocation}


def test_wall_clock_spans_first_start_to_last_end():
    lines = [
        line("started", 10, shard="1"),
        line("started", 11, shard="2"),
        line("completed", 20, shard="2"),
        line("completed", 31, shard="1"),
        line("started", 32, rule="report"),
        line("completed", 99, rule="report"),
    ]
    clock = wall_clock(lines, without=("report",))
    assert (clock.seconds, clock.jobs, clock.invocations) == (21, 2, 1)


def test_resumed_run_adds_its_spans_and_leaves_out_the_pause():
    lines = [
        line("started", 0, shard="1"),
        line("completed", 10, shard="1"),
        line("started", 10, shard="2"),  # killed
        line("started", 1000, invocation="b", shard="2"),
        line("completed", 1015, invocation="b", shard="2"),
    ]
    clock = wall_clock(lines)
    assert (clock.seconds, clock.jobs, clock.invocations) == (25, 2, 2)


def test_a_call_whose_results_were_all_made_again_does_not_count():
    lines = [line("started", 0), line("completed", 500)]
    lines += [line("started", 1000, invocation="b"), line("completed", 1007, invocation="b")]
    assert wall_clock(lines).seconds == 7
    assert wall_clock([line("started", 0)]) is None


def test_noop_rows_give_the_student_interval():
    row, jobs = noop_rows([DryRun(2.0, 0), DryRun(3.0, 0), DryRun(4.0, 0)])
    assert row.value == 3.0
    assert row.high - row.value == pytest.approx(4.302653 / 3**0.5, abs=1e-3)
    assert row.met is True and jobs.met is True
    assert [r.met for r in noop_rows([DryRun(9.0, 0), DryRun(9.0, 2)])] == [False, False]


def test_only_the_demo_has_a_target_for_its_wall_clock():
    clock = wall_clock([line("started", 0), line("completed", 1000)])
    seconds, invocations = wall_clock_rows(clock, "demo")
    assert (seconds.name, seconds.value, seconds.target, seconds.met) == ("foundation.demo_seconds", 1000, 900, False)
    assert (invocations.value, invocations.met) == (1, None)
    assert wall_clock_rows(clock, "tiny")[0].met is None
    assert wall_clock_rows(None, "demo") == []
