"""Holds the documents to the program: examples are checked, commands run, tables compared.

Rules for what the pages show:
  yaml      a whole job: `sluice check` accepts it, beside the files of examples/
  json      each line parses
  console   commands after "$ ", run one after the other in a folder of the page's own that holds the
            files of examples/; what stands below a command is its output, on either stream, where a
            line "..." stands for any lines. Times, ids and rates may differ.
            `./dev NAME` is not run, but has to exist. A `sluice run` or `preview` of a job that
            reads Kafka is checked, not run: tests/integration runs that job on a real broker.
            test_demo.py runs the demo. Other programs than those in RUN are not run.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess

import markdown
import pytest
from markdown import ROOT

SLUICE = pathlib.Path(os.environ.get("SLUICE", ROOT / "build/sluice")).resolve()
RUN = ("sluice", "mkdir", "printf", "ls", "find", "cat", "echo")
# Nobody is to be asked for credentials.
ENVIRONMENT = dict(os.environ, KAFKA_PASSWORD="for-the-example", AWS_EC2_METADATA_DISABLED="true")
PAGES = markdown.pages()


def blocks(language):
    found = [block for page in PAGES for block in markdown.blocks(page)
             if block.language == language]
    return [pytest.param(block, id=f"{block.page}:{block.line}") for block in found]


def sluice(*words, cwd=None):
    return subprocess.run([SLUICE, *words], cwd=cwd, env=ENVIRONMENT, capture_output=True,
                          text=True, timeout=120)


def source_files(pattern):
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
            for path in (ROOT / "src").rglob(pattern)}


@pytest.mark.parametrize("block", blocks("yaml"))
def test_jobs_are_valid(block, tmp_path):
    shutil.copytree(ROOT / "examples", tmp_path / "here")
    (tmp_path / "here/job.yaml").write_text(block.text)
    done = sluice("check", "job.yaml", cwd=tmp_path / "here")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("path", sorted((ROOT / "examples").glob("*.yaml")), ids=lambda p: p.name)
def test_examples_are_valid(path, tmp_path):
    folder = tmp_path / "here"
    shutil.copytree(ROOT / "examples", folder)
    before = sorted(folder.rglob("*"))
    done = sluice("check", path.name, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "an example should give no warning"
    assert sorted(folder.rglob("*")) == before, "check must not write"


@pytest.mark.parametrize("block", blocks("json"))
def test_json_parses(block):
    for line in block.text.splitlines():
        json.loads(line)


def test_every_block_has_a_rule():
    for page in PAGES:
        for block in markdown.blocks(page):
            assert block.language in ("yaml", "json", "console", ""), \
                f"{page}:{block.line}: no rule says how '{block.language}' is tested"


def same(shown, got):
    """Whether the output is what the page shows."""
    def plain(line):
        line = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z(?= (info|warn|error))", "TIME", line)
        line = re.sub(r"(\d{4}-\d\d-\d\dT[\d:]+Z  ){2}", "FROM  TO  ", line)
        line = re.sub(r"\b[0-9a-f]{32}\b", "ID", line)
        line = re.sub(r"part-[0-9a-f]{8}", "part-ID", line)
        return re.sub(r"records_per_second=\d+", "records_per_second=N", line).rstrip()
    pattern = "".join("(.*\n)*" if line.strip() == "..." else re.escape(plain(line) + "\n")
                      for line in shown)
    return re.fullmatch(pattern, "".join(plain(line) + "\n" for line in got))


def reads_kafka(words, folder):
    job = folder / words.split()[2]
    return job.exists() and "type: kafka" in job.read_text()


@pytest.mark.parametrize("page", [page for page in PAGES if any(
    block.language == "console" for block in markdown.blocks(page))])
def test_commands(page, tmp_path):
    folder, tools = tmp_path / "here", tmp_path / "bin"
    shutil.copytree(ROOT / "examples", folder)
    tools.mkdir()
    (tools / "sluice").symlink_to(SLUICE)
    environment = dict(ENVIRONMENT, PATH=f"{tools}:{os.environ['PATH']}", LC_ALL="C.UTF-8")
    for block in markdown.blocks(page):
        if block.language != "console":
            continue
        for line, words, output in markdown.commands(block):
            where = f"{page}:{line}"
            if words.startswith("./dev"):
                name = (words.split() + ["help"])[1]
                assert name == "help" or (ROOT / f"scripts/{name}.sh").exists(), where
                continue
            if words.split()[0] not in RUN or words.startswith("sluice demo"):
                continue
            if words.startswith(("sluice run ", "sluice preview ")) and reads_kafka(words, folder):
                words = "sluice check " + words.split()[2]
                output = []
            done = subprocess.run(["bash", "-c", words], cwd=folder, env=environment, text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                                  check=False)
            if output:
                assert same(output, done.stdout.splitlines()), f"{where} prints\n{done.stdout}"
            else:
                assert done.returncode == 0, f"{where}: {done.stdout}"


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    for target in markdown.links(page):
        assert target.exists(), f"{page} links to {target}"


@pytest.mark.parametrize("page", PAGES)
def test_what_is_named_exists(page):
    named = re.findall(r"`((?:src|scripts|tests|docs|examples|bench|fuzz)/[\w./-]+)`",
                       markdown.read(page))
    for name in named:
        if "NAME" not in name:
            assert (ROOT / name).exists(), f"{page} names {name}"
    for command in re.findall(r"`\./dev ([a-z]+)", markdown.read(page)):
        assert (ROOT / f"scripts/{command}.sh").exists(), f"{page} names ./dev {command}"


# --- docs/exactly-once.md ---

def crash_points():
    table = next(t for t in markdown.tables("docs/exactly-once.md") if t[0][0] == "point")
    return {row[0]: row for row in table[1:]}


def test_every_failpoint_is_explained():
    reached = set()
    for path, text in source_files("*.cc").items():
        if not path.startswith("src/core/") and not path.endswith("_test.cc"):
            reached |= set(re.findall(r'FAILPOINT(?:_ERROR)?\("(\w+)"\)', text))
    points = set(crash_points())
    assert reached <= points, f"not in the table: {reached - points}"
    # K9 goes by the name of F4, K16 is a stop at any other point.
    assert points - reached <= {"K9", "K16"}, f"nothing reaches {points - reached}"


def test_every_test_that_is_named_exists():
    tests = set()
    for path in [*(ROOT / "src").rglob("*_test.cc"), *(ROOT / "tests").rglob("*_test.cc")]:
        text = path.read_text(encoding="utf-8")
        for suite, name in re.findall(r"TEST(?:_F|_P)?\((\w+),\s*(\w+)\)", text):
            tests |= {suite, f"{suite}.{name}"}
    for path in (ROOT / "tests").rglob("test_*.py"):
        tests |= set(re.findall(r"^def (test_\w+)", path.read_text(), re.M))
    for point, row in crash_points().items():
        named = re.findall(r"`([^`]+)`", row[-1])
        assert named, f"{point} has no test"
        for name in named:
            assert name in tests or name.startswith("./dev "), f"{point}: there is no test {name}"
    for name in re.findall(r"test `(\w+\.\w+)`", markdown.read("docs/exactly-once.md")):
        assert name in tests, name


# --- docs/metrics.md, docs/limits.md, docs/dead-letters.md ---

def test_every_metric_is_explained():
    made = set()
    for path, text in source_files("*.cc").items():
        if not path.startswith(("src/core/", "src/cli/")) and not path.endswith("_test.cc"):
            made |= set(re.findall(r'(?:\.|->)Add(?:Counter|Gauge)\(\s*"(\w+)"', text))
    explained = [row[0].strip("`") for table in markdown.tables("docs/metrics.md")
                 for row in table if row[0].startswith("`")]
    assert sorted(made) == sorted(explained)


LIMITS = {
    "size of a message": ("src/decode/decoder.h", r"message_bytes = (16)u << 20"),
    "a message, decompressed": ("src/decode/decoder.h", r"decompressed_bytes = (64)u << 20"),
    "the same, for more than 1 MiB": ("src/decode/decoder.h", r"decompressed_ratio = (\d+)"),
    "memory for the dictionary": ("src/decode/codec/codec.h", r"kXzMemoryLimit = (80)u << 20"),
    "a string": ("src/decode/decoder.h", r"string_bytes = (16)u << 20"),
    "cells of a row": ("src/decode/csv/csv_reader.cc", r"kMaxCells = ([\d']+)"),
    "nesting of objects": ("src/decode/decoder.h", r"depth = (\d+)"),
    "items of an array": ("src/decode/decoder.h", r"items = ([\d']+)"),
    "missing fields": ("src/decode/row_limits.h", r"kMaxMissing = ([\d']+)"),
    "rejected records": ("src/decode/row_limits.h", r"kMaxRowRejects = ([\d']+)"),
    "blocks of an Avro file": ("src/decode/decoder.h", r"decompressed_bytes = (64)u << 20"),
    "what Avro's defaults": ("src/decode/avro/avro_reader.h", r"kMaxSpent = (128) << 20"),
    "entries in the header": ("src/decode/avro/avro_file.cc", r"kMaxMetadata = (\d+)"),
    "length of an Avro schema": ("src/decode/avro/avro_json.cc", r"kMaxSchemaBytes = (1) << 20"),
    "types and fields": ("src/decode/avro/avro_schema_parser.cc", r"kMaxNodes = ([\d']+)"),
    "nesting of types in an Avro": ("src/decode/avro/avro_schema_parser.cc", r"kMaxDepth = (\d+)"),
    "length of a name in an Avro": ("src/decode/avro/avro_schema_parser.cc",
                                    r"kMaxNameBytes = (\d+)"),
    "size of a `fixed`": ("src/decode/avro/avro_schema_parser.cc", r"kMaxFixedBytes = (16) << 20"),
    "defaults of an Avro schema": ("src/decode/avro/avro_default.cc",
                                   r"kMaxDefaultBytes = (1) << 20"),
    "bytes of one dead letter": ("src/engine/dead_letters.h", r"kDeadLetterBytes = (1)u << 20"),
    "bytes of one message in": ("src/engine/dead_letters.h", r"kMessageCopies = (4)u << 20"),
    "records that are read to learn": ("src/engine/record_sampler.h",
                                       r"kSampleRecords = ([\d']+)"),
    "what is rescued": ("src/decode/rescued_column.h", r"kMaxRescued = (64)u << 20"),
    "learned columns of a source": ("src/record/known_schema.h", r" columns = ([\d']+)"),
    "learned columns that are new": ("src/record/known_schema.h", r"new_columns = (\d+)"),
    "nesting of learned": ("src/record/known_schema.h", r"depth = (\d+)"),
    "epochs sealed early": ("src/engine/schema_watch.h", r"kInAWindow = (\d+)"),
    "size of a job file": ("src/job/yaml_loader.h", r"kMaxJobFileBytes = (1)u << 20"),
    "nesting in a job file": ("src/job/yaml_loader.h", r"kMaxYamlDepth = (\d+)"),
    "a file read by": ("src/job/references.cc", r"kMaxFileBytes = (64)u << 10"),
    "columns of a schema": ("src/record/ddl_parser.cc", r"kMaxColumns = (\d+)"),
    "nesting of types in a schema": ("src/record/ddl_parser.cc", r"kMaxDepth = (\d+)"),
    "length of a column": ("src/record/ddl_parser.cc", r"kMaxNameBytes = (\d+)"),
    "length of a schema": ("src/record/ddl_parser.cc", r"kMaxDdlBytes = (1) << 20"),
    "keys in a": ("src/decode/json/json_path.cc", r"kMaxKeys = (\d+)"),
    "sources and steps": ("src/transform/sql/scan_function.h", r"kMaxSqlInputs = (\d+)"),
    "one partition folder": ("src/sink/files/partition_path.h", r"kMaxPartitionBytes = (\d+)"),
    "length of a pattern": ("src/decode/grok/grok_expander.h", r"pattern_bytes = (64)u << 10"),
    "a pattern with all": ("src/decode/grok/grok_expander.h", r"expanded_bytes = (256)u << 10"),
    "references, each": ("src/decode/grok/grok_expander.h", r"references = ([\d']+)"),
    "definitions that refer": ("src/decode/grok/grok_expander.h", r"depth = (\d+)"),
    "steps for one line": ("src/decode/grok/grok_regex.h", r"search_steps = ([\d']+)"),
    "counted steps": ("src/decode/grok/grok_regex.h", r"exact_steps = ([\d']+)"),
    "lines with reject": ("src/decode/grok/grok_reader.cc", r"kMaxExhausted = (\d+)"),
    "steps to find": ("src/decode/grok/grok_regex.h", r"reach_steps = ([\d']+)"),
    "what the engine": ("src/decode/grok/grok_regex.h", r"stack_bytes = (4)u << 20"),
    "an answer of a registry": ("src/registry/schema_client.h", r"kMaxSchemaAnswer = (1) << 20"),
    "schemas that a schema": ("src/registry/confluent_registry.cc", r"kMaxTexts = (\d+)"),
    "levels of such": ("src/registry/confluent_registry.cc", r"kMaxDepth = (\d+)"),
    "schemas kept": ("src/registry/cached_registry.cc", r"kMaxKept = ([\d']+)"),
    "bytes of all schemas": ("src/registry/cached_registry.cc", r"kMaxKeptBytes = (64) << 20"),
    "schemas named by": ("src/decode/envelope/envelope_decoder.h", r"kMostSchemas = ([\d']+)"),
    "rows of an epoch that a `console`": ("src/sink/console/console_epoch.h",
                                          r"kConsoleBytes = (64)u << 10"),
    "all partition folders": ("src/sink/files/partition_path.h",
                              r"kMaxPartitionPathBytes = (\d+)"),
}


def test_limits_are_those_of_the_code():
    rows = [row for table in markdown.tables("docs/limits.md") for row in table[1:]]
    for row in rows:
        start = next((start for start in LIMITS if row[0].startswith(start)), None)
        assert start, f"no rule holds '{row[0]}' to the code"
        path, pattern = LIMITS[start]
        found = re.search(pattern, (ROOT / path).read_text())
        assert found, f"{row[0]}: {path} has changed"
        shown = re.match(r"[\d,]+", row[1]).group().replace(",", "")
        assert found.group(1).replace("'", "") == shown, row
    assert len(rows) == len(LIMITS)


def test_dead_letters_have_the_columns_of_the_page(tmp_path):
    shutil.copy(ROOT / "examples/visits.yaml", tmp_path)
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming/a.json").write_text('{"id": "three", "page": "/hats"}\n')
    done = sluice("run", "visits.yaml", "--until-caught-up", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    [file] = (tmp_path / "state/visits/dead-letters").glob("part-*.json")
    letter = json.loads(file.read_text())
    [table] = markdown.tables("docs/dead-letters.md")
    assert list(letter) == [row[0].strip("`") for row in table[1:]]
    [block] = [b for b in markdown.blocks("docs/dead-letters.md") if b.language == "json"]
    assert list(json.loads(block.text)) == list(letter)
    assert letter["version"] == 2


# --- README.md ---

def test_the_readme_shows_the_first_example():
    job = (ROOT / "examples/clicks.yaml").read_text()
    assert job in [block.text for block in markdown.blocks("README.md")]
    assert f'R"({job})"' in (ROOT / "src/main/main_test.cc").read_text()


def test_the_readme_is_short():
    assert len(markdown.read("README.md").splitlines()) < 150
