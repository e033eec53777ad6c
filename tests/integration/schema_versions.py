"""Records of a schema that changes: each version has its own columns, types and spellings."""

# Versions 0 to VERSIONS - 1.
VERSIONS = 6


def version(number, i):
    """Record `i`, as a producer of this version writes it."""
    record = {"id": i, "n": i * 3, "name": f"name {i}", "geo": {"lat": i / 4}}
    if number >= 1:  # New columns, and a new field in a struct.
        record |= {"price": i, "ok": i % 2 == 0, "geo": {"lat": i / 4, "lon": -i}}
    if number >= 2:  # What was whole is broken; arrays and nested structs.
        record |= {"price": i + 0.5, "tags": ["a", f"t{i}"][: i % 3], "ratio": i / 7,
                   "geo": {"lat": i, "lon": i / 3, "at": {"zone": "x", "h": i}}}
    if number >= 3:  # Types that flip from record to record.
        record |= {"n": [i, str(i), i + 0.25, None, [i], {"deep": i}, 2**70 + i][i % 7],
                   "name": [f"name {i}", i, True, 2.5, {"first": "x"}][i % 5],
                   "ok": [True, "yes", 0][i % 3]}
    if number >= 4:  # Names that differ only in case, and odd ones.
        record |= {"Name": "again", "a.b": i, "ünï code": [i], "it's [1]": {"x y": i}}
        record["geo"] = record["geo"] | {"LAT": 1}
    if number >= 5:  # Fewer columns, and structs in arrays.
        record = {"id": i, "NAME": i, "items": [{"sku": f"s{i}", "n": i}, {"sku": i, "more": [1]}],
                  "geo": None if i % 2 else [1, 2], "price": -i}
    return record


def mixed(choices, first, count):
    """Records from `first` on, of any version."""
    return [version(choices.randrange(VERSIONS), i) for i in range(first, first + count)]
