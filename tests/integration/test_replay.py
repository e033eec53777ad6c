"""Dead letters run through the job again: each where it was refused, once, and what fails again."""

import collections
import gzip
import json
import pathlib
import re
import subprocess

import pytest
from job_harness import (SLUICE, SLUICE_FAILPOINTS_BUILD, Done, Job, Running, click, data_files,
                         lake_table, text_rows, wait_until)

LONG_CITY = "Llanfair" * 40  # No file system has a folder of that name.
RECORDS = [
    {"id": 1, "n": 10, "price": "1.5", "city": "Oslo"},
    {"id": 2, "n": 3_000_000_000, "price": "2.5", "city": "Rome"},  # The decoder: n is no int.
    {"id": 3, "n": 30, "price": "3,5", "city": "Bonn"},             # The step: no double.
    {"id": 4, "n": 40, "price": "4.5", "city": LONG_CITY},          # The sink: no folder.
]
BROKEN = '{"id": 5, "n": '


def definition(mended=False):
    """A job of which decoder, step and sink refuse something, or that refuses nothing but BROKEN."""
    price = "replace(price, ',', '.')" if mended else "price"
    lake = {"type": "files", "from": "priced", "path": "lake", "format": "json"}
    return {
        "name": "sales", "windowSize": "1 second", "checkpointLocation": "state",
        "sources": {"clicks": {
            "type": "files", "path": "incoming", "classification": "json",
            "schema": f"id bigint, n {'bigint' if mended else 'int'}, price string, city string"}},
        "transforms": [{"name": "priced", "sql":
                        f"SELECT id, n, CAST({price} AS DOUBLE) AS price, city FROM clicks"}],
        "sinks": {"lake": lake if mended else lake | {"partitionKeys": ["city"]},
                  "raw": {"type": "files", "from": "clicks", "path": "raw", "format": "json"}}}


def arrive(job, name, text):
    """Puts a file into the job's folder, whole."""
    folder = job.folder / "incoming"
    folder.mkdir(exist_ok=True)
    hidden = folder / f".{name}"
    hidden.write_bytes(text if isinstance(text, bytes) else text.encode())
    hidden.rename(folder / name)


def start_replay(job, *words, letters="state/dead-letters", failpoints=None):
    env = None
    if failpoints is not None:
        env = {"SLUICE_FAILPOINTS": failpoints, "PATH": "/usr/bin:/bin"}
    binary = SLUICE if failpoints is None else SLUICE_FAILPOINTS_BUILD
    return Running([binary, "replay", letters, "--job", job.file.name, *words], job.folder, env)


def replay(job, *words, **how):
    with start_replay(job, *words, **how) as running:
        return running.end(60)


def records_read(done):
    done.ok()
    return int(done.err.rpartition(" records=")[2].split()[0])


def ids(job, sink):
    return sorted(row["id"] for row in text_rows(job.folder / sink))


def new_letters(job, letters="state/dead-letters"):
    name = job.definition.get("name", "job")
    rows = text_rows(job.folder / letters / f"_replay-{name}" / "dead-letters")
    for row in rows:
        row["origin"] = json.loads(row["origin"]) if row["origin"] else None
    return rows


def refused_job(tmp_path, lines=None):
    """The job after its first run, with its letters."""
    job = Job(tmp_path, definition())
    if lines is None:
        lines = [json.dumps(record) for record in RECORDS] + [BROKEN]
    arrive(job, "a.json", "\n".join(lines) + "\n")
    job.catch_up()
    return job


def listing(folder):
    return {name: (pathlib.Path(folder) / name).read_bytes() for name in data_files(folder)}


def test_each_letter_enters_only_where_it_was_refused(tmp_path):
    job = refused_job(tmp_path)
    assert (ids(job, "lake"), ids(job, "raw")) == ([1], [1, 3, 4])
    assert collections.Counter(letter["step"] for letter in job.dead_letters()) == {
        "decode": 2, "priced": 1, "lake": 1}
    letters, before = job.checkpoint / "dead-letters", job.show()
    files = listing(letters)

    job.write(definition(mended=True))
    # The source is not asked: its folder may as well be gone.
    (tmp_path / "incoming").rename(tmp_path / "elsewhere")
    assert records_read(replay(job)) == 4
    assert (ids(job, "lake"), ids(job, "raw")) == ([1, 2, 3, 4], [1, 2, 3, 4])
    prices = {row["id"]: row["price"] for row in text_rows(job.folder / "lake")}
    assert prices == {1: 1.5, 2: 2.5, 3: 3.5, 4: 4.5}
    [again] = new_letters(job)
    [first] = [letter for letter in job.dead_letters() if letter["code"] == "json.syntax"]
    for name in ("job", "source", "step", "origin", "row", "code", "bytes", "holds"):
        assert again[name] == first[name], name

    # Nothing of the job's own has moved, and a second replay has nothing to do.
    assert listing(letters) == files and job.show() == before
    assert records_read(replay(job)) == 0
    assert (ids(job, "lake"), ids(job, "raw")) == ([1, 2, 3, 4], [1, 2, 3, 4])
    assert len(new_letters(job)) == 1
    (tmp_path / "elsewhere").rename(tmp_path / "incoming")
    job.catch_up()
    assert (ids(job, "lake"), ids(job, "raw")) == ([1, 2, 3, 4], [1, 2, 3, 4])


def test_only_new_letters_are_replayed(tmp_path):
    job = refused_job(tmp_path)
    replay(job).ok()  # Not mended: all are refused again.
    assert ids(job, "lake") == [1] and len(new_letters(job)) == 4
    arrive(job, "b.json", json.dumps({"id": 6, "n": 1, "price": "six", "city": "Oslo"}) + "\n")
    job.catch_up()
    mended = definition(mended=True)
    mended["transforms"][0]["sql"] = mended["transforms"][0]["sql"].replace("CAST", "TRY_CAST")
    job.write(mended)
    assert records_read(replay(job)) == 1
    assert ids(job, "lake") == [1, 6] and ids(job, "raw") == [1, 3, 4, 6]
    # Those that were refused again are letters like any others.
    nested = "state/dead-letters/_replay-sales/dead-letters"
    assert records_read(replay(job, letters=nested)) == 4
    assert ids(job, "lake") == [1, 2, 3, 4, 6] and ids(job, "raw") == [1, 2, 3, 4, 6]
    assert [letter["origin"]["line"] for letter in new_letters(job, nested)] == [5]


def test_the_neighbours_of_a_row_do_not_come_again(tmp_path):
    rows = [{"id": i, "n": 1, "price": "1", "city": "Oslo"} for i in range(6)]
    rows[2]["n"] = 3_000_000_000
    rows[4]["price"] = "dear"
    rows[5] = "no object"
    job = Job(tmp_path, definition())
    job.definition["sources"]["clicks"]["wholetext"] = "true"
    del job.definition["sinks"]["lake"]["partitionKeys"]
    job.write(job.definition)
    arrive(job, "plain.json", json.dumps(rows))
    arrive(job, "packed.json.gz", gzip.compress(json.dumps(
        [row | {"id": row["id"] + 10} if isinstance(row, dict) else row for row in rows]).encode()))
    job.catch_up()
    assert ids(job, "lake") == [0, 1, 3, 10, 11, 13] and ids(job, "raw") == [0, 1, 3, 4, 10, 11, 13, 14]
    mended = definition(mended=True)
    mended["sources"]["clicks"]["wholetext"] = "true"
    job.write(mended)
    assert records_read(replay(job)) == 6
    assert ids(job, "raw") == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
    assert ids(job, "lake") == [0, 1, 2, 3, 10, 11, 12, 13]
    assert sorted((letter["step"], letter["row"]) for letter in new_letters(job)) == [
        ("decode", 5), ("decode", 5), ("priced", 4), ("priced", 4)]
    # A letter of a letter leads to the same row of the same message.
    mended["transforms"][0]["sql"] = mended["transforms"][0]["sql"].replace("CAST", "TRY_CAST")
    job.write(mended)
    replay(job, letters="state/dead-letters/_replay-sales/dead-letters").ok()
    assert ids(job, "lake") == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
    assert ids(job, "raw") == [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]


def test_rows_of_csv_with_a_header(tmp_path):
    job = Job(tmp_path, definition())
    job.definition["sources"]["clicks"] |= {
        "wholetext": "true", "classification": "csv", "withHeader": "true"}
    del job.definition["sinks"]["lake"]["partitionKeys"]
    job.write(job.definition)
    arrive(job, "a.csv", "price,id,n,city\n1,1,1,Oslo\n2,2,3000000000,Oslo\n3,3,1,Oslo\n")
    job.catch_up()
    assert ids(job, "raw") == [1, 3]
    job.definition["sources"]["clicks"]["schema"] = "id bigint, n bigint, price string, city string"
    job.write(job.definition)
    replay(job).ok()
    assert ids(job, "raw") == ids(job, "lake") == [1, 2, 3] and new_letters(job) == []


def test_a_message_that_was_refused_whole_enters_whole(tmp_path):
    job = Job(tmp_path, definition(mended=True))
    source = job.definition["sources"]["clicks"]
    source |= {"wholetext": "true", "jsonPath": "$.recrods[*]"}
    job.write(job.definition)
    arrive(job, "a.json", json.dumps({"records": RECORDS[:3]}))
    job.catch_up()
    assert [letter["code"] for letter in job.dead_letters()] == ["json.path"]
    source["jsonPath"] = "$.records[*]"
    job.write(job.definition)
    replay(job).ok()
    assert ids(job, "lake") == ids(job, "raw") == [1, 2, 3]


def test_steps_behind_steps_get_the_row_that_they_refused(tmp_path):
    """A step that unnests, one behind it, and one behind an aggregate."""
    job = Job(tmp_path, {
        "name": "sales", "windowSize": "1 second", "checkpointLocation": "state",
        "sources": {"orders": {"type": "files", "path": "incoming", "classification": "json",
                               "schema": "id bigint, prices array<string>"}},
        "transforms": [
            {"name": "items", "sql": "SELECT id, unnest(prices) AS price FROM orders"},
            {"name": "priced", "sql": "SELECT id, CAST(price AS DOUBLE) AS price FROM items"},
            {"name": "counted", "sql": "SELECT min(price) AS price, count(*) AS n FROM items"},
            {"name": "least", "sql": "SELECT CAST(price AS DOUBLE) AS price, n FROM counted"}],
        "sinks": {
            "items_out": {"type": "files", "from": "items", "path": "items", "format": "json"},
            "priced_out": {"type": "files", "from": "priced", "path": "priced", "format": "json"},
            "least_out": {"type": "files", "from": "least", "path": "least", "format": "json"}}})
    arrive(job, "a.json", json.dumps({"id": 1, "prices": ["2", "", "3"]}) + "\n")
    job.catch_up()
    assert {(letter["step"], letter["holds"]) for letter in job.dead_letters()} == {
        ("priced", "message"), ("least", "input")}
    for step in (1, 3):
        sql = job.definition["transforms"][step]["sql"]
        job.definition["transforms"][step]["sql"] = sql.replace(
            "CAST(price", "TRY_CAST(price || '0'")
    job.write(job.definition)
    assert records_read(replay(job)) == 2
    assert new_letters(job) == []
    assert sorted(row["price"] for row in text_rows(job.folder / "priced")) == [0, 2, 3]
    assert text_rows(job.folder / "least") == [{"price": 0, "n": 3}]
    assert len(text_rows(job.folder / "items")) == 3


def test_rows_come_back_in_every_type(tmp_path):
    """By way of JSON, from the sink's letters; beside them rows that did not need one."""
    schema = ("i tinyint, b bigint, f float, d double, e decimal(38,10), t timestamp, "
              "z timestamp_ntz, y date, o boolean, s string, x binary, a array<struct<k:string,v:int>>, "
              "m map<string,double>, g struct<lat:double,tags:array<string>>, city string")
    row = {"i": -128, "b": -2**63, "f": 0.1, "d": "NaN", "e": "1234567890123456789012345678.0123456789",
           "t": "2026-11-23T05:45:24.123456Z", "z": "0001-01-01T00:00:00", "y": "9999-12-31", "o": True,
           "s": 'q"\\\u0000é😀\n', "x": "/wA=", "a": [{"k": None, "v": 1}, None], "m": {"": -0.0, "k": None},
           "g": {"lat": 1e-320, "tags": []}, "city": LONG_CITY}
    job = Job(tmp_path, definition())
    job.definition |= {"transforms": [], "sinks": {
        "lake": {"type": "files", "from": "clicks", "path": "lake", "partitionKeys": ["city"]},
        "raw": {"type": "files", "from": "clicks", "path": "raw"}}}
    job.definition["sources"]["clicks"]["schema"] = schema
    job.write(job.definition)
    arrive(job, "a.json", json.dumps(row) + "\n" + json.dumps({"city": LONG_CITY}) + "\n")
    job.catch_up()
    assert [letter["step"] for letter in job.dead_letters()] == ["lake"] * 2
    del job.definition["sinks"]["lake"]["partitionKeys"]
    job.write(job.definition)
    replay(job).ok()
    raw, lake = lake_table(job.lake("raw")), lake_table(job.lake("lake"))
    assert len(lake) == 2 and lake.schema == raw.schema
    assert str(lake.to_pylist()) == str(raw.to_pylist())


@pytest.mark.parametrize("point", ["K1", "K4", "K5", "K6", "K8", "K10", "K12", "K13", "K17"])
def test_a_crash_loses_and_doubles_nothing(tmp_path, point):
    job = refused_job(tmp_path)
    job.write(definition(mended=True))
    assert replay(job, failpoints=f"{point}=kill").code == -9
    records_read(replay(job))
    assert (ids(job, "lake"), ids(job, "raw")) == ([1, 2, 3, 4], [1, 2, 3, 4])
    assert [letter["origin"]["line"] for letter in new_letters(job)] == [5]


def test_letters_that_cannot_enter_are_letters_again(tmp_path):
    job = refused_job(tmp_path)
    folder = job.checkpoint / "dead-letters"
    letters = {letter["step"]: letter for letter in text_rows(folder)}
    first = letters["priced"]
    version_1 = {name: value for name, value in letters["decode"].items()
                 if name not in ("holds", "input", "message", "columns")} | {
                     "version": 1, "row": None, "bytes": json.dumps(RECORDS[0] | {"id": 11})}
    strange = [
        json.dumps(first | {"step": "gone"}),
        json.dumps(letters["decode"] | {"source": "gone"}),
        json.dumps(letters["decode"] | {"truncated": True}),
        json.dumps(first | {"version": 3}),
        '{"version": 2, "torn',
        json.dumps(first | {"row": 7}),
        json.dumps(first | {"job": "other"}),
        json.dumps(version_1)]
    hidden = folder / ".strange"
    hidden.write_text("\n".join(strange) + "\n")
    hidden.rename(folder / "strange.json")
    job.write(definition(mended=True))
    done = replay(job).ok()
    assert "letters of another job" in done.err
    assert ids(job, "raw") == [1, 2, 3, 4, 11] and ids(job, "lake") == [1, 2, 3, 4, 11]
    again = {letter["code"]: letter for letter in new_letters(job)}
    assert set(again) == {"json.syntax", "replay.step", "replay.source", "replay.truncated",
                          "replay.version", "replay.damaged", "replay.row"}
    assert again["replay.step"]["step"] == "gone"
    assert again["replay.step"]["origin"] == json.loads(first["origin"])
    assert again["replay.truncated"]["truncated"] is True
    assert again["replay.damaged"]["bytes"] == strange[4]
    assert again["replay.damaged"]["origin"]["path"].endswith("strange.json")
    assert again["replay.damaged"]["origin"]["line"] == 5
    # With the step back under its name the letter finds its way.
    job.definition["transforms"].append({"name": "gone", "sql": "SELECT id FROM clicks"})
    job.definition["sinks"]["more"] = {"type": "files", "from": "gone", "path": "more",
                                       "format": "json"}
    job.definition["sinks"]["lake"]["from"] = "priced"
    job.write(job.definition)
    replay(job, letters="state/dead-letters/_replay-sales/dead-letters").ok()
    assert ids(job, "more") == [3] and ids(job, "raw") == [1, 2, 3, 4, 11]


def test_a_sink_may_go_between_two_replays(tmp_path):
    job = refused_job(tmp_path)
    job.write(definition(mended=True))
    replay(job).ok()
    del job.definition["sinks"]["raw"]
    job.write(job.definition)
    assert records_read(replay(job)) == 0


def test_follow_goes_on_with_new_letters(tmp_path):
    job = refused_job(tmp_path, [json.dumps(RECORDS[0]), json.dumps(RECORDS[2])])
    mended = Job(tmp_path, definition(mended=True), "mended")
    with start_replay(mended, "--follow") as running:
        wait_until(lambda: ids(job, "lake") == [1, 3], "the first letter")
        arrive(job, "b.json", json.dumps(RECORDS[1]) + "\n")
        job.catch_up()
        wait_until(lambda: ids(job, "lake") == [1, 2, 3], "the second letter")
        running.stop().ok()
    assert ids(job, "raw") == [1, 2, 3]


def test_mistakes_are_said(tmp_path):
    job = Job(tmp_path, definition())
    replay(job).failed(2, r"there is no folder state/dead-letters", r"\[replay.no_folder\]")
    assert not (tmp_path / "state").exists()
    replay(job, letters="incoming", failpoints=None).failed(2, "replay.no_folder")


def test_columns_of_the_source_come_back(cluster, tmp_path):
    topic = cluster.topic()
    job = Job(tmp_path, cluster.job(
        topic, source={"includeHeaders": "true", "schema": "event_id string, user_id int"},
        sink={"format": "json"}))
    cluster.produce(topic, [click(1, user_id=5_000_000_000)],
                    headers=[("trace", b"\xff\x00"), ("none", None)])
    job.catch_up()
    [letter] = job.dead_letters()
    assert json.loads(letter["columns"])
    job.definition["sources"]["clicks"]["schema"] = "event_id string, user_id bigint"
    job.write(job.definition)
    replay(job).ok()
    [row] = text_rows(job.folder / "lake")
    assert row["user_id"] == 5_000_000_000
    [column] = set(row) - {"event_id", "user_id"}
    assert row[column] == json.loads(letter["columns"])[column]


# --- sluice deadletters ---

def deadletters(job, *words):
    done = subprocess.run([SLUICE, "deadletters", *words], cwd=job.folder, capture_output=True,
                          text=True, timeout=60, check=False)
    return Done(done.returncode, done.stdout, done.stderr)


def test_the_summary(tmp_path):
    job = refused_job(tmp_path, [json.dumps(RECORDS[2] | {"price": price}) for price in "abc"] +
                      [json.dumps(RECORDS[1])])
    arrive(job, "b.json", json.dumps(RECORDS[2]) + "\n")
    job.catch_up()
    (job.checkpoint / "dead-letters/foreign.json").write_text('{"version": 9}\nno json\n')
    done = deadletters(job, "job.yaml", "--json").ok()
    summary = json.loads(done.out)
    assert summary["letters"] == 5 and summary["unreadableLines"] == 2
    assert [(group["letters"], group["step"], group["origin"]) for group in summary["groups"]] == [
        (3, "priced", "incoming/a.json"), (1, "decode", "incoming/a.json"),
        (1, "priced", "incoming/b.json")]
    assert (summary["groups"][0]["firstEpoch"], summary["groups"][2]["firstEpoch"]) == (1, 2)
    assert "'...'" in summary["groups"][0]["reason"] and "3,5" not in done.out
    assert re.search(r"foreign.json:1: .*version 9", done.err) and "2 lines" in done.err

    by_step = json.loads(deadletters(job, "state/dead-letters", "--by", "step", "--json").ok().out)
    assert [(group["source"], group["step"], group["letters"]) for group in by_step["groups"]] == [
        ("clicks", "priced", 4), ("clicks", "decode", 1)]
    table = deadletters(job, "job.yaml", "--by", "reason", "--limit", "1").ok().out
    assert "1 letter more in other groups" in table and "5 letters in" in table
    replay(job).ok()
    assert json.loads(deadletters(job, "job.yaml", "--json").ok().out)["letters"] == 5


def test_no_letters(tmp_path):
    job = Job(tmp_path, definition())
    assert deadletters(job, "job.yaml").ok().out.startswith("no dead letters in ")
    deadletters(job, "nowhere").failed(2, r"no folder or job file nowhere")
