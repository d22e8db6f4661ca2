"""The log keeps every record it can, never more than its size, and never stops a request."""

import json

import pytest

from snowpipe_platform.serving import request_log
from snowpipe_platform.serving.request_log import RequestLog


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "requests"


@pytest.fixture
def make_log(folder):
    def make(**sizes):
        return RequestLog(folder, **sizes)

    return make


def lines(folder):
    return [json.loads(line) for path in sorted(folder.glob("*")) for line in path.read_text().splitlines() if line]


def test_what_was_put_is_there_in_its_order_when_the_log_is_closed(make_log, folder):
    log = make_log()
    log.start()
    for n in range(100):
        log.put([{"n": n, "region": "süd"}])
    log.close()
    assert lines(folder) == [{"n": n, "region": "süd"} for n in range(100)]
    assert log.standing() == {"written": 100, "dropped": 0, "error": None}


def test_another_server_goes_on_where_the_one_before_ended(make_log, folder):
    for n in range(2):
        log = make_log()
        log.put([{"n": n}])
        log._write()
    assert lines(folder) == [{"n": 0}, {"n": 1}]
    assert len(list(folder.iterdir())) == 1


def test_a_line_that_a_killed_server_tore_spoils_no_other(make_log, folder):
    folder.mkdir()
    (folder / "requests-00000001.jsonl").write_bytes(b'{"n": 0}\n{"n": 1, "to')
    log = make_log()
    log.put([{"n": 2}])
    log._write()
    assert (folder / "requests-00000001.jsonl").read_text().splitlines() == ['{"n": 0}', '{"n": 1, "to', '{"n": 2}']


def test_the_oldest_file_goes_when_the_log_is_full(make_log, folder):
    log = make_log(file_bytes=50, files=3)
    for n in range(30):
        log.put([{"n": n, "text": "x" * 20}])
        log._write()
    kept = sorted(folder.iterdir())
    assert [path.name for path in kept] == [f"requests-{n:08d}.jsonl" for n in (28, 29, 30)]
    assert [line["n"] for line in lines(folder)] == [27, 28, 29]


def test_what_does_not_fit_in_memory_is_counted_and_the_log_says_so(make_log, folder, monkeypatch):
    monkeypatch.setattr(request_log, "QUEUED_RECORDS", 2)
    log = make_log()
    log.put([{"n": n} for n in range(5)])
    assert log.standing() == {"written": 0, "dropped": 3, "error": None}
    log._write()
    assert lines(folder) == [{"dropped": 3}, {"n": 0}, {"n": 1}]


def test_a_disk_that_takes_nothing_is_told_and_written_again_when_it_does(make_log, folder):
    folder.parent.mkdir(exist_ok=True)
    folder.write_text("in the way")
    log = make_log()
    log.put([{"n": 0}])
    log._write()
    assert log.standing() == {"written": 0, "dropped": 1, "error": "File exists"}
    folder.unlink()
    log.put([{"n": 1}])
    log._write()
    assert lines(folder) == [{"dropped": 1}, {"n": 1}]
    assert log.standing() == {"written": 1, "dropped": 1, "error": None}


@pytest.mark.parametrize("record", [{"text": "\ud800"}, {"n": object()}], ids=["text", "object"])
def test_a_record_that_cannot_be_written_is_told_and_the_others_are_kept(make_log, folder, record):
    log = make_log()
    log.put([{"n": 0}, record, {"n": 1}])
    log._write()
    assert lines(folder) == [{"dropped": 1}, {"n": 0}, {"n": 1}]
    standing = log.standing()
    assert (standing["written"], standing["dropped"]) == (2, 1)
    assert standing["error"].startswith("a record cannot be written (")
    log._write()
    assert log.standing() == standing
    log.put([{"n": 2}])
    log._write()
    assert log.standing() == {"written": 3, "dropped": 1, "error": None}


def test_nothing_is_written_where_nothing_was_asked(make_log, folder):
    log = make_log()
    log.start()
    log.close()
    assert not folder.exists()
