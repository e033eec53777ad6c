"""The secrets of S3 turn up in nothing that a job writes or prints, however they are given to it.

The jobs are on moto, which takes any session token; versitygw, which knows none, is there to refuse.
"""

import os
import pathlib
import subprocess

import pytest
from job_harness import SLUICE, wait_until
from s3_servers import ACCESS_KEY, SECRET_KEY, MotoS3, SignedS3
from test_s3_jobs import S3Job
from test_secrets import assert_clean, assert_folder_clean

TOKEN = "canary-s3-token-90c1d3"
SECRETS = (SECRET_KEY, TOKEN)


@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    with MotoS3(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    with SignedS3(tmp_path_factory.mktemp("signed")) as server:
        yield server


def assert_bucket_clean(job):
    """Every object with its metadata, and every upload that is open."""
    server, prefix = job.server, f"{job.prefix}/"
    keys = server.keys(prefix)
    assert any("/state/" in key for key in keys), keys
    for key in keys:
        answer = server.one_client.get_object(Bucket=server.bucket, Key=key)
        assert_clean(key, key.encode() + str(answer["ResponseMetadata"]).encode(), SECRETS)
        assert_clean(key, answer["Body"].read(), SECRETS)
    assert_clean("uploads", str(server.uploads(prefix)).encode(), SECRETS)


def processes(pid):
    """The process, and all that it has started."""
    found = [pid]
    for one in found:
        for task in pathlib.Path(f"/proc/{one}/task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


@pytest.mark.parametrize("way", ["literal", "from-env", "from-file"])
def test_secrets_are_nowhere(tmp_path, moto, signed, way):
    key_file, token_file = tmp_path / "key.txt", tmp_path / "token.txt"
    key_file.write_text(SECRET_KEY + "\n")
    token_file.write_text(TOKEN + "\n")
    key, token = {"literal": (SECRET_KEY, TOKEN),
                  "from-env": ("${MY_KEY}", "${ENV:MY_TOKEN}"),
                  "from-file": (f"${{file:{key_file}}}", f"${{file:{token_file}}}")}[way]
    env = {"MY_KEY": SECRET_KEY, "MY_TOKEN": TOKEN} if way == "from-env" else {}
    storage = {"endpoint": moto.url, "region": "eu-central-1", "accessKeyId": ACCESS_KEY,
               "secretAccessKey": key, "sessionToken": token}
    # The sink has its own, so that what decisions say of a sink is looked at, too.
    folder = tmp_path / f"job-{way}"
    folder.mkdir()
    job = S3Job(folder, moto, storage=storage, spoolDirectory="spool",
                sink={"storage": storage})
    job.environment = env
    good, file = job.job.definition, job.job.file.name
    besides = {str(job.job.file)}

    def check_all(name, out):
        assert_clean(name, out, SECRETS)
        assert_folder_clean(job.job.folder, besides, SECRETS)

    def run(definition, *words, code, **more):
        job.job.write(definition)
        done = subprocess.run([SLUICE, *words], cwd=job.job.folder, capture_output=True, timeout=60,
                              env=dict(os.environ, **env, **more))
        assert done.returncode == code, done.stderr.decode()
        check_all(f"output of {words}", done.stdout + done.stderr)
        return done

    # Decided and not committed, so that uploads are open; then committed by the next process.
    job.add()
    (job.input / "bad.json").write_text('{"id": 1, "city"\n')
    done = job.run("--log-level", "debug", failpoints="K8=kill").failed(-9)
    assert moto.uploads(f"{job.prefix}/")
    check_all("log of a killed process", (done.out + done.err).encode())
    assert_bucket_clean(job)
    run(good, "check", file, code=0)
    done = run(good, "run", file, "--until-caught-up", "--log-level", "debug", code=0)
    assert (b"secretAccessKey" in done.stderr) == (way == "literal"), "a literal is warned about"
    assert any("/dead-letters/" in key for key in moto.keys(job.prefix))
    run(good, "run", file, "--until-caught-up", "--log-format", "json", code=0)
    run(good, "preview", file, "-n", "2", code=0)
    place = good["checkpointLocation"]
    by_environment = {"AWS_ENDPOINT_URL_S3": moto.url, "AWS_SESSION_TOKEN": TOKEN}
    run(good, "checkpoint", "show", place, "--json", code=0, **moto.environment, **by_environment)
    job.check()

    # While it runs: metrics, and what ps shows of it and its children.
    job.add()
    with job.job.start("--log-level", "debug", metrics=True, env=env) as running:
        wait_until(lambda: (running.metric("sluice_rows_written_total") or 0) >= 100,
                   running.metrics_text)
        assert_clean("metrics", running.metrics_text().encode(), SECRETS)
        for pid in processes(running.process.pid):
            process = pathlib.Path(f"/proc/{pid}")
            assert_clean("cmdline", (process / "cmdline").read_bytes(), SECRETS)
            if way != "from-env":
                assert_clean("environ", (process / "environ").read_bytes(), SECRETS)
        done = running.stop().ok()
    check_all("log", (done.out + done.err).encode())
    assert_bucket_clean(job)
    job.check()

    # And when things go wrong.
    def changed(**changes):
        options = {name: value for name, value in (storage | changes).items() if value is not None}
        return good | {"storage": options, "sinks": {"lake": {
            name: value for name, value in good["sinks"]["lake"].items() if name != "storage"}}}
    for refused in ({}, {"sessionToken": None}):
        run(changed(endpoint=signed.url, secretAccessKey="not it" + key, **refused), "run", file,
            "--log-level", "debug", code=2)
    run(changed(secretAccesKey=key), "check", file, code=2)
    run(changed(secretAccessKey=[key]), "check", file, code=2)
    if way != "literal":  # What came by a reference is a secret wherever it is put.
        run(changed(endpoint=key), "run", file, code=2)
        run(changed(pathStyle=key), "check", file, code=2)
