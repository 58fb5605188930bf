"""What a piece of code is recognised by: its lines without their spaces, in hashes of 48 bits.

Three marks of a text. *Whole*: all its lines. *Grams*: runs of `GRAM` lines, of which winnowing keeps the least of
every `WINDOW` neighbours (Schleimer, Wilkerson, Aiken: "Winnowing", SIGMOD 2003), so that any `SURE` lines that two
texts share give at least one mark in common, wherever they stand. *Units*: the short blocks in a text, too short
for grams, so that a function of a few lines is found inside a larger file.

And *terms*: the identifiers in it, for code that is alike and not the same.
"""

from binascii import crc32

try:
    from _blake2 import blake2b
except ImportError:
    from hashlib import blake2b

#: Lines in a gram.
GRAM = 3
#: Neighbouring grams of which one is kept.
WINDOW = 3
#: So many lines in common are found for certain.
SURE = GRAM + WINDOW - 1
#: Letters that a text must have, spaces left out, to be worth recognising.
LEAST = 24
#: Terms that are kept of one text.
TERMS = 96

#: Everything that is no part of an identifier becomes a space; bytes of other scripts stay.
_WORDS = bytes(c if c >= 128 or chr(c).isalnum() or c == 95 else 32 for c in range(256))

#: Words that say nothing about a piece of code. Others are known by being frequent.
_EVERYWHERE = frozenset(
    b"self this None True False null true false else elif return import from class function const static public "
    b"private protected void await async yield raise throw throws catch except finally while break continue switch "
    b"case default export require module package extends implements interface struct enum impl trait where match "
    b"type typeof instanceof lambda pass assert with string String object Object number boolean char long double "
    b"float unsigned signed print printf println main args kwargs value values name names data list dict result "
    b"index item items length size text path file line test error message param params".split()
)


def digest(kind: bytes, data: bytes) -> int:
    """48 bits of ``data``; those of one kind do not meet those of another."""
    return int.from_bytes(blake2b(data, digest_size=6, person=kind).digest(), "big")


#: Lines are hashed once, and runs of lines from those: a step is one multiplication.
_STEP = 0x9E3779B97F4B
_BITS = (1 << 48) - 1
_WHOLE, _GRAM = 0x51ED270B, 0x2545F491


def _fold(start: int, hashes: "list[int]") -> int:
    for one in hashes:
        start = (start * _STEP + one) & _BITS
    return start ^ start >> 23


class Lines:
    """A text by its lines: spaces left out, lines without a letter or digit left out."""

    __slots__ = ("_hashes", "depths", "numbers", "texts")

    def __init__(self, text: str) -> None:
        #: The lines as they are compared.
        self.texts: list[str] = []
        #: Spaces before each, and its number in the text.
        self.depths: list[int] = []
        self.numbers: list[int] = []
        for number, line in enumerate(text.split("\n")):
            bare = "".join(line.split())
            if len(bare) > 3 or any(map(str.isalnum, bare)):
                self.texts.append(bare)
                self.depths.append(len(line) - len(line.lstrip()))
                self.numbers.append(number)
        self._hashes: list[int] = []

    def worthwhile(self) -> bool:
        """Whether there is enough to recognise."""
        return sum(map(len, self.texts)) >= LEAST

    def whole(self) -> int:
        """The mark of all of it."""
        return _fold(_WHOLE, self._hashed())

    def grams(self) -> set[int]:
        """The marks of its runs of lines; none if it is shorter than `SURE` lines."""
        lines = self._hashed()
        if len(lines) < SURE:
            return set()
        runs = [_fold(_GRAM, lines[i : i + GRAM]) for i in range(len(lines) - GRAM + 1)]
        return set(map(min, *(runs[i : len(runs) - WINDOW + 1 + i] for i in range(WINDOW))))

    def units(self) -> dict[int, int]:
        """The marks that the short blocks in it would have as wholes, with how many lines those have."""
        lines, depths, texts = self._hashed(), self.depths, self.texts
        found = {}
        for i in range(len(lines) - 1):
            if depths[i + 1] > depths[i] or texts[i][0] == "@":
                for end in range(i + 2, min(i + SURE, len(lines) + 1)):
                    found[_fold(_WHOLE, lines[i:end])] = end - i
        return found

    def _hashed(self) -> list[int]:
        if not self._hashes:
            lines = [line.encode("utf-8", "surrogatepass") for line in self.texts]
            self._hashes = [crc32(line) | len(line) << 32 for line in lines]
        return self._hashes


def terms(text: str, limit: int = TERMS) -> list[int]:
    """The marks of the identifiers in ``text``, those first that are likely to be rare."""
    return [digest(b"term", word) for word in words(text, limit)]


def words(text: str, limit: int = TERMS) -> list[bytes]:
    """The identifiers themselves."""
    found = sorted(vocabulary(text) - _EVERYWHERE, key=len, reverse=True)
    likely = [word for word in found if 3 < len(word) < 64 and not word.isdigit()][: 4 * limit]
    return sorted(likely, key=_likely_rare, reverse=True)[:limit]


def vocabulary(text: str) -> set[bytes]:
    """Every word and number in ``text``."""
    return set(text.encode("utf-8", "surrogatepass").translate(_WORDS).split())


def _likely_rare(word: bytes) -> tuple[int, bytes]:
    return len(word) + 6 * (b"_" in word.strip(b"_") or not (word.islower() or word.isupper())), word


def path_mark(path: str) -> int:
    """The mark of a file."""
    return digest(b"path", path.encode("utf-8", "surrogatepass"))


def place_mark(project: str, inside: str) -> int:
    """The mark of a file by its place in a project, which is the same in every clone."""
    return digest(b"place", f"{project}\0{inside}".encode("utf-8", "surrogatepass"))


def name_mark(name: str) -> int:
    """The mark of a file's name, in any case."""
    return digest(b"name", name.lower().encode("utf-8", "surrogatepass"))


def project_mark(project: str) -> int:
    """The mark of a project."""
    return digest(b"project", project.encode("utf-8", "surrogatepass"))
