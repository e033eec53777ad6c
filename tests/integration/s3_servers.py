"""S3 for tests: two servers in processes of their own, and signed requests to them.

SignedS3   versitygw, over a folder; checks every signature, so what a client signs is what counts
MotoS3     moto, in memory; checks nothing by default, but starts in a second and needs no build

    with SignedS3(folder) as s3:
        s3.client().put_object(Bucket=s3.bucket, Key="a", Body=b"x")
        s3.request("GET", "/" + s3.bucket, "list-type=2&encoding-type=url")

What each honours, and what not, is in test_s3_servers.py.
"""

import functools
import http.client
import pathlib
import subprocess
import urllib.parse

import boto3
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from registry_servers import Moto, ServerProcess, free_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
ACCESS_KEY = "sluice-test"
# Turns up nowhere but in the environment.
SECRET_KEY = "canary-s3-b81f07d2c4"
REGION = "eu-central-1"
BUCKET = "lake"


class Reply:
    """What came back: `status`, `headers` with names in lower case, `body`."""

    def __init__(self, response):
        self.status = response.status
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    def __repr__(self):
        return f"{self.status} {self.headers} {self.body[:500]!r}"


class S3Requests:
    """Signed requests to `url`, which may be a proxy's."""

    bucket = BUCKET
    environment = {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                   "AWS_REGION": REGION}

    def __init__(self, url):
        self.url = url

    def client(self, secret=SECRET_KEY, **settings):
        """boto3's client. It tries nothing again, and adds no checksum that is not asked for."""
        settings = {"retries": {"total_max_attempts": 1}, "s3": {"addressing_style": "path"},
                    "request_checksum_calculation": "when_required",
                    "response_checksum_validation": "when_required"} | settings
        return boto3.client("s3", endpoint_url=self.url, region_name=REGION,
                            aws_access_key_id=ACCESS_KEY, aws_secret_access_key=secret,
                            config=Config(signature_version="s3v4", **settings))

    @functools.cached_property
    def one_client(self):
        """A client for all threads; making one takes a while."""
        return self.client()

    def request(self, method, path, query="", body=b"", headers=None, secret=SECRET_KEY,
                region=REGION, sent=None, timeout=60):
        """One signed request, as it is written here: `path` and `query` percent-encoded. `sent` goes
        out in place of the body that was signed. Raises what http.client does if no whole reply
        comes."""
        target = path + (f"?{query}" if query else "")
        request = AWSRequest(method, self.url + target, headers=headers or {}, data=body)
        S3SigV4Auth(Credentials(ACCESS_KEY, secret), "s3", region).add_auth(request)
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(self.url).netloc,
                                                timeout=timeout)
        try:
            connection.request(method, target, body=body if sent is None else sent,
                               headers=dict(request.headers))
            return Reply(connection.getresponse())
        finally:
            connection.close()

    def keys(self, prefix=""):
        """All keys of the bucket, sorted as the server has them."""
        pages = self.one_client.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def uploads(self, prefix=""):
        """(key, upload id) of the multipart uploads under way."""
        pages = self.one_client.get_paginator("list_multipart_uploads").paginate(
            Bucket=self.bucket, Prefix=prefix)
        return [(one["Key"], one["UploadId"]) for page in pages for one in page.get("Uploads", [])]


class SignedS3(ServerProcess, S3Requests):
    """versitygw with an empty bucket, over `folder`."""

    def __init__(self, folder):
        where = subprocess.run([ROOT / "scripts/deps.sh", "--where", "versitygw"], check=True,
                               capture_output=True, text=True).stdout
        program = pathlib.Path(where.strip().partition("=")[2]) / "versitygw"
        assert program.exists(), f"no versitygw in {program.parent}; run ./dev deps versitygw"
        port = free_port()
        S3Requests.__init__(self, f"http://127.0.0.1:{port}")
        objects, sidecar = folder / "objects", folder / "sidecar"
        objects.mkdir()
        sidecar.mkdir()
        # Attributes go beside the objects, since not every file system of a test machine has any.
        ServerProcess.__init__(
            self, [program, "--port", f"127.0.0.1:{port}", "--region", REGION, "--health", "/health",
                   "--keep-alive", "posix", "--sidecar", sidecar, objects],
            folder, f"{self.url}/health",
            {"ROOT_ACCESS_KEY": ACCESS_KEY, "ROOT_SECRET_KEY": SECRET_KEY})
        self.one_client.create_bucket(Bucket=BUCKET)


class MotoS3(Moto, S3Requests):
    """moto's server with an empty bucket."""

    def __init__(self, folder):
        Moto.__init__(self, folder)
        self.one_client.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
