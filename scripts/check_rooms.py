#!/usr/bin/env python3
"""Checks what design says about src/: who may include whom, file sizes, and names.

usage: check_rooms.py [--self-test]
Prints one line per violation and exits 1 if there is any.
"""

import pathlib
import re
import sys
import tempfile

# A room may include itself, what stands here, and what those may include.
ARROWS = {
    "core": [],
    "record": ["core"],
    "net": ["core"],
    "decode": ["record"],
    "encode": ["record"],
    "registry": ["net", "record"],
    "source": ["record", "net"],
    "transform": ["record"],
    "table": ["decode"],
    "storage": ["net"],
    "sink": ["record", "storage", "encode"],
    "engine": ["decode", "registry", "source", "transform", "table", "storage",
               "sink"],
    "job": ["engine"],
    "glue": ["job"],
    "cli": ["glue"],
    "main": ["cli"],
}
# To everything that reaches them through engine, only the headers directly in these folders are
# open; what lies deeper (source/kafka/) is for the lists in main.
INTERFACE_ONLY = {"decode", "registry", "source", "transform", "table", "storage", "sink", "encode"}
THROUGH_ENGINE = {"engine", "job", "glue", "cli"}

# A library whose include paths start with the key is for these folders only.
LIBRARIES = {
    "duckdb": ("src/transform/sql/",),
    "librdkafka/": ("src/source/kafka/", "src/main/", "src/cli/"),
    "pcre2.h": ("src/decode/grok/",),
    "libpq-fe.h": ("src/table/postgresql/",),
    "yaml-cpp/": ("src/job/", "src/cli/"),
    "CLI/": ("src/cli/", "src/main/"),
    "curl/": ("src/net/",),
    "openssl/": ("src/net/",),
}

MAX_INTERFACE_HEADER = 150
MAX_HEADER = 400
MAX_SOURCE = 800
NAMELESS = re.compile(r"(^|_)(utils?|helpers?|common|misc)(_|\.|$)")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^">]+)[">]')


def reachable(room):
    """All rooms that room may include, itself first."""
    seen, todo = [], [room]
    while todo:
        current = todo.pop()
        if current not in seen:
            seen.append(current)
            todo += ARROWS[current]
    return seen


def check_include(path, room, quote, target):
    """The reason why path may not include target, or None."""
    for prefix, folders in LIBRARIES.items():
        if quote == "<" and target.startswith(prefix) and not path.startswith(folders):
            return f"<{target}> is for {', '.join(folders)} only"
    if quote == "<":
        return None
    other = target.split("/")[0]
    if "/" not in target or other not in ARROWS:
        return f'"{target}" does not start with a room of src/'
    if other not in reachable(room):
        return f'room {room} may not include room {other} ("{target}")'
    deep = target.count("/") > 1
    if deep and room in THROUGH_ENGINE and other in INTERFACE_ONLY:
        return f'room {room} may include only the headers directly in {other}/, not "{target}"'
    return None


def check(root):
    """All violations below root/src as (path, line, text)."""
    found = []
    files = sorted(p for p in (root / "src").rglob("*") if p.suffix in (".h", ".cc"))
    for file in files:
        path = file.relative_to(root).as_posix()
        room = path.split("/")[1]
        lines = file.read_text(encoding="utf-8").splitlines()
        if room not in ARROWS or path.count("/") < 2:
            found.append((path, 1, "lies in no room; the rooms are " + ", ".join(ARROWS)))
            continue
        if NAMELESS.search(file.name):
            found.append((path, 1, "is named after nothing: name the noun it holds"))
        limit = MAX_SOURCE
        if file.suffix == ".h":
            limit = MAX_INTERFACE_HEADER if path.count("/") == 2 else MAX_HEADER
        if len(lines) > limit:
            found.append((path, limit + 1, f"has {len(lines)} lines, at most {limit} are allowed"))
        for number, line in enumerate(lines, 1):
            if UNFINISHED.search(line):
                found.append((path, number, "unfinished: finish it, or refuse with a clear error"))
            include = INCLUDE.match(line)
            reason = include and check_include(path, room, *include.groups())
            if reason:
                found.append((path, number, reason))
    return found


def self_test():
    """The check accepts what is allowed and finds what is not."""
    good = {
        "src/core/result.h": '#include <string>\n',
        "src/sink/files/writer.cc": '#include "encode/parquet/encoder.h"\n#include "core/result.h"\n',
        "src/engine/pipeline.cc": '#include "source/source.h"\n#include "net/http.h"\n',
        "src/main/lists.cc": '#include "source/kafka/kafka_source.h"\n',
        "src/transform/sql/engine.cc": '#include <duckdb.h>\n',
    }
    bad = {
        "src/core/error.cc": '#include "record/schema.h"\n',
        "src/decode/json/a.cc": '#include "source/source.h"\n',
        "src/engine/log.cc": '#include "source/kafka/kafka_source.h"\n',
        "src/source/b.cc": '#include <duckdb.h>\n',
        "src/source/c.cc": '#include "sibling.h"\n',
        "src/core/string_utils.h": "\n",
        "src/core/long.h": "\n" * 151,
        "src/core/long.cc": "\n" * 801,
        "src/core/later.cc": "// TO" + "DO: more\n",
        "src/orphan/d.cc": "\n",
    }
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for path, text in (good | bad).items():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text)
        blamed = {path for path, _, _ in check(root)}
    if blamed != set(bad):
        print(f"self-test: missed {set(bad) - blamed}, wrongly blamed {blamed - set(bad)}")
        return 1
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    found = check(pathlib.Path(__file__).resolve().parent.parent)
    for path, line, text in found:
        print(f"{path}:{line}: {text}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
