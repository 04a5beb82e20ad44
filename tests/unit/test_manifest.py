from concurrent.futures import ThreadPoolExecutor

from sonoscope import manifest


def test_lines_of_many_writers_stay_whole(tmp_path):
    path = tmp_path / "deep" / manifest.NAME
    lines = [{"job": i, "text": "ü" * 5000} for i in range(200)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda line: manifest.append(path, line), lines))
    assert sorted(line["job"] for line in manifest.read(path)) == list(range(200))


def test_a_cut_line_is_left_out(tmp_path):
    path = tmp_path / manifest.NAME
    path.write_text('{"job": 1}\n{"jo')
    assert list(manifest.read(path)) == [{"job": 1}]
    assert list(manifest.read(tmp_path / "nothing")) == []


def test_attempts_count_starts_of_the_same_job_in_the_same_call(tmp_path):
    path = tmp_path / manifest.NAME
    for event, shard, call in (
        ("started", "1", "a"),
        ("failed", "1", "a"),
        ("started", "2", "a"),
        ("started", "1", "b"),
    ):
        manifest.append(path, {"event": event, "rule": "fit", "wildcards": {"shard": shard}, "invocation": call})
    assert manifest.attempts(path, "fit", {"shard": "1"}, "a") == 1
    assert manifest.attempts(path, "fit", {"shard": "3"}, "a") == 0
