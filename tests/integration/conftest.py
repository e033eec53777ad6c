"""One broker for all integration tests of whole jobs."""

import pathlib
import sys

import pytest
from broker import Broker
from job_harness import SASL_USERS, Cluster, Job, click

# The fault proxy, which is a program too and stands apart.
sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "faults"))


@pytest.fixture(scope="session")
def cluster():
    """The broker with every listener, and topics of fresh names."""
    # Cleaning and retention are looked at often, so that tests of holes need not wait.
    with Broker(sasl=True, tls=True, users=SASL_USERS, properties={
            "log.retention.check.interval.ms": "500", "log.cleaner.backoff.ms": "200"}) as broker:
        yield Cluster(broker)


@pytest.fixture(scope="session")
def one_minute_job(cluster, tmp_path_factory):
    """A job with the shortest timeout there is, running while other tests do; with its 100 clicks."""
    topic = cluster.topic()
    job = Job(tmp_path_factory.mktemp("timeout"),
              cluster.job(topic, window="10 minutes", timeout=1))
    cluster.produce(topic, [click(i) for i in range(100)])
    with job.start() as running:
        yield job, running
