"""Schema registries: what ids resolve to on real ones, and what happens when one misbehaves."""

import collections
import json
import os
import pathlib
import ssl
import subprocess
import time

import boto3
import pytest
from registry_servers import Apicurio, Authority, Moto, Scripted, free_port, tls

SLUICE = pathlib.Path(os.environ.get("SLUICE_FAILPOINTS_BUILD", "build/failpoints/bin/sluice"))
LOOKUP = SLUICE.parent / "registry_lookup"
# Nothing of the machine's own: no profile, no credentials, no proxy, no metadata service.
CLEAN = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"}
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "canary-secret"}
POINT = '{"type":"record","name":"Point","fields":[{"name":"x","type":"int"}]}'
LINE = '{"type":"record","name":"Line","fields":[{"name":"from","type":"Point"}]}'
GOOD = (200, json.dumps({"schema": POINT}))
NOTHING = (404, json.dumps({"error_code": 40403, "message": "Schema not found"}))

Found = collections.namedtuple("Found", "code lines error message output")


def command(*questions, **options):
    return [LOOKUP, *map(str, questions), *[f"{name}={value}" for name, value in options.items()]]


def parse(code, output):
    lines = [json.loads(line) for line in output.splitlines() if line.startswith("{")]
    last = lines[-1] if lines and "error" in lines[-1] else {}
    return Found(code, [line for line in lines if "asked" in line], last.get("error"),
                 last.get("message"), output)


def lookup(*questions, environment=None, **options):
    done = subprocess.run(command(*questions, **options), capture_output=True, text=True,
                          timeout=120, env=CLEAN | (environment or {}))
    assert "canary" not in done.stdout + done.stderr
    return parse(done.returncode, done.stdout + done.stderr)


def confluent(*questions, url, **options):
    return lookup(*questions, **{"schema.registry.url": url}, **options)


# Confluent's API, by Apicurio Registry.

@pytest.fixture(scope="module")
def apicurio(tmp_path_factory):
    with Apicurio(tmp_path_factory.mktemp("apicurio")) as one:
        yield one


def test_ids_of_every_kind_resolve(apicurio):
    message = 'syntax = "proto3"; message P { int32 x = 1; }'
    thing = '{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}'
    ids = [apicurio.register("kinds-avro", POINT), apicurio.register("kinds-json", thing, "JSON"),
           apicurio.register("kinds-proto", message, "PROTOBUF")]
    found = confluent("--id", ids[0], "--id", ids[1], "--id", ids[2], url=apicurio.url)
    assert found.code == 0, found.output
    assert [line["type"] for line in found.lines] == ["AVRO", "JSON", "PROTOBUF"]
    assert json.loads(found.lines[0]["text"]) == json.loads(POINT)
    assert json.loads(found.lines[1]["text"]) == json.loads(thing)
    assert "message P" in found.lines[2]["text"]


def test_references_come_with_the_schema(apicurio):
    apicurio.register("ref/point", POINT)
    line = apicurio.register("ref line", LINE, references=[("Point", "ref/point", 1)])
    area = apicurio.register(
        "ref-area", '{"type":"record","name":"Area","fields":[{"name":"edge","type":"Line"}]}',
        references=[("Point", "ref/point", 1), ("Line", "ref line", 1)])
    found = confluent("--id", line, "--id", area, url=apicurio.url)
    assert found.code == 0, found.output
    assert [json.loads(one)["name"] for one in found.lines[0]["references"]] == ["Point"]
    assert [json.loads(one)["name"] for one in found.lines[1]["references"]] == ["Point", "Line"]


def test_the_newest_version_is_found_by_name(apicurio):
    apicurio.register("clicks-value", POINT)
    wider = POINT.replace('"fields":[', '"fields":[{"name":"y","type":["null","int"],"default":null},')
    apicurio.register("clicks-value", wider)
    found = confluent("--latest", "clicks-value", "--latest", "no such subject", url=apicurio.url)
    assert found.code == 0, found.output
    assert json.loads(found.lines[0]["text"]) == json.loads(wider)
    assert (found.lines[0]["name"], found.lines[0]["version"]) == ("clicks-value", 2)
    assert found.lines[1]["schema"] is None


def test_a_wrong_id_and_a_deleted_subject_are_nothing(apicurio):
    gone = apicurio.register("gone-value", POINT.replace("Point", "Gone"))
    apicurio.delete("gone-value")
    found = confluent("--id", 999999, "--latest", "gone-value", "--id", gone, url=apicurio.url)
    assert found.code == 0, found.output
    assert found.lines[0]["schema"] is None and found.lines[1]["schema"] is None
    # Whether an id outlives its subject is the registry's affair; what is found is the schema.
    assert found.lines[2].get("schema", "there") is None or "Gone" in found.lines[2]["text"]


def test_a_registry_without_guids_says_so(apicurio):
    found = confluent("--guid", "0f010203-0405-0607-0809-0a0b0c0d0e0f", url=apicurio.url)
    assert (found.code, found.lines[0]["schema"]) == (0, None)
    assert "does not know schemas by GUID" in found.output


def test_no_number_in_a_message_is_an_error(apicurio):
    numbers = [0, 2**31 - 1, 2**31, 2**32 - 1]
    found = confluent(*[word for one in numbers for word in ("--id", one)], url=apicurio.url)
    assert found.code == 0, found.output
    assert [line["schema"] for line in found.lines] == [None] * 4


def test_a_url_without_its_path_is_not_a_wrong_id(apicurio):
    found = confluent("--id", 1, url=apicurio.url.replace("/apis/ccompat/v7", "/elsewhere"))
    assert (found.code, found.error) == (2, "registry.url")


# AWS Glue, by moto.

@pytest.fixture(scope="module")
def moto(tmp_path_factory):
    with Moto(tmp_path_factory.mktemp("moto")) as one:
        yield one


def client(moto, service):
    return boto3.client(service, endpoint_url=moto.url, region_name="eu-west-1",
                        aws_access_key_id="a", aws_secret_access_key="b")


def create_schema(moto, registry, name, definition, kind="AVRO"):
    aws = client(moto, "glue")
    if registry not in [one["RegistryName"] for one in aws.list_registries()["Registries"]]:
        aws.create_registry(RegistryName=registry)
    made = aws.create_schema(RegistryId={"RegistryName": registry}, SchemaName=name,
                             DataFormat=kind, Compatibility="NONE", SchemaDefinition=definition)
    return made["SchemaVersionId"], made["SchemaArn"]


def glue(moto, *questions, environment=KEYS, **options):
    settings = {"registry": "glue", "region": "eu-west-1", "registryEndpointUrl": moto.url}
    return lookup(*questions, environment=environment, **(settings | options))


def test_glue_versions_of_every_kind_resolve(moto):
    message = 'syntax = "proto2"; message P { required int32 x = 1; }'
    thing = '{"$schema":"http://json-schema.org/draft-07/schema#","type":"object"}'
    ids = [create_schema(moto, "kinds", "avro", POINT)[0],
           create_schema(moto, "kinds", "json", thing, "JSON")[0],
           create_schema(moto, "kinds", "proto", message, "PROTOBUF")[0]]
    found = glue(moto, *[word for one in ids for word in ("--glue", one)])
    assert found.code == 0, found.output
    assert [line["type"] for line in found.lines] == ["AVRO", "JSON", "PROTOBUF"]
    assert [line["text"] for line in found.lines] == [POINT, thing, message]
    assert [line["name"] for line in found.lines] == ["kinds/avro", "kinds/json", "kinds/proto"]


def test_glue_finds_the_newest_version_by_name_and_arn(moto):
    _, arn = create_schema(moto, "newest", "clicks", POINT)
    client(moto, "glue").register_schema_version(
        SchemaId={"RegistryName": "newest", "SchemaName": "clicks"}, SchemaDefinition=LINE)
    found = glue(moto, "--latest", "clicks", "--latest", "newest/clicks", "--latest", arn,
                 "--latest", "nothing", registryName="newest")
    assert found.code == 0, found.output
    assert [line.get("text") for line in found.lines] == [LINE, LINE, LINE, None]
    assert [line.get("version") for line in found.lines] == [2, 2, 2, None]


def test_glue_wrong_id_and_deleted_schema_are_nothing(moto):
    version, _ = create_schema(moto, "gone", "clicks", POINT)
    client(moto, "glue").delete_schema(SchemaId={"RegistryName": "gone", "SchemaName": "clicks"})
    found = glue(moto, "--glue", "00000000-0000-4000-8000-000000000000", "--glue", version)
    assert found.code == 0, found.output
    assert [line["schema"] for line in found.lines] == [None, None]


def test_credentials_come_from_where_aws_tools_keep_them(moto, tmp_path):
    version, _ = create_schema(moto, "chain", "clicks", POINT)
    (tmp_path / "credentials").write_text(
        "[team]\naws_access_key_id = AKID\naws_secret_access_key = canary-profile\n")
    (tmp_path / "config").write_text("[profile team]\nregion = eu-west-1\n")
    (tmp_path / "token").write_text("canary-token\n")
    files = {"AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
             "AWS_CONFIG_FILE": str(tmp_path / "config")}
    ways = {
        "profile": (files | {"AWS_PROFILE": "team"}, {}),
        "named profile": (files, {"awsProfile": "team"}),
        "options": ({}, {"awsAccessKeyId": "AKID", "awsSecretAccessKey": "canary-option"}),
        "web identity": ({"AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
                          "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/etl",
                          "AWS_ENDPOINT_URL_STS": moto.url}, {}),
    }
    for way, (environment, options) in ways.items():
        found = glue(moto, "--glue", version, environment=environment, **options)
        assert (found.code, len(found.lines)) == (0, 1), (way, found.output)
    found = glue(moto, "--glue", version, environment={})
    assert (found.code, found.error) == (2, "aws.credentials")


def test_a_server_that_checks_signatures_takes_ours(tmp_path):
    # Creating the user, its key and policy, the registry and the schema; then moto checks.
    with Moto(tmp_path, free_actions=6) as strict:
        iam = client(strict, "iam")
        iam.create_user(UserName="etl")
        key = iam.create_access_key(UserName="etl")["AccessKey"]
        iam.put_user_policy(UserName="etl", PolicyName="read", PolicyDocument=json.dumps({
            "Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "glue:GetSchemaVersion", "Resource": "*"}]}))
        version, _ = create_schema(strict, "strict", "clicks", POINT)
        right = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"],
                 "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        found = glue(strict, "--glue", version, environment=right)
        assert (found.code, len(found.lines)) == (0, 1), found.output
        wrong = right | {"AWS_SECRET_ACCESS_KEY": "canary" + key["SecretAccessKey"][6:]}
        found = glue(strict, "--glue", version, environment=wrong)
        assert (found.code, found.error) == (2, "registry.auth")


# A registry on a bad day.

def test_a_registry_that_is_down_is_an_error_after_the_timeout():
    start = time.monotonic()
    found = confluent("--id", 7, url=f"http://127.0.0.1:{free_port()}", registryTimeout="1 s")
    assert (found.code, found.error) == (1, "net.connect")
    assert "registryTimeout" in found.message
    assert time.monotonic() - start < 20


def test_a_registry_that_never_answers_is_an_error_after_the_timeout():
    with Scripted(lambda *_: None) as server:
        found = confluent("--id", 7, url=server.url, registryTimeout="1 s")
        assert (found.code, found.error) == (1, "net.timeout")
        assert server.url in found.message


def test_a_registry_that_comes_back_is_not_an_error():
    replies = [(503, "busy"), (500, "<html>"), (200, "<html>maintenance"), GOOD]
    with Scripted(lambda *_: replies.pop(0)) as server:
        found = confluent("--id", 7, url=server.url)
        assert found.code == 0, found.output
        assert json.loads(found.lines[0]["text"])["name"] == "Point"


def test_another_server_answers_for_one_that_is_down():
    with Scripted(lambda *_: GOOD) as server:
        found = confluent("--id", 7, "--id", 8,
                          url=f"http://127.0.0.1:{free_port()},{server.url}")
        assert found.code == 0, found.output
        assert [path for path, _ in server.requests] == ["/schemas/ids/7", "/schemas/ids/8"]


def test_an_id_is_asked_for_once_found_or_not():
    with Scripted(lambda path, _: GOOD if path.endswith("/7") else NOTHING) as server:
        found = confluent(*["--id", 7, "--id", 8] * 50, url=server.url)
        assert len(found.lines) == 100
        assert sorted(path for path, _ in server.requests) == ["/schemas/ids/7", "/schemas/ids/8"]


def test_a_stop_ends_the_wait():
    with Scripted(lambda *_: None) as server:
        process = subprocess.Popen(
            command("--id", 7, **{"schema.registry.url": server.url, "registryTimeout": "1 h"}),
            stdout=subprocess.PIPE, text=True, env=CLEAN)
        assert server.arrived.acquire(timeout=30)
        start = time.monotonic()
        process.terminate()
        output, _ = process.communicate(timeout=30)
        assert parse(process.returncode, output).error == "net.stopped"
        assert time.monotonic() - start < 5


def test_a_login_is_sent_and_a_wrong_one_is_said_without_repeating_it():
    good = {"Basic YWxpY2U6Y2FuYXJ5LXBhc3N3b3Jk", "Bearer canary-token"}

    def answer(_, headers):
        login = headers["Authorization"] or ""
        return GOOD if login in good else (401, json.dumps({"error_code": 401, "message": login}))

    with Scripted(answer) as server:
        ways = [({"basic.auth.user.info": "alice:canary-password"}, 0),
                ({"bearer.auth.token": "canary-token"}, 0),
                ({"basic.auth.user.info": "alice:canary-wrong"}, 2),
                ({"bearer.auth.token": "canary-wrong"}, 2), ({}, 2)]
        for options, code in ways:
            found = confluent("--id", 7, url=server.url, **options)
            assert found.code == code, found.output
            assert found.error == ("registry.auth" if code else None)


@pytest.mark.parametrize("reply", [
    (200, b" " * (4 << 20)),
    (200, '{"schema":"s","schemaType":"XSD"}'),
    (200, '{"schema":"s","references":[{"subject":"a","version":1}]}'),
], ids=["large", "kind", "circle"])
def test_a_schema_that_can_not_be_used_is_nothing_and_a_warning(reply):
    with Scripted(lambda path, _: GOOD if path.endswith("/8") else reply) as server:
        found = confluent("--id", 7, "--id", 8, url=server.url)
        assert found.code == 0, found.output
        assert found.lines[0]["schema"] is None and "Point" in found.lines[1]["text"]
        assert "cannot be used" in found.output and "schema=7" in found.output
        found = confluent("--latest", "clicks", url=server.url)
        assert found.code == 1, "what the job itself names is an error"


@pytest.mark.parametrize("reply", [
    (200, "[" * 500_000),
    (200, '{"schema":' + "[" * 100 + "]" * 100 + "}"),
    (200, b'{"schema":"\xff\xfe"}'),
    (200, "<html>"),
], ids=["deep", "nested", "not-utf8", "page"])
def test_answers_that_are_none_are_errors(reply):
    with Scripted(lambda *_: reply) as server:
        found = confluent("--id", 7, url=server.url, registryTimeout="1 s")
        assert (found.code, found.error) == (1, "net.answer"), found.output


def test_a_login_does_not_follow_a_redirect():
    with Scripted(lambda *_: GOOD) as other:
        moved = (302, "", {"Location": other.url + "/schemas/ids/7"})
        with Scripted(lambda *_: moved) as server:
            found = confluent("--id", 7, url=server.url,
                              **{"basic.auth.user.info": "alice:canary-password"})
            assert (found.code, found.error) == (2, "registry.url")
        assert not other.requests


def test_a_url_can_not_reach_the_machines_metadata():
    for host in ("169.254.169.254", "[::ffff:169.254.169.254]", "2852039166"):
        found = confluent("--id", 7, url=f"http://{host}/latest/meta-data", registryAllowHttp="true")
        assert (found.code, found.error) == (2, "net.address")


# TLS.

@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))


def over_tls(server, ca=None, **options):
    if ca:
        options["schema.registry.ssl.ca.location"] = ca
    return confluent("--id", 7, url=server.url, registryTimeout="2 s", **options)


def test_a_certificate_is_verified(authority, tmp_path):
    with Scripted(lambda *_: GOOD, tls(authority.issue("right"))) as server:
        found = over_tls(server, authority.pem)
        assert found.code == 0, found.output
        found = over_tls(server)
        assert (found.code, found.error) == (2, "net.tls"), "an authority nobody trusts"
        stranger = Authority(tmp_path)
        assert over_tls(server, stranger.pem).error == "net.tls"
        assert over_tls(server, tmp_path / "missing.pem").error == "net.tls"
    for pem in (authority.issue("other", addresses=["127.0.0.2"]), authority.issue("old", days=-1)):
        with Scripted(lambda *_: GOOD, tls(pem)) as server:
            found = over_tls(server, authority.pem)
            assert (found.code, found.error) == (2, "net.tls"), (pem, found.output)
            assert not server.requests


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_old_tls_is_refused(authority):
    context = tls(authority.issue("early"))
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.TLSv1
    context.maximum_version = ssl.TLSVersion.TLSv1_1
    with Scripted(lambda *_: GOOD, context) as server:
        found = over_tls(server, authority.pem)
        assert (found.code, found.error) == (2, "net.tls"), found.output


def test_our_own_certificate_is_shown(authority):
    server_pem = authority.issue("server")
    context = tls(server_pem, client_authority=authority.pem)
    # In TLS 1.3 the refusal comes after the handshake, and may be lost with the connection.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with Scripted(lambda *_: GOOD, context) as server:
        found = over_tls(server, authority.pem)
        assert (found.code, found.error) == (2, "net.tls"), found.output
    with Scripted(lambda *_: GOOD, tls(server_pem, client_authority=authority.pem)) as server:
        assert over_tls(server, authority.pem).code != 0 and not server.requests
        sealed = authority.issue("client", password="canary-key")
        ours = {"schema.registry.ssl.certificate.location": sealed}
        found = over_tls(server, authority.pem, **ours,
                         **{"schema.registry.ssl.key.password": "canary-key"})
        assert found.code == 0, found.output
        found = over_tls(server, authority.pem, **ours,
                         **{"schema.registry.ssl.key.password": "canary-wrong"})
        assert (found.code, found.error) == (2, "net.tls"), found.output
