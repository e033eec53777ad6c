"""The few administrative requests tests make of a Kafka broker, over its own protocol.

Versions are the oldest non-flexible ones that Kafka 4 still answers. All strings ASCII; lengths
and numbers big-endian, as the protocol has it.
"""

import socket
import struct
import time

_METADATA, _CREATE_TOPICS, _DELETE_TOPICS = 3, 19, 20
_DELETE_RECORDS, _CREATE_PARTITIONS = 21, 37


class AdminError(Exception):
    """The broker refused; carries Kafka's error code."""

    def __init__(self, what, code, message=None):
        super().__init__(f"{what}: Kafka error {code}" + (f" ({message})" if message else ""))
        self.code = code


def _text(value):
    if value is None:
        return struct.pack(">h", -1)
    return struct.pack(">h", len(value)) + value.encode()


def _array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


class _Reader:
    """Takes values off the front of a response."""

    def __init__(self, data):
        self._data, self._at = data, 0

    def take(self, kind):
        (value,) = struct.unpack_from(">" + kind, self._data, self._at)
        self._at += struct.calcsize(">" + kind)
        return value

    def text(self):
        length = self.take("h")
        if length < 0:
            return None
        value = self._data[self._at:self._at + length].decode()
        self._at += length
        return value

    def array(self, read):
        return [read() for _ in range(self.take("i"))]


class Admin:
    """One connection; every method waits for its answer and raises AdminError or OSError."""

    def __init__(self, host, port, timeout=30):
        self._timeout = timeout
        self._socket = socket.create_connection((host, port), timeout)
        self._correlation = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def node_count(self):
        """How many live brokers the cluster has."""
        return self._metadata([])[0]

    def partition_leaders(self, topic):
        """Partition -> leader's node id; empty if the topic does not exist."""
        return self._metadata([topic])[1]

    def await_leaders(self, topic, partitions):
        """Returns once each of so many partitions has a leader."""
        deadline = time.monotonic() + self._timeout
        while True:
            leaders = self.partition_leaders(topic)
            if len(leaders) >= partitions and all(node >= 0 for node in leaders.values()):
                return
            if time.monotonic() > deadline:
                raise TimeoutError(f"topic {topic} has leaders {leaders}")
            time.sleep(0.02)

    def create_topic(self, name, partitions, configs):
        """Creates a topic with one replica."""
        settings = _array([_text(k) + _text(str(v)) for k, v in configs.items()])
        topic = _text(name) + struct.pack(">ih", partitions, 1) + _array([]) + settings
        reader = self._ask(_CREATE_TOPICS, 4, _array([topic]) + self._deadline() + b"\0")
        reader.take("i")
        for name, code, message in reader.array(
                lambda: (reader.text(), reader.take("h"), reader.text())):
            if code:
                raise AdminError(f"creating topic {name}", code, message)

    def delete_topic(self, name):
        """Deletes a topic and returns once metadata no longer has it."""
        reader = self._ask(_DELETE_TOPICS, 3, _array([_text(name)]) + self._deadline())
        reader.take("i")
        for name, code in reader.array(lambda: (reader.text(), reader.take("h"))):
            if code:
                raise AdminError(f"deleting topic {name}", code)
        deadline = time.monotonic() + self._timeout
        while self.partition_leaders(name):
            if time.monotonic() > deadline:
                raise TimeoutError(f"topic {name} is still there")
            time.sleep(0.02)

    def create_partitions(self, name, total):
        """Grows a topic."""
        topic = _text(name) + struct.pack(">ii", total, -1)
        reader = self._ask(_CREATE_PARTITIONS, 1, _array([topic]) + self._deadline() + b"\0")
        reader.take("i")
        for name, code, message in reader.array(
                lambda: (reader.text(), reader.take("h"), reader.text())):
            if code:
                raise AdminError(f"growing topic {name}", code, message)

    def delete_records(self, topic, offsets):
        """Removes records below the offsets; returns partition -> new first offset."""
        parts = _array([struct.pack(">iq", p, o) for p, o in offsets.items()])
        reader = self._ask(_DELETE_RECORDS, 1, _array([_text(topic) + parts]) + self._deadline())
        reader.take("i")
        topics = reader.array(lambda: (reader.text(), reader.array(
            lambda: (reader.take("i"), reader.take("q"), reader.take("h")))))
        marks = {}
        for name, partitions in topics:
            for partition, mark, code in partitions:
                if code:
                    raise AdminError(f"deleting records of {name}/{partition}", code)
                marks[partition] = mark
        return marks

    def _metadata(self, topics):
        reader = self._ask(_METADATA, 4, _array([_text(t) for t in topics]) + b"\0")
        reader.take("i")
        nodes = reader.array(
            lambda: (reader.take("i"), reader.text(), reader.take("i"), reader.text()))
        reader.text()
        reader.take("i")
        leaders = {}

        def partition():
            reader.take("h")
            index, leader = reader.take("i"), reader.take("i")
            reader.array(lambda: reader.take("i"))
            reader.array(lambda: reader.take("i"))
            leaders[index] = leader

        def topic():
            reader.take("h")
            reader.text()
            reader.take("b")
            reader.array(partition)

        reader.array(topic)
        return len(nodes), leaders

    def _deadline(self):
        return struct.pack(">i", int(self._timeout * 1000))

    def _ask(self, key, version, body):
        self._correlation += 1
        request = struct.pack(">hhi", key, version, self._correlation) + _text("sluice-test") + body
        self._socket.sendall(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", self._exactly(4))
        answer = _Reader(self._exactly(size))
        if answer.take("i") != self._correlation:
            raise ConnectionError("the broker answered another request")
        return answer

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            more = self._socket.recv(size - len(data))
            if not more:
                raise ConnectionError("the broker closed the connection")
            data += more
        return data
