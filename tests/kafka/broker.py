#!/usr/bin/env python3
"""A real Kafka broker for tests: one KRaft node on free loopback ports, in a temporary folder.

As a module:

    with Broker(sasl=True, tls=True) as broker:
        broker.create_topic("clicks", partitions=4)
        run_something(broker.addresses["PLAINTEXT"])
        broker.restart()

As a command, which runs CMD with KAFKA_BOOTSTRAP (and KAFKA_BOOTSTRAP_SASL_PLAINTEXT,
KAFKA_BOOTSTRAP_SSL, KAFKA_BOOTSTRAP_SASL_SSL, KAFKA_CA) in its environment and exits as it does;
without CMD it prints the addresses as a line of JSON and serves until SIGINT or SIGTERM:

    python3 tests/kafka/broker.py [--sasl] [--tls] [--topic NAME:PARTITIONS]... [-- CMD...]

The broker dies with the process (and thread) that started it. Needs java; the jars come from
./dev deps.
"""

import argparse
import ctypes
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from admin import Admin  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
# Name -> password; each may log in by PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512.
USERS = {"alice": "alice-secret"}
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


class BrokerError(Exception):
    """The broker did not start or stop; the message ends with its last log lines."""


def kafka_folder():
    """The folder of dependency kafka in the cache."""
    where = subprocess.run([ROOT / "scripts/deps.sh", "--where", "kafka"], check=True,
                           capture_output=True, text=True).stdout
    folder = pathlib.Path(where.strip().partition("=")[2])
    if not folder.is_dir():
        raise BrokerError(f"the Kafka jars are not in {folder}; run ./dev deps kafka")
    return folder


def _free_ports(count):
    """Ports nobody listens on; held together so that they differ."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


def _openssl(*words, cwd):
    subprocess.run(["openssl", *words], cwd=cwd, check=True, capture_output=True)


class Broker:
    """One broker process and its folder.

    sasl, tls    adds the listeners SASL_PLAINTEXT, SSL; both together SASL_SSL as well
    client_auth  the TLS listeners demand a certificate signed by ca.pem (client.pem is one)
    users        name -> password for SASL, default USERS
    properties   broker settings on top of the defaults
    jvm          options of the JVM
    addresses    listener name -> "127.0.0.1:port"; the same ports for life
    folder       holds server.log, and with tls ca.pem, client.pem, client.key
    """

    def __init__(self, *, sasl=False, tls=False, client_auth=False, users=None, properties=None,
                 jvm=("-Xms256m", "-Xmx512m", "-XX:+UseSerialGC")):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice-kafka-"))
        self._process = None
        self._jvm = list(jvm)
        self._users = USERS if users is None else users
        names = ["PLAINTEXT"] + ["SASL_PLAINTEXT"] * sasl + ["SSL"] * tls
        names += ["SASL_SSL"] * (sasl and tls)
        *ports, controller = _free_ports(len(names) + 1)
        self.addresses = {name: f"127.0.0.1:{port}" for name, port in zip(names, ports)}
        if tls:
            self._make_certificates()
        self._write_settings(f"127.0.0.1:{controller}", client_auth, properties or {})
        self._format_storage()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def bootstrap(self):
        """The address without encryption or login."""
        return self.addresses["PLAINTEXT"]

    @property
    def pid(self):
        """The process, or None while stopped."""
        return self._process.pid if self._process else None

    def start(self, timeout=90):
        """Starts the broker and returns once it answers with itself as a live node."""
        if self._process:
            raise BrokerError("the broker runs already")
        self._process = self._java("kafka.Kafka", str(self.folder / "server.properties"))
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                code, self._process = self._process.returncode, None
                raise BrokerError(f"the broker exited with {code}\n{self._log_tail()}")
            try:
                with self.admin(timeout=5) as admin:
                    if admin.node_count() > 0:
                        return
            except OSError:
                pass
            time.sleep(0.1)
        self.kill()
        raise BrokerError(f"the broker was not ready after {timeout} s\n{self._log_tail()}")

    def stop(self, timeout=60):
        """Shuts the broker down in order; its data stays."""
        self._end(signal.SIGTERM, timeout)

    def kill(self):
        """Ends the broker at once, as a crash would; its data stays."""
        self._end(signal.SIGKILL, 30)

    def restart(self):
        """Stops and starts on the same ports with the same data."""
        self.stop()
        self.start()

    def pause(self):
        """Freezes the broker: connections stay open and nothing answers, until resume."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self):
        """Lets a paused broker go on."""
        os.kill(self.pid, signal.SIGCONT)

    def close(self):
        """Ends the broker and removes its folder."""
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def admin(self, timeout=30):
        """A connection for administration; use it with `with`."""
        host, port = self.bootstrap.split(":")
        return Admin(host, int(port), timeout)

    def create_topic(self, name, partitions=1, configs=None):
        """Creates a topic and returns once its partitions have leaders."""
        with self.admin() as admin:
            admin.create_topic(name, partitions, configs or {})
            admin.await_leaders(name, partitions)

    def delete_topic(self, name):
        """Deletes a topic and returns once it is gone."""
        with self.admin() as admin:
            admin.delete_topic(name)

    def add_partitions(self, name, total):
        """Grows a topic to `total` partitions."""
        with self.admin() as admin:
            admin.create_partitions(name, total)
            admin.await_leaders(name, total)

    def delete_records(self, topic, offsets):
        """Removes records below offsets {partition: offset}; -1 is all. Returns the low marks."""
        with self.admin() as admin:
            return admin.delete_records(topic, offsets)

    def _end(self, signal_number, timeout):
        if not self._process:
            return
        self._process.send_signal(signal_number)
        self._process.send_signal(signal.SIGCONT)
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _java(self, main, *words):
        """Starts a class of Kafka's with its output appended to server.log."""
        kafka = kafka_folder()
        jars = sorted(str(jar) for jar in (kafka / "jars").glob("*.jar"))
        command = ["java", *self._jvm,
                   f"-Dlog4j2.configurationFile={self.folder / 'log4j2.properties'}",
                   "-cp", ":".join(jars), main, *words]
        with open(self.folder / "server.log", "ab") as log:
            return subprocess.Popen(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
                preexec_fn=lambda: _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL))

    def _log_tail(self):
        path = self.folder / "server.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join(lines[-30:])

    def _write_settings(self, controller, client_auth, properties):
        listeners = dict(self.addresses, CONTROLLER=controller)
        settings = {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": ",".join(f"{n}://{a}" for n, a in listeners.items()),
            "advertised.listeners": ",".join(f"{n}://{a}" for n, a in self.addresses.items()),
            "listener.security.protocol.map": ",".join(
                f"{n}:{'PLAINTEXT' if n == 'CONTROLLER' else n}" for n in listeners),
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": str(self.folder / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "1",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "1",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "log.cleaner.dedupe.buffer.size": "4194304",
            # After a kill the controller turns the broker away until its old session is over.
            "broker.session.timeout.ms": "4000",
            "broker.heartbeat.interval.ms": "500",
        }
        if "SASL_PLAINTEXT" in self.addresses:
            mechanisms = "PLAIN,SCRAM-SHA-256,SCRAM-SHA-512"
            settings["sasl.enabled.mechanisms"] = mechanisms
            plain = "".join(f' user_{n}="{p}"' for n, p in self._users.items())
            package = "org.apache.kafka.common.security"
            for name in ("sasl_plaintext", "sasl_ssl"):
                if name.upper() not in self.addresses:
                    continue
                prefix = f"listener.name.{name}"
                settings[f"{prefix}.plain.sasl.jaas.config"] = (
                    f"{package}.plain.PlainLoginModule required{plain};")
                for bits in ("256", "512"):
                    settings[f"{prefix}.scram-sha-{bits}.sasl.jaas.config"] = (
                        f"{package}.scram.ScramLoginModule required;")
        if "SSL" in self.addresses:
            settings |= {
                "ssl.keystore.type": "PEM",
                "ssl.keystore.location": str(self.folder / "server-chain.pem"),
                "ssl.truststore.type": "PEM",
                "ssl.truststore.location": str(self.folder / "ca.pem"),
                "ssl.client.auth": "required" if client_auth else "none",
            }
        settings |= properties
        (self.folder / "server.properties").write_text(
            "".join(f"{key}={value}\n" for key, value in settings.items()))
        (self.folder / "log4j2.properties").write_text(
            "appender.out.type=Console\nappender.out.name=out\n"
            "appender.out.layout.type=PatternLayout\n"
            "appender.out.layout.pattern=%d{HH:mm:ss.SSS} %p %m (%c{1})%n%throwable{5}\n"
            "rootLogger.level=info\nrootLogger.appenderRef.out.ref=out\n")

    def _format_storage(self):
        words = ["format", "--config", str(self.folder / "server.properties"),
                 "--cluster-id", "c2x1aWNlLXRlc3RzLWthZg"]
        if "SASL_PLAINTEXT" in self.addresses:
            for name, password in self._users.items():
                for bits in ("256", "512"):
                    words += ["--add-scram",
                              f'SCRAM-SHA-{bits}=[name="{name}",password="{password}"]']
        process = self._java("kafka.tools.StorageTool", *words)
        if process.wait(60) != 0:
            raise BrokerError(f"formatting the storage failed\n{self._log_tail()}")

    def _make_certificates(self):
        """A certificate authority, and certificates for the server and one client."""
        _openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                 "/CN=sluice test CA", "-keyout", "ca.key", "-out", "ca.pem", cwd=self.folder)
        (self.folder / "san.txt").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost\n")
        for name in ("server", "client"):
            _openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout",
                     f"{name}.key", "-out", f"{name}.csr", cwd=self.folder)
            _openssl("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                     "-CAcreateserial", "-days", "2", "-extfile", "san.txt", "-out",
                     f"{name}.pem", cwd=self.folder)
        chain = [(self.folder / n).read_text() for n in ("server.key", "server.pem", "ca.pem")]
        (self.folder / "server-chain.pem").write_text("".join(chain))


def main():
    """Runs a broker for the length of a command, or until a signal."""
    parser = argparse.ArgumentParser(description="Run a Kafka broker for tests.")
    parser.add_argument("--sasl", action="store_true", help="add SASL listeners (user alice)")
    parser.add_argument("--tls", action="store_true", help="add TLS listeners")
    parser.add_argument("--topic", action="append", default=[], metavar="NAME:PARTITIONS")
    parser.add_argument("command", nargs="*", metavar="CMD", help="after --: what to run")
    arguments = parser.parse_args()

    def interrupt(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
    try:
        with Broker(sasl=arguments.sasl, tls=arguments.tls) as broker:
            for topic in arguments.topic:
                name, _, partitions = topic.partition(":")
                broker.create_topic(name, int(partitions or 1))
            if not arguments.command:
                facts = dict(broker.addresses, folder=str(broker.folder), pid=broker.pid)
                print(json.dumps(facts), flush=True)
                signal.pause()
            environment = dict(os.environ, KAFKA_BOOTSTRAP=broker.bootstrap)
            for name, address in broker.addresses.items():
                environment[f"KAFKA_BOOTSTRAP_{name}"] = address
            if arguments.tls:
                environment["KAFKA_CA"] = str(broker.folder / "ca.pem")
            return subprocess.run(arguments.command, env=environment, check=False).returncode
    except KeyboardInterrupt:
        return 130 if arguments.command else 0
    except BrokerError as error:
        print(f"broker: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
