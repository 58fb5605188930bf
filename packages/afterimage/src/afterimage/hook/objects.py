"""Whether a git folder has a commit, read from its own files: loose ones by name, packed ones by the packs' indexes.

Format of those: https://git-scm.com/docs/pack-format, "Version 2 pack-*.idx files". What other folders lend it
(alternates) is not looked at, as it says nothing about this one.
"""

from . import files

_MAGIC = b"\377tOc\0\0\0\2"
#: Where the table of names begins: after the magic and 256 numbers of four bytes.
_NAMES = len(_MAGIC) + 256 * 4
#: Packs that are looked into.
_PACKS = 200


def has_any(common: str, commits: "list[str]") -> bool:
    """Whether the git folder ``common`` has one of ``commits``, which are given in hexadecimal."""
    names = [commit for commit in commits if len(commit) in {40, 64} and not commit.strip("0123456789abcdef")]
    if not common or not names:
        return False
    if any(files.exists(f"{common}/objects/{name[:2]}/{name[2:]}") for name in names):
        return True
    folder = f"{common}/objects/pack"
    try:
        packs = [name for name in files.posix.listdir(folder) if name.endswith(".idx")]
    except OSError:
        return False
    wanted = [bytes.fromhex(name) for name in names]
    return any(_has_any(f"{folder}/{pack}", wanted) for pack in packs[:_PACKS])


def _has_any(index: str, names: "list[bytes]") -> bool:
    try:
        file = files.posix.open(index, files.posix.O_RDONLY)
    except OSError:
        return False
    try:
        return _at(file, 0, len(_MAGIC)) == _MAGIC and any(_has(file, name) for name in names)
    except OSError:
        return False
    finally:
        files.posix.close(file)


def _has(file: int, name: bytes) -> bool:
    """Whether a name is in a pack's index, whose names are in order."""

    def until(first: int) -> int:
        return int.from_bytes(_at(file, len(_MAGIC) + 4 * first, 4), "big") if first >= 0 else 0

    low, high = until(name[0] - 1), until(name[0])
    while low < high:
        middle = (low + high) // 2
        there = _at(file, _NAMES + middle * len(name), len(name))
        if there == name:
            return True
        if len(there) < len(name):
            # Cut off, or of another length of names.
            return False
        low, high = (middle + 1, high) if there < name else (low, middle)
    return False


def _at(file: int, place: int, size: int) -> bytes:
    files.posix.lseek(file, place, 0)
    return files.posix.read(file, size)
