"""The compact protocol of Thrift, as far as Parquet's footers and page headers need it: writing only.

Format: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

_TRUE, _FALSE, _I32, _I64, _BINARY, _LIST, STRUCT = 1, 2, 5, 6, 8, 9, 12
_MOST_IN_HEADER = 15


class Item(NamedTuple):
    """A value that is written already, and of which type it is."""

    kind: int
    data: bytes


_SHORT = [bytes([value]) for value in range(0x80)]


def varint(value: int) -> bytes:
    """An unsigned integer, seven bits a byte, the lowest first."""
    if value <= 0x7F:
        return _SHORT[value]
    if value <= 0x3FFF:  # most of the others: a header of a page has several
        return bytes((value & 0x7F | 0x80, value >> 7))
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def zigzag(value: int) -> bytes:
    """A signed integer as the value of an i32 or i64."""
    return varint(value << 1 if value >= 0 else (-value << 1) - 1)


def i32(value: int) -> Item:
    """An integer of 32 bits, or a value of an enumeration."""
    return Item(_I32, zigzag(value))


def i64(value: int) -> Item:
    """An integer of 64 bits."""
    return Item(_I64, zigzag(value))


def flag(value: bool) -> Item:
    """A boolean in a struct, where it is part of its header."""
    return Item(_TRUE if value else _FALSE, b"")


def boolean(value: bool) -> Item:
    """A boolean in a list, where it is a byte of its own."""
    return Item(_TRUE, bytes([_TRUE if value else _FALSE]))


def binary(value: bytes | str) -> Item:
    """Bytes, or text as UTF-8."""
    data = value.encode() if isinstance(value, str) else value
    return Item(_BINARY, varint(len(data)) + data)


def struct(fields: Mapping[int, Item]) -> Item:
    """A struct by the numbers of its fields, ascending."""
    out, before = bytearray(), 0
    for number, item in fields.items():
        step = number - before
        out += bytes([step << 4 | item.kind]) if step <= _MOST_IN_HEADER else bytes([item.kind]) + zigzag(number)
        out += item.data
        before = number
    return Item(STRUCT, bytes(out) + b"\0")


def sequence(items: Sequence[Item]) -> Item:
    """A list of items of one type, booleans of `boolean`; an empty one is of structs."""
    kind = items[0].kind if items else STRUCT
    count = len(items)
    header = bytes([count << 4 | kind]) if count < _MOST_IN_HEADER else bytes([0xF0 | kind]) + varint(count)
    return Item(_LIST, header + b"".join(item.data for item in items))
