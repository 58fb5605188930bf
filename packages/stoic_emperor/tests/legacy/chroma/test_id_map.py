"""The id map is read by a parser that can build nothing, whatever the file says."""

from __future__ import annotations

import io
import os
import pickle
import struct
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stoic_emperor.legacy.chroma as package
from stoic_emperor.legacy.chroma import id_map
from stoic_emperor.legacy.chroma.id_map import CLASS, IdMap, InvalidIdMap, read_id_map
from stoic_emperor.testing.chroma import object_id_map, plain_id_map

LABELS = {f"id-{n}": n for n in range(1, 2500)}
SHAPES = [object_id_map, plain_id_map]


def state(labels: dict[str, int], **more: Any) -> dict[str, Any]:
    return {
        "dimensionality": 384,
        "total_elements_added": len(labels),
        "max_seq_id": 7,
        "id_to_label": labels,
        "label_to_id": {label: id_ for id_, label in labels.items()},
        "id_to_seq_id": {},
        **more,
    }


def parsed(data: bytes) -> tuple[dict[str, int], IdMap]:
    labels: dict[str, int] = {}
    said = read_id_map(io.BytesIO(data), labels.__setitem__)
    return labels, said


@pytest.mark.parametrize("shape", SHAPES)
def test_both_shapes_that_chroma_writes_are_read(shape: Any) -> None:
    assert parsed(shape(state(LABELS))) == (LABELS, IdMap(384, 7, len(LABELS)))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("count", [0, 1, 2, 1000, 1001])
def test_batches_of_every_size_are_read(shape: Any, count: int) -> None:
    labels = {f"é漢 {n}": n for n in range(count)}
    assert parsed(shape(state(labels)))[0] == labels


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_since_2_is_read(protocol: int) -> None:
    assert parsed(pickle.dumps(state(LABELS), protocol))[0] == LABELS


def test_the_order_of_the_fields_does_not_matter() -> None:
    turned = dict(reversed(state(LABELS).items()))
    assert parsed(pickle.dumps(turned, 4))[0] == LABELS
    assert parsed(object_id_map(turned))[0] == LABELS


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 2**63 - 1), max_size=40),
    st.sampled_from(SHAPES),
)
def test_any_map_comes_back(labels: dict[str, int], shape: Any) -> None:
    assert parsed(shape(state(labels, label_to_id={})))[0] == labels


class Runs:
    """Runs a command when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.marker}",)


def short(text: str) -> bytes:
    return b"\x8c" + bytes([len(text)]) + text.encode()


CLASS_BY_STACK = short(CLASS[0]) + short(CLASS[1]) + b"\x93"
MALICIOUS = {
    "a call by its name": b"\x80\x02cos\nsystem\nX\x02\x00\x00\x00ls\x85R.",
    "a call by the stack": b"\x80\x04" + short("os") + short("system") + b"\x93" + short("ls") + b"\x85R.",
    "a builtin": b"\x80\x02cbuiltins\neval\nX\x01\x00\x00\x001\x85R.",
    "the class, called": b"\x80\x04" + CLASS_BY_STACK + b")R}.",
    "the class with arguments": b"\x80\x04" + CLASS_BY_STACK + short("x") + b"\x85\x81}b.",
    "another class of the module": b"\x80\x04" + short(CLASS[0]) + short("os") + b"\x93)\x81}b.",
    "a dotted name": b"\x80\x04" + short(CLASS[0]) + short("PersistentData.__init__") + b"\x93)\x81}b.",
    "the class with nothing built": b"\x80\x04" + CLASS_BY_STACK + b".",
    "an old instance": b"\x80\x02(ios\nsystem\n.",
    "an old object": b"\x80\x02(cos\nsystem\no.",
    "an extension": b"\x80\x02\x82\x01.",
    "a persistent id": b"\x80\x02X\x01\x00\x00\x00aQ.",
    "an out-of-band buffer": b"\x80\x05\x97.",
    "two objects": b"\x80\x04" + CLASS_BY_STACK + b")\x81" + CLASS_BY_STACK + b")\x81.",
    "a text of 4 GB": b"\x80\x02}X\xff\xff\xff\xffa",
    "a text of 2 EB": b"\x80\x04}\x8d" + b"\xff" * 7 + b"\x1f",
    "a number of 255 bytes": b"\x80\x02\x8a\xff" + bytes(255) + b".",
    "a huge number": b"\x80\x02\x8b\xff\xff\xff\x7f.",
    "nothing": b"",
    "no beginning": b"}.",
    "protocol 0": b"(dp0\n.",
    "a protocol to come": b"\x80\x06}.",
    "a lone end": b"\x80\x03.",
    "marks without end": b"\x80\x03" + b"(" * 100_000 + b".",
    "dictionaries without end": b"\x80\x03" + b"}" * 100_000 + b".",
    "a reference to what is not there": b"\x80\x03}h\x05Ns.",
    "a reference to a dictionary": b"\x80\x03}q\x00(h\x00h\x00u.",
    "a dictionary in itself": b"\x80\x04}\x94" + short("id_to_label") + b"h\x00s.",
    "memory without end": b"\x80\x04}" + b"\x94" * 1000 + b".",
    "memory out of order": b"\x80\x02}r\xff\xff\xff\x7f.",
    "filling nothing": b"\x80\x03u.",
    "a key without value": b"\x80\x03}(X\x01\x00\x00\x00au.",
    "no map": b"\x80\x03}.",
    "a map that is a number": b"\x80\x03}X\x0b\x00\x00\x00id_to_labelK\x01s.",
    "another map under its name": b"\x80\x03}X\x0b\x00\x00\x00label_to_id}X\x0b\x00\x00\x00id_to_label}ss.",
    "a text that is not UTF-8": b"\x80\x03}X\x01\x00\x00\x00\xffNs.",
    "a negative label": pickle.dumps(state({"a": -1}), 3),
    "a label that is a text": pickle.dumps(state({"a": "b"}), 3),  # type: ignore[dict-item]
    "a label that is nothing": pickle.dumps(state({"a": None}), 3),  # type: ignore[dict-item]
    "an id that is a number": pickle.dumps(state({1: 2}), 3),  # type: ignore[dict-item]
    "a list": pickle.dumps(state({}, more=[1]), 3),
    "a dimension that is a text": pickle.dumps(state({}, dimensionality="384"), 3),
    "something after the end": plain_id_map(state(LABELS)) + b"x",
    "a second pickle after the end": plain_id_map(state(LABELS)) * 2,
}


@pytest.mark.parametrize("data", MALICIOUS.values(), ids=list(MALICIOUS))
def test_anything_else_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidIdMap):
        parsed(data)


@pytest.mark.parametrize("protocol", range(6))
def test_what_would_run_a_command_runs_none(tmp_path: Path, protocol: int) -> None:
    marker = tmp_path / "ran"
    for content in (Runs(marker), state({}, more=Runs(marker)), {"id_to_label": {"a": Runs(marker)}}, [Runs(marker)]):
        with pytest.raises(InvalidIdMap):
            parsed(pickle.dumps(content, protocol))
    assert not marker.exists()


def test_no_part_of_the_package_unpickles() -> None:
    for module in Path(str(package.__file__)).parent.glob("*.py"):
        text = module.read_text("utf-8")
        assert not any(word in text for word in ("import pickle", "find_class", "marshal", "importlib", "eval(")), (
            module
        )


@pytest.mark.parametrize("shape", SHAPES)
def test_no_beginning_of_a_file_passes_for_a_whole_one(shape: Any) -> None:
    data = shape(state({f"i{n}": n for n in range(12)}))
    for length in range(len(data)):
        with pytest.raises(InvalidIdMap):
            parsed(data[:length])


@settings(max_examples=400)
@given(st.data(), st.sampled_from(SHAPES))
def test_a_damaged_file_is_refused_or_read_but_never_breaks_anything(data: st.DataObject, shape: Any) -> None:
    whole = bytearray(shape(state({f"i{n}": n for n in range(12)})))
    for _ in range(data.draw(st.integers(1, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    try:
        labels, _ = parsed(bytes(whole))
    except InvalidIdMap:
        return
    assert all(type(id_) is str and type(label) is int for id_, label in labels.items())


@settings(max_examples=300)
@given(st.lists(st.sampled_from(sorted(id_map._STEPS)) | st.binary(max_size=3), max_size=60))
def test_any_order_of_instructions_ends_in_a_clear_error(instructions: list[bytes]) -> None:
    with pytest.raises(InvalidIdMap):
        parsed(b"\x80\x04" + b"".join(instructions) + b"!")


def test_a_file_that_claims_much_takes_little_memory() -> None:
    claims = [
        b"\x80\x02}X" + struct.pack("<I", 2**32 - 1),
        b"\x80\x03}(" + b"K\x01" * 3_000_000,
        b"\x80\x04}(" + b"".join(b"\x8c\0\x94" for _ in range(1_000_000)),
    ]
    tracemalloc.start()
    try:
        for claim in claims:
            with pytest.raises(InvalidIdMap):
                parsed(claim)
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()
