#!/usr/bin/env python3
"""An HTTP proxy that does to requests of S3 what networks and S3 do on a bad day.

    with FaultProxy("127.0.0.1:9000", seed=7) as proxy:
        proxy.add_rule(slow_down(), call="UploadPart", probability=0.2)
        proxy.add_rule(lose_reply(), call="CompleteMultipartUpload", nth=1)
        run_the_job(endpoint=proxy.url)
        assert proxy.faulted("CompleteMultipartUpload") == 1

It stands before one server, with buckets in paths (http://HOST/BUCKET/KEY). What it hands on it
hands on byte for byte, the Host header too, so that signatures made for the proxy's address stay
valid. It takes a request whole before it does anything, and asks the server on a connection of its
own. Writes with If-Match or If-None-Match go one after the other for each key, whatever the server
makes of a race.

A request runs through the rules that choose it, in the order in which they were added; the actions
are in fault_actions.py. As a program:

    http_fault_proxy.py --upstream 127.0.0.1:9000 --rule 'slow_down call=UploadPart probability=0.2'
"""

import argparse
import collections
import dataclasses
import random
import re
import signal
import socket
import socketserver
import struct
import threading
import time
import urllib.parse

import fault_actions
from http_messages import Broken, Message, read_message

CALLS = {
    # (method, what the path names, the query's word): the name in S3's reference.
    ("PUT", "key", ""): "PutObject",
    ("GET", "key", ""): "GetObject",
    ("HEAD", "key", ""): "HeadObject",
    ("DELETE", "key", ""): "DeleteObject",
    ("GET", "bucket", "list-type"): "ListObjectsV2",
    ("POST", "key", "uploads"): "CreateMultipartUpload",
    ("PUT", "key", "uploadId"): "UploadPart",
    ("POST", "key", "uploadId"): "CompleteMultipartUpload",
    ("DELETE", "key", "uploadId"): "AbortMultipartUpload",
    ("GET", "key", "uploadId"): "ListParts",
    ("GET", "bucket", "uploads"): "ListMultipartUploads",
    ("POST", "bucket", "delete"): "DeleteObjects",
    ("GET", "bucket", "location"): "GetBucketLocation",
    ("GET", "bucket", "lifecycle"): "GetBucketLifecycleConfiguration",
    ("PUT", "bucket", ""): "CreateBucket",
    ("HEAD", "bucket", ""): "HeadBucket",
}
_WORDS = ("uploadId", "uploads", "list-type", "delete", "location", "lifecycle")


def call_name(method, path, query, headers):
    """The name in CALLS, "PutObjectIfNoneMatch" for a create, or "Other"."""
    named = {name for name, _ in urllib.parse.parse_qsl(query, keep_blank_values=True)}
    word = next((word for word in _WORDS if word in named), "")
    what = "key" if "/" in path.strip("/") else "bucket" if path.strip("/") else "service"
    name = CALLS.get((method, what, word), "Other")
    if name == "PutObject" and headers.get("if-none-match") == "*":
        return "PutObjectIfNoneMatch"
    return name


@dataclasses.dataclass
class Call:
    """A request that arrived; `faults` are the actions that it met, `statuses` what the server said
    each time it was asked."""
    name: str
    method: str
    path: str  # Decoded.
    query: str  # As it came.
    faults: list = dataclasses.field(default_factory=list)
    statuses: list = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Rule:
    """Which requests meet `action`: all conditions that are given must hold. `nth` (a number or
    several, from 1) and `probability` choose among those that match the others; the rule acts at
    most `times` times, and for `seconds` from when it was added."""
    action: fault_actions.Action
    call: str = None  # A name, or several.
    method: str = None
    path: str = None  # A regular expression, found anywhere in the decoded path.
    query: str = None  # Likewise, in the query as it came.
    nth: int = None
    probability: float = None
    times: int = None
    seconds: float = None
    matched: int = 0
    acted: int = 0
    added: float = dataclasses.field(default_factory=time.monotonic)

    def acts_on(self, call, chance):
        """To be asked once for each request."""
        if not (self._among(call.name, self.call) and self._among(call.method, self.method)
                and (self.path is None or re.search(self.path, call.path))
                and (self.query is None or re.search(self.query, call.query))):
            return False
        self.matched += 1
        acts = ((self.nth is None or self._among(self.matched, self.nth))
                and (self.probability is None or chance.random() < self.probability)
                and (self.times is None or self.acted < self.times)
                and (self.seconds is None or time.monotonic() < self.added + self.seconds))
        self.acted += acts
        return acts

    @staticmethod
    def _among(value, wanted):
        if wanted is None or isinstance(wanted, (str, int)):
            return wanted is None or value == wanted
        return value in wanted


class Exchange:
    """One request on its way; what actions work with."""

    def __init__(self, proxy, request, call, actions, connection):
        self.proxy, self.request, self.call = proxy, request, call
        self._actions, self._connection = list(actions), connection
        self.keep_open = False  # Whether another request may follow on the client's connection.

    def proceed(self):
        """The next action, or after the last what happens without any."""
        if self._actions:
            action = self._actions.pop(0)
            action.act(self)
        else:
            self.reply(self.forward())

    def forward(self):
        """The server's reply; raises Broken if none comes."""
        with socket.create_connection(self.proxy.upstream, timeout=120) as server:
            server.sendall(self.request.head + self.request.body)
            reader = server.makefile("rb")
            while True:
                reply = read_message(reader, reply_to=self.request.method)
                if reply is None:
                    raise Broken("the server closed the connection")
                if reply.status >= 200:  # It was not asked to go on: it has the body.
                    break
        self.proxy.note(self.call, reply.status)
        return reply

    def cut_off(self, count):
        """Sends the head and `count` bytes of the body, from the end if negative, and no more."""
        with socket.create_connection(self.proxy.upstream, timeout=120) as server:
            server.sendall(self.request.head + self.request.body[:count])
            # Only once the server has given up on it is the rest of the test on firm ground.
            server.shutdown(socket.SHUT_WR)
            while server.recv(65536):
                pass

    def reply(self, message):
        self._connection.sendall(message.head + message.body)
        self.keep_open = not message.closes

    def break_off(self, data=b""):
        """Sends `data`, if any, and closes. With none the client sees a reset."""
        if data:
            self._connection.sendall(data)
            return
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._connection.close()

    def hold(self, seconds=None):
        """Until the proxy is told to release(), or for so long."""
        self.proxy.hold(seconds)


class FaultProxy:
    """Use as a context, or start() and stop(). All of it from any thread."""

    def __init__(self, upstream, port=0, seed=0):
        """`upstream` is HOST:PORT or an http URL; it may be set anew while it runs."""
        host, _, upstream_port = upstream.removeprefix("http://").rstrip("/").rpartition(":")
        self.upstream = (host, int(upstream_port))
        self.calls = []  # Every Call, in the order of arrival.
        self._rules, self._chance = [], random.Random(seed)
        self._changed = threading.Condition()
        self._releases = self._held = 0
        self._writes = collections.defaultdict(threading.Lock)
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                outer._serve(self.request)

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,),
                                        daemon=True)

    def start(self):
        self._thread.start()
        return self

    def stop(self):
        self.release()
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def add_rule(self, action, **conditions):
        """The Rule, whose `matched` and `acted` count; conditions are its members."""
        rule = Rule(action, **conditions)
        with self._changed:
            self._rules.append(rule)
        return rule

    def clear(self):
        """Forgets the rules and lets go what is held; calls stay counted."""
        with self._changed:
            self._rules = []
        self.release()

    def release(self):
        """Lets go all that is held now."""
        with self._changed:
            self._releases += 1
            self._changed.notify_all()

    def count(self, name=None):
        with self._changed:
            return sum(name in (None, call.name) for call in self.calls)

    def faulted(self, name=None):
        """How many calls met an action."""
        with self._changed:
            return sum(bool(call.faults) and name in (None, call.name) for call in self.calls)

    def counts(self):
        """{name: (calls, how many of them were faulted)}"""
        return {name: (self.count(name), self.faulted(name))
                for name in sorted({call.name for call in list(self.calls)})}

    def wait_for(self, condition, timeout=60):
        """Until `condition()` holds, looked at whenever something here changes."""
        with self._changed:
            assert self._changed.wait_for(condition, timeout), f"not within {timeout} s"

    def wait_for_calls(self, name, count, timeout=60):
        """Until so many such calls arrived."""
        self.wait_for(lambda: sum(call.name == name for call in self.calls) >= count, timeout)

    def wait_for_held(self, count=1, timeout=60):
        """Until so many requests or replies are being held."""
        self.wait_for(lambda: self._held >= count, timeout)

    def note(self, call, status):
        with self._changed:
            call.statuses.append(status)
            self._changed.notify_all()

    def hold(self, seconds):
        with self._changed:
            releases = self._releases
            self._held += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._releases > releases, seconds)
            self._held -= 1

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = connection.makefile("rb")
        try:
            while (request := read_message(reader, go_on=connection.sendall)) is not None:
                if not self._answer(request, connection) or request.closes:
                    return
        except (OSError, Broken):
            pass  # Either side has gone; the other one is told by the close.
        finally:
            reader.close()

    def _answer(self, request, connection):
        """Whether another request may follow."""
        path, _, query = request.target.partition("?")
        path = urllib.parse.unquote(path)
        call = Call(call_name(request.method, path, query, request.headers), request.method, path,
                    query)
        with self._changed:
            actions = [rule.action for rule in self._rules if rule.acts_on(call, self._chance)]
            call.faults = [action.name for action in actions]
            self.calls.append(call)
            self._changed.notify_all()
        exchange = Exchange(self, request, call, actions, connection)
        if request.headers.keys() & {"if-none-match", "if-match"} and request.method != "GET":
            with self._changed:
                turn = self._writes[path]
            with turn:
                exchange.proceed()
        else:
            exchange.proceed()
        return exchange.keep_open


def parse_rule(text):
    """(action, conditions) of 'NAME[:ARGUMENT...] [CONDITION=VALUE]...'."""
    words = text.split()
    kinds = {"nth": int, "times": int, "probability": float, "seconds": float}
    conditions = dict(word.split("=", 1) for word in words[1:])
    return fault_actions.parse(words[0]), {
        name: kinds.get(name, str)(value) for name, value in conditions.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0],
                                     epilog=fault_actions.__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--upstream", required=True, metavar="HOST:PORT")
    parser.add_argument("--port", type=int, default=0, help="default: a free one, which is printed")
    parser.add_argument("--seed", type=int, default=0, help="for rules with a probability")
    parser.add_argument("--rule", action="append", default=[], type=parse_rule,
                        help="'ACTION[:ARGUMENT...] [call=NAME] [method=] [path=REGEX] "
                        "[query=REGEX] [nth=N] [probability=P] [times=N] [seconds=S]'")
    arguments = parser.parse_args()
    ended = threading.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, lambda *_: ended.set())
    with FaultProxy(arguments.upstream, arguments.port, arguments.seed) as proxy:
        for action, conditions in arguments.rule:
            proxy.add_rule(action, **conditions)
        print(proxy.url, flush=True)
        ended.wait()
        for name, (calls, faulted) in proxy.counts().items():
            print(f"{name}: {calls} calls, {faulted} faulted")


if __name__ == "__main__":
    main()
