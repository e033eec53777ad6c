"""HTTP/1.1 messages as bytes: read whole, and kept as they came."""

import dataclasses


class Broken(Exception):
    """The other side ended in the middle, or does not speak HTTP."""


@dataclasses.dataclass
class Message:
    """A request or a reply. `head` and `body` are the bytes of the wire, chunks and all."""
    head: bytes
    body: bytes

    def __post_init__(self):
        first, *lines = self.head.decode("latin-1").rstrip("\r\n").split("\r\n")
        self._first = first.split(" ", 2)
        self.headers = {name.strip().lower(): value.strip()
                        for name, _, value in (line.partition(":") for line in lines)}

    @property
    def method(self):
        return self._first[0]

    @property
    def target(self):
        return self._first[1]

    @property
    def status(self):
        return int(self._first[1])

    @property
    def closes(self):
        """Whether its sender closes the connection after it."""
        return self.headers.get("connection", "").lower() == "close" or "HTTP/1.0" in self._first

    def with_body(self, body):
        """The same with other bytes, and a length that is right for them."""
        lines = [line for line in self.head.rstrip(b"\r\n").split(b"\r\n")
                 if not line.lower().startswith((b"content-length:", b"transfer-encoding:"))]
        lines.append(b"Content-Length: %d" % len(body))
        return Message(b"\r\n".join(lines) + b"\r\n\r\n", body)


def make_reply(status, reason, body=b"", headers=()):
    """A reply with a body of XML."""
    lines = [f"HTTP/1.1 {status} {reason}", "Content-Type: application/xml",
             f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in headers)]
    return Message("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n", body)


def read_message(reader, reply_to=None, go_on=None):
    """The next message, or None if the other side closed before it. `reply_to` is the method that a
    reply answers; `go_on` sends what a client that asks first (Expect: 100-continue) waits for."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = reader.readline(65536)
        if not line:
            if head:
                raise Broken("a head was cut")
            return None
        head += line
    try:
        message = Message(head, b"")
        bodiless = reply_to is not None and (
            reply_to == "HEAD" or message.status < 200 or message.status in (204, 304))
    except (IndexError, ValueError):
        raise Broken("not HTTP") from None
    if bodiless:
        return message
    if go_on and message.headers.get("expect", "").lower() == "100-continue":
        go_on(b"HTTP/1.1 100 Continue\r\n\r\n")
    if "chunked" in message.headers.get("transfer-encoding", "").lower():
        message.body = _read_chunks(reader)
    elif "content-length" in message.headers:
        message.body = _read(reader, int(message.headers["content-length"]))
    elif reply_to is not None:
        message.body = reader.read()
        message.headers["connection"] = "close"  # Its end is the end of the connection.
    return message


def _read(reader, count):
    data = reader.read(count)
    if len(data) < count:
        raise Broken("a body was cut")
    return data


def _read_chunks(reader):
    data = b""
    while True:
        line = reader.readline(65536)
        if not line.endswith(b"\n"):
            raise Broken("a chunk was cut")
        data += line
        size = int(line.split(b";")[0], 16)
        if size == 0:
            while (line := reader.readline(65536)) not in (b"\r\n", b"\n", b""):
                data += line
            return data + line
        data += _read(reader, size + 2)
