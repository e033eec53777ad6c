"""Passwords turn up in nothing that is written or printed, whatever is tried with them."""

import base64
import os
import subprocess

import pytest
from job_harness import (SASL_USERS, SLUICE, Job, as_row, assert_same, click, wait_until)

KEY_PASSWORDS = {"literal": "canary-key-literal-5d3c", "from-env": "canary-key-env-77e0",
                 "from-file": "canary-key-file-a1b2"}
SECRETS = [*SASL_USERS.values(), *KEY_PASSWORDS.values()]


def forms(secret):
    """The secret as it may be hidden in a log."""
    yield secret.encode()
    yield base64.b64encode(secret.encode()).rstrip(b"=")
    yield secret.encode().hex().encode()


def assert_clean(name, data, secrets=SECRETS):
    for secret in secrets:
        for form in forms(secret):
            assert form not in data, f"{secret} is in {name}"


def assert_folder_clean(folder, besides, secrets=SECRETS):
    """Every byte and every name below the folder, but for the files the user wrote."""
    for path, _, files in os.walk(folder):
        for name in files:
            full = os.path.join(path, name)
            if full in besides:
                continue
            assert_clean(full, full.encode(), secrets)
            with open(full, "rb") as file:
                assert_clean(full, file.read(), secrets)


@pytest.fixture(scope="module")
def client_keys(cluster, tmp_path_factory):
    """A client's key, encrypted under each password."""
    folder = tmp_path_factory.mktemp("keys")
    for way, password in KEY_PASSWORDS.items():
        subprocess.run(["openssl", "rsa", "-aes256", "-in", cluster.broker.folder / "client.key",
                        "-passout", f"pass:{password}", "-out", folder / f"{way}.key"],
                       check=True, capture_output=True)
    return folder


@pytest.mark.parametrize("way", ["literal", "from-env", "from-file"])
def test_secrets_are_nowhere(cluster, client_keys, tmp_path, way):
    topic = cluster.topic()
    cluster.produce(topic, [click(0), b"bad", click(1)])
    reference = {
        "literal": (SASL_USERS["literal"], KEY_PASSWORDS["literal"]),
        "from-env": ("${SASL_SECRET}", "${ENV:KEY_SECRET}"),
        "from-file": (f"${{file:{tmp_path}/sasl.txt}}", f"${{file:{tmp_path}/key.txt}}")}[way]
    (tmp_path / "sasl.txt").write_text(SASL_USERS["from-file"] + "\n")
    (tmp_path / "key.txt").write_text(KEY_PASSWORDS["from-file"] + "\n")
    env = {"SASL_SECRET": SASL_USERS["from-env"], "KEY_SECRET": KEY_PASSWORDS["from-env"]}
    options = {"listener": "SASL_SSL", "sasl.mechanism": "PLAIN", "sasl.username": way,
               "sasl.password": reference[0], "ssl.key.password": reference[1],
               "ssl.ca.location": str(cluster.broker.folder / "ca.pem"),
               "ssl.certificate.location": str(cluster.broker.folder / "client.pem"),
               "ssl.key.location": str(client_keys / f"{way}.key")}
    good = cluster.job(topic, source=options)
    job = Job(tmp_path / "job", good)
    files = {str(job.file)}

    def run(definition, *words, code):
        job.write(definition)
        done = subprocess.run([SLUICE, *words], cwd=job.folder, env=dict(os.environ, **env),
                              capture_output=True, timeout=60)
        assert done.returncode == code, done.stderr.decode()
        assert_clean(f"output of {words}", done.stdout + done.stderr)
        assert_folder_clean(job.folder, files)
        return done

    file = job.file.name
    run(good, "check", file, code=0)
    done = run(good, "run", file, "--until-caught-up", "--log-level", "debug", code=0)
    assert (b"password" in done.stderr) == (way == "literal"), "a literal is accepted with a warning"
    assert_same(job.rows(), [as_row(click(0)), as_row(click(1))])
    assert len(job.dead_letters()) == 1
    run(good, "run", file, "--until-caught-up", "--log-format", "json", code=0)
    run(good, "preview", file, "-n", "2", code=0)
    run(good, "checkpoint", "show", "state", "--json", code=0)

    # While it runs, metrics too.
    cluster.produce(topic, [click(2)])
    with job.start("--log-level", "debug", metrics=True, env=env) as running:
        wait_until(lambda: (running.metric("sluice_rows_written_total") or 0) >= 1, running.metrics_text)
        assert_clean("metrics", running.metrics_text().encode())
        assert_clean("/proc/cmdline", open(f"/proc/{running.process.pid}/cmdline", "rb").read())
        done = running.stop().ok()
    assert_clean("log", (done.out + done.err).encode())

    # And when things go wrong.
    def changed(**changes):
        definition = cluster.job(topic, source=options | changes)
        definition["checkpointLocation"] = "state2"
        return definition
    wrong_user = dict(changed(**{"sasl.username": "nobody"}))
    run(wrong_user, "run", file, "--log-level", "debug", code=2)
    run(changed(**{"sasl.pasword": reference[0]}), "check", file, code=2)
    run(changed(**{"sasl.password": [reference[0]]}), "check", file, code=2)
    run(changed(**{"kafka.sasl.jaas.config": f'x password="{reference[0]}";'}), "check", file, code=2)
    if way != "literal":  # What came by a reference is a secret wherever it is put.
        run(changed(**{"security.protocol": reference[0]}), "check", file, code=2)
        run(changed(**{"failOnDataLoss": reference[0]}), "check", file, code=2)
    run(changed(**{"ssl.key.password": "not it" + reference[1]}), "run", file, code=2)
