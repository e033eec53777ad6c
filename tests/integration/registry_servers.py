"""Schema registries for tests: two real ones, and one that does what real ones do on a bad day.

Apicurio   Apicurio Registry, whose API /apis/ccompat/v7 is Confluent's
Moto       moto's server: AWS Glue, STS and IAM; it can demand valid signatures
Scripted   a server in this process that answers as a test tells it, with TLS if asked
"""

import ctypes
import datetime
import http.server
import ipaddress
import json
import os
import pathlib
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = pathlib.Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


class ServerProcess:
    """A server in a process of its own, which dies with the one that started it."""

    def __init__(self, command, folder, ready, environment=None):
        self.log = folder / "server.log"
        with open(self.log, "ab") as log:
            self._process = subprocess.Popen(
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True, env=dict(os.environ, **(environment or {})),
                preexec_fn=lambda: _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))
        deadline = time.monotonic() + 90
        while True:
            try:
                urllib.request.urlopen(ready, timeout=5).read()
                return
            except (OSError, urllib.error.HTTPError):
                assert self._process.poll() is None and time.monotonic() < deadline, (
                    f"{command[0]} did not start\n{self.log.read_text(errors='replace')[-3000:]}")
                time.sleep(0.1)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()


class Apicurio(ServerProcess):
    """Apicurio Registry with its memory only; `url` is the Confluent API."""

    def __init__(self, folder):
        where = subprocess.run([ROOT / "scripts/deps.sh", "--where", "apicurio"], check=True,
                               capture_output=True, text=True).stdout
        home = pathlib.Path(where.strip().partition("=")[2])
        jars = list(home.glob("*-runner.jar"))
        assert jars, f"Apicurio Registry is not in {home}; run ./dev deps apicurio"
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/apis/ccompat/v7"
        super().__init__(
            ["java", "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
             "-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={port}", "-jar", jars[0]],
            folder, f"{self.url}/subjects")

    def _ask(self, method, path, body=None):
        request = urllib.request.Request(
            self.url + path, method=method, data=json.dumps(body).encode() if body else None,
            headers={"Content-Type": "application/vnd.schemaregistry.v1+json"})
        return json.load(urllib.request.urlopen(request, timeout=30))

    def register(self, subject, schema, kind="AVRO", references=()):
        """Registers a version and returns its id; references are (name, subject, version)."""
        words = [dict(zip(("name", "subject", "version"), one)) for one in references]
        body = {"schema": schema, "schemaType": kind, "references": words}
        return self._ask("POST", f"/subjects/{urllib.parse.quote(subject, safe='')}/versions",
                         body)["id"]

    def delete(self, subject):
        """Deletes all versions of a subject, for good."""
        path = f"/subjects/{urllib.parse.quote(subject, safe='')}"
        self._ask("DELETE", path)
        try:
            self._ask("DELETE", path + "?permanent=true")
        except urllib.error.HTTPError as error:  # Here the first was for good already.
            assert error.code == 404


class Moto(ServerProcess):
    """moto's server at `url`. With `free_actions`, all but the first so many need a valid signature
    of a user who may do them."""

    def __init__(self, folder, free_actions=None):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = {} if free_actions is None else {
            "INITIAL_NO_AUTH_ACTION_COUNT": str(free_actions)}
        super().__init__([sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
                         folder, f"{self.url}/moto-api/data.json", environment)


class Authority:
    """A certificate authority in a folder; `pem` is its own certificate."""

    def __init__(self, folder, name="sluice test CA"):
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        self.pem = folder / "ca.pem"
        self._certificate = self._sign(self._name, self._key.public_key(), [
            (x509.BasicConstraints(ca=True, path_length=None), True)], 2)
        self.pem.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(self, name, addresses=("127.0.0.1",), days=2, password=None):
        """A file with a certificate for addresses, and its key, that holds for so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName(
            [x509.IPAddress(ipaddress.ip_address(one)) for one in addresses])
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        certificate = self._sign(subject, key.public_key(), [(names, False)], days)
        sealed = (serialization.BestAvailableEncryption(password.encode()) if password
                  else serialization.NoEncryption())
        path = self._folder / f"{name}.pem"
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed))
        return path

    def _sign(self, subject, key, extensions, days):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (x509.CertificateBuilder().subject_name(subject).issuer_name(self._name)
                   .public_key(key).serial_number(x509.random_serial_number())
                   .not_valid_before(now - datetime.timedelta(days=10))
                   .not_valid_after(now + datetime.timedelta(days=days)))
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(self._key, hashes.SHA256())


class Scripted:
    """Answers each request with what `answer(path, headers)` returns: (status, body) or, with a
    third member, headers; None holds the connection open without a word."""

    def __init__(self, answer, context=None):
        self.requests = []
        self.arrived = threading.Semaphore(0)
        self._held = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.requests.append((self.path, dict(self.headers)))
                outer.arrived.release()
                reply = answer(self.path, self.headers)
                self.close_connection = True
                if reply is None:
                    outer._held.wait(120)
                    return
                status, body, *more = reply
                body = body if isinstance(body, bytes) else body.encode()
                self.send_response(status)
                for name, value in (more[0] if more else {}).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                try:
                    self.wfile.write(body)
                except OSError:
                    pass  # The other side has had enough.

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            def handle_error(self, *_):
                pass  # Handshakes that fail are what some tests are about.

            def finish_request(self, request, address):
                if context:
                    request.settimeout(20)
                    request = context.wrap_socket(request, server_side=True)
                super().finish_request(request, address)

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        scheme = "https" if context else "http"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._held.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def tls(pem, password=None, client_authority=None):
    """The server side of TLS with a certificate, and with clients' certificates if asked."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, password=password)
    if client_authority:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(client_authority)
    return context
