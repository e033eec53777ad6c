"""`sluice decode --classification csv` against Python's csv module: random rows in random dialects, as
written by a program and mutilated. What one reads the other must read to the same cells, and what the
strict reader of Python refuses must be rejected."""

import csv
import io
import json
import os
import pathlib
import random
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLUICE = pathlib.Path(os.environ.get("SLUICE", ROOT / "build/sluice")).resolve()
SEED = int(os.environ.get("CSV_SEED", "20261123"))
COLUMNS = 3
MESSAGES = 400

PIECES = ["a", "bc", " ", "  x ", "\u00e9", "\U0001f600", "1", "-2.5", ",", ";", "\t", "|", "'", '"', '""',
          "\\", "^", "\n", "\r\n", "\r", "", "x" * 70]


def cell(rng):
    return "".join(rng.choice(PIECES) for _ in range(rng.randrange(4)))


class Dialect:
    """One way to write CSV, as Python names it and as sluice does."""

    def __init__(self, rng):
        self.delimiter = rng.choice(",;\t|^")
        self.quote = rng.choice(['"', '"', "'", None])
        self.escape = rng.choice([None, None, "\\"])
        self.quoting = csv.QUOTE_NONE if self.quote is None else \
            rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC])
        self.line_end = rng.choice(["\n", "\r\n", "\r"])

    def reader(self, text):
        return csv.reader(io.StringIO(text, newline=""), delimiter=self.delimiter,
                          quotechar=self.quote, escapechar=self.escape, strict=True,
                          quoting=csv.QUOTE_NONE if self.quote is None else csv.QUOTE_MINIMAL)

    def writer(self, file):
        return csv.writer(file, delimiter=self.delimiter, quotechar=self.quote,
                          escapechar=self.escape, quoting=self.quoting, lineterminator=self.line_end,
                          doublequote=True)

    def options(self):
        return [f"--set=separator={self.delimiter}", f"--set=quoteChar={self.quote or -1}",
                f"--set=escaper={self.escape or 'none'}", "--set=multiLine=true"]

    def __repr__(self):
        return f"{vars(self)}"


def message(rng, dialect):
    file = io.StringIO(newline="")
    writer = dialect.writer(file)
    for _ in range(rng.randrange(1, 5)):
        row = [cell(rng) for _ in range(COLUMNS)]
        if dialect.quote is None and dialect.escape is None:
            row = [re.sub("[\r\n" + re.escape(dialect.delimiter) + "]", "", text) for text in row]
        writer.writerow(row)
    text = file.getvalue()
    # Behind an escaper Glue's letters mean something else than in Python.
    return re.sub(r"\\([nrt0])", r"\\-\1", text) if dialect.escape else text


def mutilate(rng, text):
    at = rng.randrange(len(text) + 1)
    what = rng.choice(["", '"', "'", ",", ";", "\n", "\r", "x"])
    return text[:at] + what + text[at + rng.randrange(3):]


def expected(dialect, text):
    """The rows as the strict reader has them, and whether it got to the end."""
    rows, reader = [], dialect.reader(text)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return rows, True
        except csv.Error:
            return rows, False
        if row:  # an empty line
            rows.append(row)


def decode(folder, dialect, texts):
    """One file a message; gives each message's rows by number, and its rejects."""
    names = []
    for number, text in enumerate(texts):
        name = f"{number}.csv"
        (folder / name).write_bytes(text.encode())
        names.append(name)
    columns = ", ".join(f"c{i} string" for i in range(COLUMNS))
    done = subprocess.run(
        [SLUICE, "decode", "--classification", "csv", "--schema", columns, *dialect.options(), *names],
        cwd=folder, capture_output=True, timeout=120, check=False)
    assert done.returncode in (0, 3), done.stderr.decode()
    rows = [list(json.loads(line).values()) for line in done.stdout.splitlines()]
    rejects = {}
    for line in done.stderr.splitlines():
        reject = json.loads(line)
        rejects.setdefault(int(reject["path"].removesuffix(".csv")), []).append(reject)
    return rows, rejects


@pytest.mark.parametrize("round_number", range(25))
def test_reads_what_python_reads(tmp_path, round_number):
    rng = random.Random(SEED * 1000 + round_number)
    dialect = Dialect(rng)
    texts = [message(rng, dialect) for _ in range(MESSAGES)]
    texts = [mutilate(rng, text) if rng.random() < 0.4 else text for text in texts]
    texts = [text for text in texts if text.strip("\r\n")]
    # Behind an escaped line end Python wants one more line.
    texts = [text for text in texts if not re.search(r"\\[\r\n]$", text)]
    rows, rejects = decode(tmp_path, dialect, texts)
    wanted, at_least = [], 0
    for number, text in enumerate(texts):
        where = f"seed {SEED}, round {round_number}, {dialect}, message {number}: {text!r}"
        found, whole = expected(dialect, text)
        got = rejects.pop(number, [])
        for index, row in enumerate(found, 1):
            if len(row) == COLUMNS:
                wanted.append((where, row))
            else:
                assert [r["code"] for r in got if r.get("row") == index] == ["csv.cells"], where
                got = [r for r in got if r.get("row") != index]
        # Python stops at the first error, and so does sluice with multiLine.
        if whole:
            assert not got, (where, got)
        else:
            assert [(r["row"], r["code"]) for r in got] in (
                [(len(found) + 1, "csv.quote")], [(len(found) + 1, "csv.escape")]), (where, got)
            at_least += 1
    assert not rejects
    for (where, row), got in zip(wanted, rows):
        # Python cannot tell an empty cell from an empty text in quotes.
        assert [value or "" for value in got] == row, where
    assert len(wanted) == len(rows)
    assert len(wanted) > MESSAGES // 2
