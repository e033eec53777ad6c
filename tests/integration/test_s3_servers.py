"""What the S3 servers of our tests honour, and where they differ from S3: a test that passes against
them proves no more than this."""

import re
import urllib.parse
import xml.etree.ElementTree as ElementTree

import pytest
from botocore.exceptions import ClientError
from s3_servers import BUCKET, MotoS3, SignedS3

PART = 5 << 20  # The least that S3 takes but for the last part.
ODD_KEYS = ["sp ace", "per%cent", "%2F", "k%3Dv=%20", "pl+us", "uni-é✓日本", "amp&<>\"'", "q?x#y",
            "city=Berlin/part", "semi;colon:at@", "star*~", "back\\slash", "ta\tb", "trailing."]
CONTROL_KEY = "ctl\x01x"


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    with SignedS3(tmp_path_factory.mktemp("signed")) as server:
        yield server


@pytest.fixture(scope="module", params=[SignedS3, MotoS3])
def s3(request, tmp_path_factory):
    with request.param(tmp_path_factory.mktemp("s3")) as server:
        yield server


def path(key):
    return f"/{BUCKET}/{urllib.parse.quote(key)}"


def code(reply):
    return re.search(rb"<Code>(\w+)</Code>", reply.body).group(1).decode()


def refusal(call, **arguments):
    with pytest.raises(ClientError) as raised:
        call(Bucket=BUCKET, **arguments)
    return raised.value.response["Error"]["Code"]


def test_signatures_are_verified(signed):
    assert signed.request("PUT", path("a"), body=b"x").status == 200
    wrong = signed.request("GET", path("a"), secret="wrong")
    assert (wrong.status, code(wrong)) == (403, "SignatureDoesNotMatch")
    other_region = signed.request("GET", path("a"), region="us-west-2")
    assert (other_region.status, code(other_region)) == (400, "AuthorizationHeaderMalformed")
    assert b"<Region>eu-central-1</Region>" in other_region.body
    other_body = signed.request("PUT", path("b"), body=b"x", sent=b"y")
    assert (other_body.status, code(other_body)) == (400, "XAmzContentSHA256Mismatch")
    assert "b" not in signed.keys()


def test_checksums_are_verified(signed):
    for header, value in (("Content-MD5", "A" * 22 + "=="), ("x-amz-checksum-crc32c", "AAAAAA==")):
        reply = signed.request("PUT", path("damaged"), body=b"x", headers={header: value})
        assert (reply.status, code(reply)) == (400, "BadDigest")
    assert "damaged" not in signed.keys()


def test_moto_verifies_nothing(tmp_path):
    with MotoS3(tmp_path) as moto:
        assert moto.request("PUT", path("a"), secret="wrong").status == 200
        assert moto.request("PUT", path("a"), body=b"x", sent=b"y").status == 200


def test_a_second_create_only_put_is_refused(s3):
    only_new = {"If-None-Match": "*"}
    assert s3.request("PUT", path("slot"), body=b"first", headers=only_new).status == 200
    second = s3.request("PUT", path("slot"), body=b"second", headers=only_new)
    assert (second.status, code(second)) == (412, "PreconditionFailed")
    assert s3.request("GET", path("slot")).body == b"first"


def test_absent_keys(s3):
    assert s3.request("HEAD", path("absent")).status == 404
    gone = s3.request("GET", path("absent"))
    assert (gone.status, code(gone)) == (404, "NoSuchKey")
    assert s3.request("DELETE", path("absent")).status == 204
    nowhere = s3.request("GET", "/nowhere", "list-type=2")
    assert (nowhere.status, code(nowhere)) == (404, "NoSuchBucket")


def test_a_multipart_upload_is_invisible_until_completed(s3):
    client, key = s3.client(), "multi/par +t"
    upload = client.create_multipart_upload(Bucket=BUCKET, Key=key, Metadata={"write-id": "w-1"})
    named = {"Bucket": BUCKET, "Key": key, "UploadId": upload["UploadId"]}
    etags = [client.upload_part(**named, PartNumber=number, Body=bytes([number]) * size)["ETag"]
             for number, size in ((1, PART), (2, 10))]
    assert s3.uploads("multi/") == [(key, upload["UploadId"])]
    assert s3.uploads("elsewhere/") == []
    assert [part["Size"] for part in client.list_parts(**named)["Parts"]] == [PART, 10]
    assert key not in s3.keys()
    parts = {"Parts": [{"PartNumber": i + 1, "ETag": etag} for i, etag in enumerate(etags)]}
    done = client.complete_multipart_upload(**named, MultipartUpload=parts)
    assert done["ETag"].endswith('-2"')
    found = client.head_object(Bucket=BUCKET, Key=key)
    assert (found["ContentLength"], found["Metadata"]) == (PART + 10, {"write-id": "w-1"})
    assert s3.uploads("multi/") == []
    # A repeated Complete, as after a lost reply, finds its own.
    assert client.complete_multipart_upload(**named, MultipartUpload=parts)["ETag"] == done["ETag"]


def test_an_aborted_upload_is_gone(s3):
    client = s3.client()
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="aborted")["UploadId"]
    named = {"Key": "aborted", "UploadId": upload}
    etag = client.upload_part(Bucket=BUCKET, **named, PartNumber=1, Body=b"x")["ETag"]
    client.abort_multipart_upload(Bucket=BUCKET, **named)
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    assert refusal(client.abort_multipart_upload, **named) == "NoSuchUpload"
    # moto fails over both of these; they must not count as done at least.
    told = "500" if isinstance(s3, MotoS3) else "NoSuchUpload"
    assert refusal(client.complete_multipart_upload, **named, MultipartUpload=parts) == told
    assert refusal(client.upload_part, **named, PartNumber=1, Body=b"x") == told
    assert "aborted" not in s3.keys()


def test_a_part_that_is_not_there_is_refused(s3):
    client = s3.client()
    upload = client.create_multipart_upload(Bucket=BUCKET, Key="partless")["UploadId"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": '"' + "0" * 32 + '"'}]}
    assert refusal(client.complete_multipart_upload, Key="partless", UploadId=upload,
                   MultipartUpload=parts) == "InvalidPart"


def test_odd_keys_are_listed_as_they_are(s3):
    for key in ODD_KEYS:
        assert s3.request("PUT", path("odd/" + key), body=key.encode()).status == 200
    assert s3.keys("odd/") == sorted(("odd/" + key for key in ODD_KEYS), key=str.encode)
    for key in ODD_KEYS:
        assert s3.request("GET", path("odd/" + key)).body == key.encode()


def listed(s3, prefix):
    """The one key under a prefix, as it stands in a listing, and the encoding the listing names."""
    query = f"encoding-type=url&list-type=2&prefix={urllib.parse.quote(prefix, safe='')}"
    reply = s3.request("GET", f"/{BUCKET}", query)
    tree = ElementTree.fromstring(reply.body)
    return [tree.findtext(f"{{*}}{name}") for name in ("Contents/{*}Key", "EncodingType")]


def test_only_one_of_them_encodes_listings(tmp_path_factory, signed):
    """A client has to look at EncodingType: versitygw ignores what was asked for."""
    with MotoS3(tmp_path_factory.mktemp("moto")) as moto:
        for server in (moto, signed):
            server.request("PUT", path("encoded/%2F +"), body=b"x")
            server.request("PUT", path("control/" + CONTROL_KEY), body=b"x")
            assert server.request("GET", path("control/" + CONTROL_KEY)).body == b"x"
        assert listed(moto, "encoded/") == ["encoded/%252F%20%2B", "url"]
        assert listed(signed, "encoded/") == ["encoded/%2F +", ""]
        # So versitygw cannot say a character that XML has not, and moto can.
        assert listed(moto, "control/") == ["control/ctl%01x", "url"]
        assert listed(signed, "control/") == ["control/ctl\ufffdx", ""]


def test_keys_of_versitygw_are_paths(signed):
    """Where S3 has no folders: a key beneath an object is refused."""
    assert signed.request("PUT", path("file"), body=b"x").status == 200
    assert signed.request("PUT", path("file/below"), body=b"x").status >= 400


def test_listings_go_on_from_page_to_page(s3):
    for i in range(5):
        assert s3.request("PUT", path(f"page/{i}"), body=b"x").status == 200
    pages = s3.client().get_paginator("list_objects_v2").paginate(
        Bucket=BUCKET, Prefix="page/", PaginationConfig={"PageSize": 2})
    assert [[one["Key"] for one in page["Contents"]] for page in pages] == [
        ["page/0", "page/1"], ["page/2", "page/3"], ["page/4"]]
    after = s3.request("GET", f"/{BUCKET}", "list-type=2&prefix=page%2F&start-after=page%2F2")
    assert re.findall(rb"<Key>([^<]*)</Key>", after.body) == [b"page/3", b"page/4"]
