"""Reads the datums that decode_bench wrote with fastavro, for comparison."""

import io
import json
import struct
import sys
import time

import fastavro


def datums(path):
    with open(path, "rb") as file:
        while size := file.read(4):
            yield file.read(struct.unpack("<I", size)[0])


def main():
    schema, *messages = datums(sys.argv[1])
    schema = fastavro.parse_schema(json.loads(schema))
    best = 0
    for _ in range(3):
        begin = time.thread_time()
        for message in messages:
            fastavro.schemaless_reader(io.BytesIO(message), schema)
        best = max(best, len(messages) / (time.thread_time() - begin))
    print(f"fastavro {fastavro.__version__}, to Python objects: best round {best:,.0f} records per "
          "CPU-second")


if __name__ == "__main__":
    main()
