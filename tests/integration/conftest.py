"""One broker for all integration tests of whole jobs."""

import pytest
from broker import Broker
from job_harness import SASL_USERS, Cluster


@pytest.fixture(scope="session")
def cluster():
    """The broker with every listener, and topics of fresh names."""
    # Cleaning and retention are looked at often, so that tests of holes need not wait.
    with Broker(sasl=True, tls=True, users=SASL_USERS, properties={
            "log.retention.check.interval.ms": "500", "log.cleaner.backoff.ms": "200"}) as broker:
        yield Cluster(broker)
