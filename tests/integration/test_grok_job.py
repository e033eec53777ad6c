"""Log lines through the whole job: the seed's pattern, several lines a message, lines that do not match."""

import datetime
import json

from job_harness import Job, assert_same
from test_compression import WRITERS

PATTERN = (r"^%{TIMESTAMP_ISO8601:ts} %{LOGLEVEL:level} \[%{DATA:thread}\] %{NUMBER:took:double} "
           r"%{INT:bytes:long}(?: user=%{WORD:user})? %{GREEDYDATA:text}$")


def entry(i):
    return {
        "ts": datetime.datetime.fromtimestamp(1_790_000_000 + i, datetime.timezone.utc),
        "level": ("INFO", "WARN", "ERROR")[i % 3],
        "thread": f"pool {i % 7}",
        "took": i / 8,
        "bytes": i * 1_000_003,
        "user": f"u{i}" if i % 4 else None,
        "text": ("GET /shop?a=[1]", "São Paulo, größte", "日本語 " * 5)[i % 3],
    }


def line(e):
    user = f" user={e['user']}" if e["user"] else ""
    return (f"{e['ts'].isoformat().replace('+00:00', 'Z')} {e['level']} [{e['thread']}] {e['took']} "
            f"{e['bytes']}{user} {e['text'].rstrip()}")


def wanted(e):
    return e | {"text": e["text"].rstrip()}


def source(**more):
    return {"classification": "grok", "grokPattern": PATTERN,
            "schema": "ts timestamp, level string, thread string, took double, bytes bigint, "
                      "user string, text string"} | more


def test_lines_of_many_messages_and_others_beside_them(cluster, tmp_path):
    topic = cluster.topic(3)
    job = Job(tmp_path, cluster.job(topic, source=source()))
    entries = [entry(i) for i in range(900)]
    writers = [lambda data: data, *WRITERS.values()]
    messages = []
    for i in range(0, 900, 9):
        # Nine lines in two messages, each compressed in another way; one has a stranger in the middle.
        lines = [line(e) for e in entries[i:i + 9]]
        first = "\r\n".join(lines[:4]) + "\r\n"
        second = "\n".join([lines[4], "    at java.lang.Thread.run", *lines[5:]])
        messages += [writers[i % len(writers)](first.encode()),
                     writers[(i + 5) % len(writers)](second.encode())]
    cluster.produce(topic, messages)
    job.catch_up()
    assert_same(job.rows(), [wanted(e) for e in entries])
    letters = job.dead_letters()
    assert len(letters) == 100
    assert {letter["code"] for letter in letters} == {"grok.mismatch"}
    assert {letter["bytes"] for letter in letters} == {"    at java.lang.Thread.run"}
    assert {letter["origin"]["topic"] for letter in letters} == {topic}


def test_the_pattern_brings_its_columns(cluster, tmp_path):
    topic = cluster.topic(1)
    job = Job(tmp_path, cluster.job(topic, source=source(
        schema=None, grokPattern="^%{MYIP:client} %{NUMBER:bytes:long}$",
        grokCustomPatterns=r"MYIP \d+\.\d+\.\d+\.\d+")))
    cluster.produce(topic, [b"10.0.0.1 12", b"10.0.0.2 twelve", b"\xff\xfe", b"", b"10.0.0.3 7\n"])
    job.catch_up()
    assert sorted(json.dumps(row) for row in job.rows()) == [
        '{"client": "10.0.0.1", "bytes": 12}', '{"client": "10.0.0.3", "bytes": 7}']
    assert sorted(letter["code"] for letter in job.dead_letters()) == [
        "grok.mismatch", "grok.utf8", "message.empty"]
