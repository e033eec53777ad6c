"""Holds grok to Oniguruma, the engine that the patterns were written for.

The patterns of the library are replaced here by text alone, as Logstash does it, compiled by
Oniguruma as they stand, and tried on sample lines and on lines made from them by a seeded random
hand; `sluice grok` must say the same of every line, and capture the same. SLUICE_GROK_SEED repeats
a run, SLUICE_GROK_PATTERNS says how many patterns are tried (0: all).

Lines are ASCII: beyond it \\w and \\d differ by intent (docs/formats-grok.md).
"""

import json
import os
import pathlib
import random
import re
import subprocess

import onigurumacffi
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SLUICE = pathlib.Path(os.environ.get("SLUICE", ROOT / "build/sluice")).resolve()
SEED = int(os.environ.get("SLUICE_GROK_SEED", "20261123"))
PATTERNS = int(os.environ.get("SLUICE_GROK_PATTERNS", "60"))

REFERENCE = re.compile(r"%\{([A-Za-z0-9_]+)(?::([^:}]+))?(?::[a-z]+)?\}")
GROUP = re.compile(r"\(\?<([A-Za-z_\[][^>]*)>")

# Each run tries these.
ALWAYS = ["COMBINEDAPACHELOG", "SYSLOGLINE", "IP", "NUMBER", "PATH", "QUOTEDSTRING", "URI",
          "TIMESTAMP_ISO8601", "HTTPDATE", "HAPROXYHTTP", "S3_ACCESS_LOG", "JAVASTACKTRACEPART",
          "MONGO3_LOG", "SHOREWALL", "RAILS3", "EMAILADDRESS", "MAC", "BASE16FLOAT", "DATESTAMP"]

SAMPLES = r"""
83.149.9.216 - - [17/May/2015:10:05:03 +0000] "GET /a/b.png?x=1&y=%20 HTTP/1.1" 200 203023 "http://x.example/" "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_9_1)"
::1 - frank [10/Oct/2000:13:55:36 -0700] "-" 400 - "-" "-"
May 11 15:17:02 meow.soy.se CRON[10973]: pam_unix(cron:session): session opened for user root by (uid=0)
<34>1 2026-11-23T05:45:24.123Z host.example su - ID47 [x@1 a="b"] 'su root' failed
2026-11-23 05:45:24,123 ERROR [main] com.example.App - failed: /var/log/app.log line 7
Nov 23 05:45:24 fw kernel: Shorewall:net2fw:DROP:IN=eth0 OUT= MAC=00:02:03:04:05:06:07:08:09:0a:0b:0c:08:00 SRC=1.2.3.4 DST=5.6.7.8 LEN=60 TOS=0x00 PREC=0x00 TTL=52 ID=1 PROTO=TCP SPT=4 DPT=5 SEQ=1
127.0.0.1:39759 [09/Dec/2013:12:59:46.633] loadbalancer default/instance8 0/51536/1/48082/99627 200 83285 - - ---- 87/87/87/1/0 0/67 {77.24.148.74} "GET /path/to/image HTTP/1.1"
79a59df900b949e5 mybucket [06/Feb/2014:00:00:38 +0000] 192.0.2.3 79a59df900b949e5 3E57427F3EXAMPLE REST.GET.VERSIONING - "GET /mybucket?versioning HTTP/1.1" 200 - 113 - 7 - "-" "S3Console/0.4" -
2014-11-03T18:28:32.450-0500 I NETWORK [initandlisten] waiting for connections on port 27017
[1367353228] SERVICE ALERT: nagiosserver;Wurst;CRITICAL;SOFT;1;Return code of 255 is out of bounds
%ASA-6-302013: Built inbound TCP connection 13 for outside:10.0.0.1/80 (10.0.0.1/80) to inside:10.0.0.2/1234 (10.0.0.2/1234)
1362166672.3 C1a2b3 10.0.0.1 1024 10.0.0.2 53 udp 7 example.com 1 C_INTERNET 1 A 0 NOERROR F F T F 0 - - F
[4018] 10 Jul 10:27:01.009 * Background saving started by pid 4021
I, [2014-01-01T00:00:00.123456 #1234]  INFO -- prog: text
1286536308.450    180 192.168.0.224 TCP_MISS/200 411 GET http://www.google.com/ - DIRECT/74.125.0.1 text/html
at com.example.Foo$Bar.baz(Foo.java:123)
2001:db8::ff00:42:8329 host-1.example.com:8080 user@example.com C:\dir\file.txt ftp://u:p@h:21/p;x?q=1
00:1a:2b:3c:4d:5e 001a.2b3c.4d5e 00-1A-2B-3C-4D-5E "a \"quoted\" text" 'x' `y` 0x1F.8 -12.5e3 .5 +7
Mon, 23 Nov 2026 05:45:24 +0100 Mon Nov 23 05:45:24 UTC 2026 11/23/2026-05:45:24 23.11.2026 20261123054524
12-Nov 10:02 JobId 4: Elapsed time=00:01:02, Transfer rate=1.2 M Bytes/second
1b2c3d4e-0000-1111-2222-333344445555 urn:isbn:0451450523 /dev/pts/3 /usr/bin/x!y
2026-11-23 05:45:24 1ABCde-000123-XY <= a@b.example H=host [1.2.3.4] P=esmtp S=123
client 10.0.0.1#5353 (example.com): query: example.com IN A + (10.0.0.2)
""".strip().splitlines()


@pytest.fixture(scope="session")
def library():
    where = subprocess.run(["bash", str(ROOT / "scripts/deps.sh"), "--where", "grok_patterns"],
                           check=True, capture_output=True, text=True).stdout
    folder = pathlib.Path(where.strip().split("=", 1)[1]) / "patterns"
    return {name: read(folder / name) for name in ("legacy", "ecs")}


def read(folder):
    patterns = {}
    for path in sorted(folder.iterdir()):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                name, regex = line.split(None, 1)
                patterns.setdefault(name, regex)
    return patterns


class Pattern:
    """One of the library, all references replaced, each group with a name of its own."""

    def __init__(self, patterns, name):
        self.fields = []  # Of each group in turn, as a path.
        self.regex = self.expand(patterns, patterns[name])
        self.engine = onigurumacffi.compile(self.regex)

    def group(self, field):
        # A slip in HTTPD24_ERRORLOG: [code]?
        path = re.findall(r"\[([^\]]+)\]", field.rstrip("?")) if field[0] == "[" else [field]
        self.fields.append(tuple(path))
        return f"(?<g{len(self.fields)}>"

    def expand(self, patterns, regex):
        out, at = [], 0
        for found in re.finditer(f"{REFERENCE.pattern}|{GROUP.pattern}", regex):
            out.append(regex[at:found.start()])
            at = found.end()
            if found[1] is None:
                out.append(self.group(found[3]))
                continue
            out.append(self.group(found[2]) if found[2] else "(?:")
            out.append(self.expand(patterns, patterns[found[1]]) + ")")
        return "".join(out) + regex[at:]

    def match(self, line):
        """None, or what each field captured first."""
        found = self.engine.search(line)
        if found is None:
            return None
        seen = dict.fromkeys(self.fields)
        for n, field in enumerate(self.fields, 1):
            if found._begs[n] >= 0 and seen[field] is None:
                seen[field] = found.group(n)
        return seen

    def schema(self):
        tree = {}
        for path in self.fields:
            at = tree
            for part in path[:-1]:
                at = at.setdefault(part, {})
            at[path[-1]] = None
        return ", ".join(f"`{name}` {ddl(inner)}" for name, inner in tree.items())


def ddl(tree):
    if tree is None:
        return "string"
    return "struct<" + ",".join(f"`{name}`:{ddl(inner)}" for name, inner in tree.items()) + ">"


def value(row, path):
    for part in path:
        row = row[part] if row is not None else None
    return row


def lines(rng, count):
    made = list(SAMPLES)
    for _ in range(count):
        line = rng.choice(SAMPLES)
        for _ in range(rng.randrange(1, 5)):
            words = re.findall(r"\w+|\W", line)
            at = rng.randrange(len(words))
            kind = rng.randrange(6)
            if kind == 0:
                del words[at]
            elif kind == 1:
                words.insert(at, rng.choice(re.findall(r"\w+|\W", rng.choice(SAMPLES))))
            elif kind == 2:
                words[at] = words[at][:rng.randrange(len(words[at]) + 1)]
            elif kind == 3:
                words[at] = "".join(rng.choice("0123456789abcXYZ.:-/[]\"' ") for _ in range(3))
            elif kind == 4:
                words[at] *= 2
            else:
                words = words[at:] or words
            line = "".join(words) or "x"
        made.append(line)
    return made


def chosen(library):
    rng = random.Random(SEED)
    for kind, patterns in library.items():
        names = sorted(patterns)
        picked = names if PATTERNS == 0 else rng.sample(names, PATTERNS // 2)
        for name in sorted(set(picked) | set(ALWAYS) & set(names)):
            yield kind, name


def test_says_what_oniguruma_says(library, tmp_path):
    rng = random.Random(SEED)
    texts = lines(rng, 150)
    (tmp_path / "lines").write_text("\n".join(texts) + "\n")
    compared = matched = captured = 0
    for kind, name in chosen(library):
        pattern = Pattern(library[kind], name)
        command = [SLUICE, "grok", "%{" + name + "}", tmp_path / "lines", "--library", kind, "--json"]
        if pattern.fields:
            command += ["--schema", pattern.schema()]
        else:
            command[2] = "%{" + name + ":all}"
            pattern = Pattern({**library[kind], "": command[2]}, "")
            command += ["--schema", pattern.schema()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode in (0, 3), f"{kind} {name}: {done.stderr}"
        said = [json.loads(line) for line in done.stdout.splitlines()]
        assert [one["line"] for one in said] == list(range(1, len(texts) + 1)), name
        for one, text in zip(said, texts):
            if one.get("code") == "grok.work":
                continue  # Oniguruma has other bounds.
            want = pattern.match(text)
            assert ("fields" in one) == (want is not None), f"{kind} {name}: {text!r}\n{one}"
            compared += 1
            if want is None:
                continue
            matched += 1
            got = {path: value(one["fields"], path) for path in want}
            assert got == want, f"{kind} {name}: {text!r}"
            captured += sum(text is not None for text in got.values())
    # Or the comparison would be of nothing.
    assert matched > compared / 20 and captured > matched
