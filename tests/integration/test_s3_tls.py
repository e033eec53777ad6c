"""S3 over TLS: certificates are verified, there is no way around it, and proxies are honoured."""

import pytest
from registry_servers import Authority, tls
from relays import ConnectProxy, TlsFront
from s3_servers import SignedS3
from test_s3_jobs import S3Job

# Whatever the machine's own are.
NO_PROXIES = {name: "" for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy",
                                    "NO_PROXY", "no_proxy")}


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    with SignedS3(tmp_path_factory.mktemp("s3")) as server:
        yield server


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def front(signed, authority):
    """The server's address with TLS."""
    with TlsFront(signed.url, tls(authority.issue("right"))) as one:
        yield one


def make_job(folder, signed, url, **storage):
    job = S3Job(folder, signed, storage={"endpoint": url} | storage)
    job.environment |= NO_PROXIES
    job.add(30)
    return job


def test_a_job_over_tls(tmp_path, signed, authority, front):
    job = make_job(tmp_path, signed, front.url, caFile=str(authority.pem))
    job.run().ok()
    job.check()
    job.no_leftovers()


def test_a_certificate_of_an_unknown_authority_is_refused(tmp_path, signed, front):
    job = make_job(tmp_path, signed, front.url)
    job.run().failed(2, r"net\.tls", "certificate", front.url)
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    job = make_job(stranger, signed, front.url, caFile=str(Authority(tmp_path, "stranger").pem))
    job.run().failed(2, r"net\.tls", "certificate", front.url)
    assert signed.keys(f"{tmp_path.name}/") == signed.keys("stranger/") == []


def test_a_certificate_for_another_host_is_refused(tmp_path, signed, authority):
    pem = authority.issue("elsewhere", addresses=("127.0.0.2",))
    with TlsFront(signed.url, tls(pem)) as front:
        job = make_job(tmp_path, signed, front.url, caFile=str(authority.pem))
        job.run().failed(2, r"net\.tls", "127.0.0.1")
    assert signed.keys(f"{tmp_path.name}/") == []


def test_an_expired_certificate_is_refused(tmp_path, signed, authority):
    with TlsFront(signed.url, tls(authority.issue("expired", days=-1))) as front:
        job = make_job(tmp_path, signed, front.url, caFile=str(authority.pem))
        job.run().failed(2, r"net\.tls", "expired")
    assert signed.keys(f"{tmp_path.name}/") == []


def test_a_file_of_authorities_that_is_missing_is_named(tmp_path, signed, front):
    job = make_job(tmp_path, signed, front.url, caFile=str(tmp_path / "missing.pem"))
    job.run().failed(2, "missing.pem")


def test_certificates_cannot_be_left_unverified(tmp_path, signed, front):
    for name in ("insecure", "verify", "skipTlsVerification"):
        folder = tmp_path / name
        folder.mkdir()
        make_job(folder, signed, front.url, **{name: True}).run().failed(2, name)


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy"])
def test_the_proxy_of_the_environment(tmp_path, signed, authority, front, name):
    host = front.url.removeprefix("https://")
    with ConnectProxy() as proxy:
        job = make_job(tmp_path, signed, front.url, caFile=str(authority.pem))
        job.run(env={name: proxy.url}).ok()
        job.check()
        assert set(proxy.asked) == {host}
        # And what is to go without it.
        proxy.asked.clear()
        job.add(30)
        job.run(env={name: proxy.url, "NO_PROXY": "127.0.0.1"}).ok()
        job.check()
        assert proxy.asked == []
