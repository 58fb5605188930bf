"""The commits that a git folder has, read from its own files: loose objects and packs.

A file of the right name is no proof, as names stand in logs and versions: what is found is read, and hashed. Formats:
https://git-scm.com/docs/pack-format, "pack-*.pack files" and "Version 2 pack-*.idx files". What other folders lend it
(alternates) is not looked at, as it says nothing about this one.
"""

from hashlib import sha1, sha256
from zlib import decompressobj
from zlib import error as BadStream  # noqa: N812

from . import files

_MAGIC = b"\377tOc\0\0\0\2"
#: Where the table of names begins: after the magic and 256 numbers of four bytes.
_NAMES = len(_MAGIC) + 256 * 4
#: Packs that are looked into, and bytes of a commit.
_PACKS = 200
_MOST = 1 << 16
#: The kind of an object in a pack that is a whole commit; one that is told by its difference from another is passed by.
_COMMIT = 1


def has_any(common: str, commits: "list[str]") -> bool:
    """Whether the git folder ``common`` has one of ``commits``, which are given in hexadecimal."""
    return bool(_first(common, commits))


def ancestors(common: str, commit: str, limit: int) -> list[str]:
    """``commit`` and the ones before it, nearest first, as far as the git folder ``common`` has them."""
    found: list[str] = []
    waiting = [commit]
    for name in waiting:
        content = _first(common, [name])
        if not content:
            continue
        found.append(name)
        if len(found) == limit:
            break
        head, _, _ = content.partition(b"\n\n")
        parents = [line[7:].decode("ascii", "replace") for line in head.split(b"\n") if line.startswith(b"parent ")]
        # A commit can name any number of parents, and none of them need be there.
        waiting += [name for name in parents if name not in waiting][: 2 * limit - len(waiting)]
    return found


def _first(common: str, commits: "list[str]") -> bytes:
    """The content of the first of ``commits`` that is found; empty if none is."""
    names = [bytes.fromhex(one) for one in commits if len(one) in {40, 64} and not one.strip("0123456789abcdef")]
    # A link may lead anywhere, such as to the folder that whoever asks happens to stand in.
    packed = f"{common}/objects/pack"
    if not common or not names or any(map(_is_link, (common, f"{common}/objects", packed))):
        return b""
    for name in names:
        if content := _loose(f"{common}/objects/{name.hex()[:2]}/{name.hex()[2:]}", name):
            return content
    try:
        packs = [name.removesuffix(".idx") for name in files.posix.listdir(packed) if name.endswith(".idx")]
    except OSError:
        return b""
    return next((content for pack in packs[:_PACKS] if (content := _packed(f"{packed}/{pack}", names))), b"")


def _is_link(path: str) -> bool:
    if path.startswith("/proc/"):
        return True
    try:
        return files.posix.lstat(path).st_mode & 0o170000 == 0o120000
    except OSError:
        return False


def _loose(path: str, name: bytes) -> bytes:
    """The content of the commit ``name`` in a file of its own; empty if it is none."""
    if _is_link(path) or _is_link(files.parent(path)):
        return b""
    whole = _inflated(files.read(path, _MOST) or b"")
    kind, _, content = whole.partition(b"\0")
    return content if kind.startswith(b"commit ") and _digest(whole, name) == name else b""


def _packed(pack: str, names: list[bytes]) -> bytes:
    """The content of the first commit of ``names`` in a pack, whose path is given without its ending."""
    if _is_link(f"{pack}.idx") or _is_link(f"{pack}.pack"):
        return b""
    try:
        index = _open(f"{pack}.idx")
        try:
            places = [place for name in names if (place := _place(index, name))]
        finally:
            files.posix.close(index)
        objects = _open(f"{pack}.pack") if places else -1
        try:
            return next((content for place, name in places if (content := _commit(objects, place, name))), b"")
        finally:
            if places:
                files.posix.close(objects)
    except OSError:
        return b""


def _place(index: int, name: bytes) -> tuple[int, bytes] | None:
    """Where an object is in a pack, by the pack's index, whose names are in order; None if it has none of this name."""
    if _at(index, 0, len(_MAGIC)) != _MAGIC:
        return None
    low = _number(index, len(_MAGIC) + 4 * (name[0] - 1)) if name[0] else 0
    high = _number(index, len(_MAGIC) + 4 * name[0])
    count = _number(index, len(_MAGIC) + 4 * 255)
    while low < high:
        middle = (low + high) // 2
        there = _at(index, _NAMES + middle * len(name), len(name))
        if there == name:
            # After the names: a checksum and a place of four bytes each, and places of eight for what is beyond those.
            places = _NAMES + count * (len(name) + 4)
            place = _number(index, places + 4 * middle)
            if place >> 31:
                beyond = places + 4 * count + 8 * (place & 0x7FFFFFFF)
                place = _number(index, beyond) << 32 | _number(index, beyond + 4)
            return place, name
        if len(there) < len(name):
            # Cut off, or of another length of names.
            return None
        low, high = (middle + 1, high) if there < name else (low, middle)
    return None


def _commit(objects: int, place: int, name: bytes) -> bytes:
    data = _at(objects, place, _MOST)
    if not data or data[0] >> 4 & 7 != _COMMIT:
        return b""
    # Its size, seven bits a byte; the object itself tells it, too.
    begin = next((i + 1 for i, byte in enumerate(data) if byte < 0x80), len(data))
    content = _inflated(data[begin:])
    return content if _digest(b"commit %d\0%s" % (len(content), content), name) == name else b""


def _inflated(data: bytes) -> bytes:
    try:
        return decompressobj().decompress(data, _MOST)
    except BadStream:
        return b""


def _digest(content: bytes, name: bytes) -> bytes:
    """The name of an object, of the kind that ``name`` is: git's own use, where sha1 is not ours to choose."""
    kind = sha1 if len(name) == 20 else sha256
    return kind(content, usedforsecurity=False).digest()


def _open(path: str) -> int:
    return files.posix.open(path, files.posix.O_RDONLY)


def _number(file: int, place: int) -> int:
    return int.from_bytes(_at(file, place, 4), "big")


def _at(file: int, place: int, size: int) -> bytes:
    files.posix.lseek(file, place, 0)
    return files.posix.read(file, size)
