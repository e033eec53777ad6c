"""The fault proxy before a server that verifies signatures: what it does, and nothing more."""

import http.client
import pathlib
import re
import subprocess
import sys
import threading
import urllib.parse

import fault_actions as faults
import pytest
from http_fault_proxy import CALLS, Call, FaultProxy, Rule
from s3_servers import BUCKET, S3Requests, SignedS3

ONLY_NEW = {"If-None-Match": "*"}
BROKEN = (http.client.HTTPException, OSError)


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with SignedS3(tmp_path_factory.mktemp("s3")) as one:
        yield one


@pytest.fixture
def proxy(server):
    with FaultProxy(server.url, seed=1) as one:
        yield one


@pytest.fixture
def s3(proxy):
    """Signs for the proxy's address."""
    return S3Requests(proxy.url)


@pytest.fixture
def key(request):
    """One that no other test has."""
    return re.sub(r"\W", "_", request.node.name)


def path(key):
    return f"/{BUCKET}/{urllib.parse.quote(key)}"


def code(reply):
    found = re.search(rb"<Code>(\w+)</Code>", reply.body)
    return found and found.group(1).decode()


class Background(threading.Thread):
    """A request that goes on while the test does; `reply` is None if none came."""

    def __init__(self, ask):
        super().__init__(daemon=True)
        self._ask, self.reply = ask, None
        self.start()

    def run(self):
        try:
            self.reply = self._ask()
        except BROKEN:
            pass

    def result(self):
        self.join(60)
        assert not self.is_alive()
        return self.reply


def test_signed_requests_pass_unchanged_and_are_named(proxy, s3, server):
    client, key = s3.client(), "odd/sp ace %2F+é"
    named = {"Bucket": BUCKET, "Key": key}
    client.put_object(**named, Body=b"x" * 3_000_000)  # Asks first: Expect: 100-continue.
    assert client.get_object(**named)["Body"].read() == b"x" * 3_000_000
    client.head_object(**named)
    client.put_object(**named | {"Key": "odd/new"}, Body=b"x", IfNoneMatch="*")
    for finish in ("complete", "abort"):
        upload = client.create_multipart_upload(**named)["UploadId"]
        part = client.upload_part(**named, UploadId=upload, PartNumber=1, Body=b"y")
        assert s3.uploads("odd/") == [(key, upload)]
        if finish == "complete":
            parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
            client.complete_multipart_upload(**named, UploadId=upload, MultipartUpload=parts)
        else:
            client.abort_multipart_upload(**named, UploadId=upload)
    assert key in s3.keys("odd/") and server.uploads("odd/") == []
    client.delete_object(**named)
    assert s3.request("GET", path("a"), secret="wrong").status == 403
    assert proxy.counts() == {
        "AbortMultipartUpload": (1, 0), "CompleteMultipartUpload": (1, 0),
        "CreateMultipartUpload": (2, 0), "DeleteObject": (1, 0), "GetObject": (2, 0),
        "HeadObject": (1, 0), "ListMultipartUploads": (2, 0), "ListObjectsV2": (1, 0),
        "PutObject": (1, 0), "PutObjectIfNoneMatch": (1, 0), "UploadPart": (2, 0)}
    assert proxy.calls[0].path == f"/{BUCKET}/{key}"


def test_one_connection_carries_many_requests(proxy, s3, key):
    connection = http.client.HTTPConnection(proxy.url.removeprefix("http://"), timeout=60)
    for _ in range(3):
        connection.request("GET", path(key))  # Unsigned.
        reply = connection.getresponse()
        assert (reply.status, b"AccessDenied" in reply.read()) == (403, True)
    connection.close()


@pytest.mark.parametrize("action, status, told", [
    ("slow_down", 503, "SlowDown"), ("internal_error", 500, "InternalError"),
    ("too_many", 429, "TooManyRequests"), ("expired_token", 400, "ExpiredToken"),
    ("skewed", 403, "RequestTimeTooSkewed"), ("no_such_upload", 404, "NoSuchUpload"),
    ("redirect:us-west-2", 301, "PermanentRedirect"), ("error_body", 200, "InternalError"),
    ("status:409:ConditionalRequestConflict", 409, "ConditionalRequestConflict")])
def test_errors_that_the_server_never_hears_of(proxy, s3, server, key, action, status, told):
    proxy.add_rule(faults.parse(action), call="PutObject", nth=1)
    reply = s3.request("PUT", path(key), body=b"x")
    assert (reply.status, code(reply)) == (status, told)
    assert reply.headers.get("x-amz-bucket-region") == ("us-west-2" if status == 301 else None)
    assert proxy.calls[0].statuses == [] and key not in server.keys()
    assert s3.request("PUT", path(key), body=b"x").status == 200, "only the first"
    assert proxy.counts()["PutObject"] == (2, 1)
    assert proxy.calls[0].faults == [faults.parse(action).name]


def test_an_error_without_a_body_for_head(proxy, s3, key):
    proxy.add_rule(faults.slow_down(), call="HeadObject")
    reply = s3.request("HEAD", path(key))
    assert (reply.status, reply.body) == (503, b"")


def test_a_reset_before_the_server(proxy, s3, server, key):
    proxy.add_rule(faults.reset(), times=1)
    with pytest.raises(ConnectionResetError):
        s3.request("PUT", path(key), body=b"x")
    assert key not in server.keys()
    assert s3.request("PUT", path(key), body=b"x").status == 200


@pytest.mark.parametrize("count", [0, 1, 500_000, -1])
def test_a_cut_request_leaves_nothing(proxy, s3, server, key, count):
    proxy.add_rule(faults.cut_request(count), times=1)
    with pytest.raises(BROKEN):
        s3.request("PUT", path(key), body=b"x" * 1_000_000)
    assert key not in server.keys()


def test_a_lost_reply_is_of_what_happened(proxy, s3, server, key):
    proxy.add_rule(faults.lose_reply(), call="PutObjectIfNoneMatch", nth=1)
    with pytest.raises(BROKEN):
        s3.request("PUT", path(key), body=b"x", headers=ONLY_NEW)
    assert server.request("GET", path(key)).body == b"x"
    assert s3.request("PUT", path(key), body=b"x", headers=ONLY_NEW).status == 412


def test_an_error_body_after_it_was_done(proxy, s3, server, key):
    proxy.add_rule(faults.error_body_after())
    reply = s3.request("PUT", path(key), body=b"x")
    assert (reply.status, code(reply)) == (200, "InternalError")
    assert server.request("GET", path(key)).body == b"x"


def test_a_duplicated_request_gets_the_second_reply(proxy, s3, key):
    proxy.add_rule(faults.duplicate(), nth=1)
    assert s3.request("PUT", path(key), body=b"x", headers=ONLY_NEW).status == 412
    assert proxy.calls[0].statuses == [200, 412]


def test_a_list_cut_short(proxy, s3, key):
    assert s3.request("PUT", path(key), body=b"x").status == 200
    proxy.add_rule(faults.cut_reply(150), call="ListObjectsV2", nth=1)
    proxy.add_rule(faults.shorten_reply(150), call="ListObjectsV2", nth=2)
    query = f"list-type=2&prefix={key}"
    with pytest.raises(http.client.IncompleteRead) as raised:
        s3.request("GET", f"/{BUCKET}", query)
    reply = s3.request("GET", f"/{BUCKET}", query)
    assert len(raised.value.partial) == len(reply.body) == 150
    assert b"</ListBucketResult>" in s3.request("GET", f"/{BUCKET}", query).body


def test_what_hangs_is_held_until_released(proxy, s3, server, key):
    proxy.add_rule(faults.hang(), query="never")
    proxy.add_rule(faults.hang_late(), query="late")
    proxy.add_rule(faults.hang_reply(), query="reply")
    asked = {how: Background(lambda how=how: s3.request(
        "PUT", path(f"{key}/{how}"), f"x-id={how}", body=b"x"))
        for how in ("never", "late", "reply")}
    proxy.wait_for_held(3)
    assert server.keys(key) == [f"{key}/reply"]
    proxy.release()
    assert asked["never"].result() is None
    assert asked["late"].result().status == asked["reply"].result().status == 200
    assert server.keys(key) == [f"{key}/late", f"{key}/reply"]


def test_a_late_request_arrives_though_nobody_waits(proxy, s3, server, key):
    proxy.add_rule(faults.hang_late(), nth=1)
    with pytest.raises(TimeoutError):
        s3.request("PUT", path(key), body=b"old", timeout=0.2)
    assert key not in server.keys()
    proxy.clear()
    proxy.wait_for(lambda: proxy.calls[0].statuses == [200])
    assert server.request("GET", path(key)).body == b"old"


def test_a_delay_goes_on_with_the_next_rule(proxy, s3, key):
    proxy.add_rule(faults.delay(3600))
    proxy.add_rule(faults.slow_down())
    asked = Background(lambda: s3.request("PUT", path(key), body=b"x"))
    proxy.wait_for_held()
    proxy.release()
    assert asked.result().status == 503
    assert proxy.calls[0].faults == ["delay:3600", "status:503:SlowDown"]
    proxy.clear()
    proxy.add_rule(faults.delay(0.05))
    assert s3.request("PUT", path(key), body=b"x").status == 200


def test_creates_of_one_key_go_one_after_the_other(proxy, s3, key):
    proxy.add_rule(faults.hang_reply(), path=f"{key}$", nth=1)

    def create(name):
        return s3.request("PUT", path(name), body=b"x", headers=ONLY_NEW)

    first = Background(lambda: create(key))
    proxy.wait_for_held()
    second = Background(lambda: create(key))
    proxy.wait_for_calls("PutObjectIfNoneMatch", 2)
    assert create(key + "-other").status == 200, "another key need not wait"
    assert proxy.calls[1].statuses == []
    proxy.release()
    assert (first.result().status, second.result().status) == (200, 412)


def test_of_many_creates_one_wins(s3, key):
    asked = [Background(lambda i=i: s3.request("PUT", path(key), body=b"%d" % i, headers=ONLY_NEW))
             for i in range(16)]
    statuses = [one.result().status for one in asked]
    assert sorted(statuses) == [200] + [412] * 15
    assert s3.request("GET", path(key)).body == b"%d" % statuses.index(200)


def test_rules_choose():
    class Never:
        @staticmethod
        def random():
            return 1.0

    def chosen(calls, **conditions):
        rule = Rule(faults.reset(), **conditions)
        return [i for i, call in enumerate(calls) if rule.acts_on(call, Never)]

    calls = [Call("PutObject", "PUT", "/b/a", ""),
             Call("UploadPart", "PUT", "/b/a b", "partNumber=1"),
             Call("UploadPart", "PUT", "/b/c", "partNumber=2"),
             Call("GetObject", "GET", "/b/a", "")]
    assert chosen(calls) == [0, 1, 2, 3]
    assert chosen(calls, call=("PutObject", "GetObject")) == [0, 3]
    assert chosen(calls, method="PUT", path="a") == [0, 1]
    assert chosen(calls, query="partNumber=[2-9]") == [2]
    assert chosen(calls, path="/a$", nth=2) == [3]
    assert chosen(calls, nth=(1, 3)) == [0, 2]
    assert chosen(calls, method="PUT", times=2) == [0, 1]
    assert chosen(calls, probability=0.99) == []
    assert chosen(calls, seconds=0) == []


def test_the_same_seed_chooses_the_same(server):
    runs = []
    for seed in (5, 5, 6):
        with FaultProxy(server.url, seed=seed) as proxy:
            proxy.add_rule(faults.slow_down(), probability=0.5)
            runs.append([S3Requests(proxy.url).request("HEAD", path("a")).status
                         for _ in range(24)])
    assert runs[0] == runs[1] != runs[2]
    assert set(runs[0]) == {404, 503}


def test_every_name_that_is_documented_parses():
    for line in fault_actions_lines():
        for name in line.split(", "):
            assert faults.parse(re.sub(r":[A-Z]+", ":5", name)).name
    with pytest.raises(ValueError, match="no action nothing"):
        faults.parse("nothing")
    assert len(set(CALLS.values())) == len(CALLS)


def fault_actions_lines():
    """What stands before each explanation."""
    lines = [line.split("  ")[0] for line in faults.__doc__.splitlines()[2:]]
    return [line for line in lines if line]


def test_a_server_that_is_gone_is_a_closed_connection(proxy, s3, key):
    proxy.upstream = ("127.0.0.1", 1)
    with pytest.raises(BROKEN):
        s3.request("GET", path(key))


def test_the_program(server):
    program = pathlib.Path(sys.modules["http_fault_proxy"].__file__)
    with subprocess.Popen(
            [sys.executable, program, "--upstream", server.url, "--rule",
             "slow_down call=HeadObject nth=2"], stdout=subprocess.PIPE, text=True) as run:
        s3 = S3Requests(run.stdout.readline().strip())
        assert [s3.request("HEAD", path("a")).status for _ in range(3)] == [404, 503, 404]
        run.terminate()
        assert run.stdout.read() == "HeadObject: 3 calls, 1 faulted\n"
        assert run.wait(60) == 0
