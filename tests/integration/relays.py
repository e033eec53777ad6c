"""What stands between a client and a server on the network, as threads of this process.

TlsFront       speaks TLS with clients and hands on what they say as it is
ConnectProxy   a proxy that knows CONNECT only, and notes where clients wanted to go
"""

import select
import socket
import socketserver
import ssl
import threading


def _relay(one, other):
    """Until either side ends."""
    ends = {one: other, other: one}
    while True:
        ready = [end for end in ends if isinstance(end, ssl.SSLSocket) and end.pending()]
        for end in ready or select.select(list(ends), [], [])[0]:
            data = end.recv(65536)
            if not data:
                return
            ends[end].sendall(data)


class _Relay:
    """Use as a context. `serve(client)` is run in a thread for each connection."""

    def __init__(self, scheme):
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                try:
                    outer.serve(self.request)
                except OSError:
                    pass  # Ends in the middle are what some tests are about.

        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = daemon_threads = True
            request_queue_size = 128

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,),
                                        daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def serve(self, client):
        raise NotImplementedError


class TlsFront(_Relay):
    """`context`: the server side of TLS (registry_servers.tls); `upstream`: a URL."""

    def __init__(self, upstream, context):
        super().__init__("https")
        host, _, port = upstream.removeprefix("http://").rpartition(":")
        self._upstream, self._context = (host, int(port)), context

    def serve(self, client):
        with self._context.wrap_socket(client, server_side=True) as secure:
            with socket.create_connection(self._upstream) as server:
                _relay(secure, server)


class ConnectProxy(_Relay):
    """`asked`: "HOST:PORT" of each connection that was asked for."""

    def __init__(self):
        super().__init__("http")
        self.asked = []

    def serve(self, client):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += client.recv(1)
        method, target, _ = head.decode("latin-1").split(" ", 2)
        assert method == "CONNECT", head
        self.asked.append(target)
        host, _, port = target.rpartition(":")
        with socket.create_connection((host, int(port))) as server:
            client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _relay(client, server)
