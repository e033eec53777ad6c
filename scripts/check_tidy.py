#!/usr/bin/env python3
"""Runs clang-tidy over the project's sources, skipping those that passed before unchanged.

usage: check_tidy.py BUILD_FOLDER [FILE...]
A source is unchanged if its preprocessed text, its own bytes and .clang-tidy are. What passed is
remembered beside the dependencies, for all clones of this user.
"""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
PASSED = pathlib.Path(os.environ.get("SLUICE_DEPS_DIR") or pathlib.Path(CACHE) / "sluice") / "tidy"


def fingerprint(entry):
    """A hash of all clang-tidy would see, or None if the file does not preprocess."""
    words = shlex.split(entry["command"])
    while words and not os.path.basename(words[0]).startswith(("g++", "clang++", "c++")):
        words.pop(0)
    output = words.index("-o")
    del words[output:output + 2]
    words = [w for w in words if w not in ("-c", "-MD")] + ["-E", "-P"]
    text = subprocess.run(words, cwd=entry["directory"], capture_output=True, check=False)
    if text.returncode != 0:
        return None
    digest = hashlib.sha256(text.stdout)
    digest.update(pathlib.Path(entry["file"]).read_bytes())
    digest.update((ROOT / ".clang-tidy").read_bytes())
    return digest.hexdigest()


def tidy(build, entry):
    """What clang-tidy says about one file; empty if it passes."""
    key = fingerprint(entry)
    if key and (PASSED / key).exists():
        return ""
    run = subprocess.run(
        ["clang-tidy-14", "--quiet", "-p", build, "--extra-arg=-Wno-unknown-warning-option",
         "--extra-arg=-Wno-error", entry["file"]],
        capture_output=True, text=True, check=False)
    if run.returncode == 0 and key:
        (PASSED / key).touch()
    return "" if run.returncode == 0 else run.stdout + run.stderr


def main():
    build, chosen = sys.argv[1], {str(pathlib.Path(f).resolve()) for f in sys.argv[2:]}
    PASSED.mkdir(parents=True, exist_ok=True)
    entries = json.loads((pathlib.Path(build) / "compile_commands.json").read_text())
    entries = [e for e in entries if not chosen or e["file"] in chosen]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for entry, text in zip(entries, pool.map(lambda e: tidy(build, e), entries)):
            if text:
                failed += 1
                print(text)
    print(f"clang-tidy: {len(entries) - failed} of {len(entries)} files passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
