"""What the documents show: fenced blocks, commands with their output, tables, links."""

import collections
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

Block = collections.namedtuple("Block", "page line language text")
Command = collections.namedtuple("Command", "line words output")


def pages():
    """All pages, as paths relative to the root."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    return sorted(page.relative_to(ROOT).as_posix() for page in found)


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page):
    """The fenced blocks of a page."""
    found, language, start, lines = [], None, 0, []
    for number, line in enumerate(read(page).splitlines(), 1):
        if not line.startswith("```"):
            lines.append(line)
        elif language is None:
            language, start, lines = line[3:].strip(), number + 1, []
        else:
            found.append(Block(page, start, language, "\n".join(lines) + "\n"))
            language = None
    assert language is None, f"{page}: a block is not closed"
    return found


def commands(block):
    """The commands of a console block ("$ ", going on after a backslash), each with its output."""
    found = []
    for number, line in enumerate(block.text.splitlines(), block.line):
        if line.startswith("$ "):
            found.append([number, line[2:], []])
        elif found and found[-1][1].endswith("\\"):
            found[-1][1] += "\n" + line
        else:
            assert found, f"{block.page}:{number}: output without a command"
            found[-1][2].append(line)
    return [Command(line, words, output) for line, words, output in found]


def tables(page):
    """The tables of a page: lists of rows, the heading first."""
    found, open_table = [], None
    for line in read(page).splitlines():
        if not line.startswith("|"):
            open_table = None
            continue
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip()[1:-1])]
        if set("".join(cells)) <= set("-:"):
            continue
        if open_table is None:
            open_table = []
            found.append(open_table)
        open_table.append(cells)
    return found


def links(page):
    """Targets of the links that stay in the repository, as paths; anchors dropped."""
    text = re.sub(r"```.*?```", "", read(page), flags=re.S)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if not re.match(r"[a-z]+:", target) and not target.startswith("#"):
            yield (ROOT / page).parent / target.partition("#")[0]
