"""A real PostgreSQL server for tests, on a free loopback port, with a password and with TLS.

    with Postgresql() as database:
        database.run("CREATE TABLE users (id int)")
        table = database.table("users")  # The table's section of a job file.
"""

import ctypes
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

import psycopg2
from registry_servers import Authority, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)
_NOBODY = 65534

# Turns up nowhere but in the job file's environment.
PASSWORD = "canary-postgresql-5e81c0"


class Postgresql:
    """The server refuses to run as root, and then runs as nobody from copies it can read."""

    def __init__(self):
        where = subprocess.run([ROOT / "scripts/deps.sh", "--where", "postgresql"], check=True,
                               capture_output=True, text=True).stdout
        home = pathlib.Path(where.strip().partition("=")[2])
        assert (home / "bin/postgres").exists(), f"no server in {home}; run ./dev deps postgresql"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-postgresql-"))
        self.folder.chmod(0o755)
        self._user = {}
        if os.geteuid() == 0:
            self._user = {"user": _NOBODY, "group": _NOBODY, "extra_groups": []}
            home = shutil.copytree(home, self.folder / "server")
        self._bin = home / "bin"
        self.port = free_port()
        self.authority = Authority(self.folder)
        self._process = None
        password = self.folder / "password"
        password.write_text(PASSWORD)
        data = self.folder / "data"
        data.mkdir()
        both = self.authority.issue("server")
        for path in (data, password, both):
            path.chmod(0o700 if path.is_dir() else 0o600)
            if self._user:
                os.chown(path, _NOBODY, _NOBODY)
        subprocess.run([self._bin / "initdb", "-D", data, "-U", "etl", "--pwfile", password,
                        "--auth", "scram-sha-256", "-E", "UTF8", "--locale", "C", "--no-sync"],
                       cwd=self.folder, check=True, capture_output=True, timeout=120, **self._user)
        with open(data / "postgresql.conf", "a", encoding="utf-8") as configuration:
            configuration.write(
                f"listen_addresses = '127.0.0.1'\nport = {self.port}\nfsync = off\n"
                f"unix_socket_directories = ''\nssl = on\nssl_cert_file = '{both}'\n"
                f"ssl_key_file = '{both}'\ntimezone = 'Europe/Berlin'\n")
        self.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        with open(self.folder / "server.log", "ab") as log:
            self._process = subprocess.Popen(
                [self._bin / "postgres", "-D", self.folder / "data"], cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=lambda: _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL), **self._user)
        deadline = time.monotonic() + 60
        while True:
            try:
                self.connect().close()
                return
            except psycopg2.OperationalError as error:
                log = (self.folder / "server.log").read_text(errors="replace")[-3000:]
                assert self._process.poll() is None and time.monotonic() < deadline, f"{error}{log}"
                time.sleep(0.05)

    def stop(self):
        """At once; connections break."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            self._process.wait(30)
        self._process = None

    def connect(self):
        connection = psycopg2.connect(host="127.0.0.1", port=self.port, dbname="postgres",
                                      user="etl", password=PASSWORD)
        connection.autocommit = True
        return connection

    def run(self, *statements):
        """The rows of the last one, if it gives any."""
        connection = self.connect()
        try:
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def table(self, name, **options):
        """For `tables` of a job; the password comes from the variable that `environment` sets."""
        return {"type": "postgresql", "url": f"jdbc:postgresql://127.0.0.1:{self.port}/postgres",
                "dbtable": name, "user": "etl", "password": "${TABLES_PASSWORD}",
                "sslrootcert": str(self.authority.pem)} | options

    environment = {"TABLES_PASSWORD": PASSWORD}
