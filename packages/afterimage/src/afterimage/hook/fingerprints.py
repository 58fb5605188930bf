"""What a piece of code is recognised by: its lines without their spaces, in hashes of 48 bits.

Three marks of a text. *Whole*: all its lines. *Grams*: runs of `GRAM` lines, of which winnowing keeps the least of
every `WINDOW` neighbours (Schleimer, Wilkerson, Aiken: "Winnowing", SIGMOD 2003), so that any `SURE` lines that two
texts share give at least one mark in common, wherever they stand. *Units*: the short blocks in a text, too short
for grams, so that a function of a few lines is found inside a larger file.

And *terms*: the identifiers in it, for code that is alike and not the same.
"""

try:
    from _blake2 import blake2b  # type: ignore[import-not-found]
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


class Lines:
    """A text by its lines: spaces left out, lines without a letter or digit left out."""

    __slots__ = ("depths", "numbers", "texts")

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

    def worthwhile(self) -> bool:
        """Whether there is enough to recognise."""
        return sum(map(len, self.texts)) >= LEAST

    def whole(self) -> int:
        """The mark of all of it."""
        return digest(b"whole", "\n".join(self.texts).encode("utf-8", "surrogatepass"))

    def grams(self) -> set[int]:
        """The marks of its runs of lines; none if it is shorter than `SURE` lines."""
        texts = self.texts
        if len(texts) < SURE:
            return set()
        hashes = [
            digest(b"gram", "\n".join(texts[i : i + GRAM]).encode("utf-8", "surrogatepass"))
            for i in range(len(texts) - GRAM + 1)
        ]
        return {min(hashes[i : i + WINDOW]) for i in range(len(hashes) - WINDOW + 1)}

    def units(self) -> dict[int, int]:
        """The marks that the short blocks in it would have as wholes, with how many lines those have."""
        texts, depths = self.texts, self.depths
        found = {}
        for i in range(len(texts) - 1):
            if depths[i + 1] > depths[i] or texts[i][0] == "@":
                for end in range(i + 2, min(i + SURE, len(texts) + 1)):
                    found[digest(b"whole", "\n".join(texts[i:end]).encode("utf-8", "surrogatepass"))] = end - i
        return found


def terms(text: str, limit: int = TERMS) -> list[int]:
    """The marks of the identifiers in ``text``, those first that are likely to be rare."""
    return [digest(b"term", word) for word in words(text, limit)]


def words(text: str, limit: int = TERMS) -> list[bytes]:
    """The identifiers themselves."""
    found = vocabulary(text) - _EVERYWHERE
    return sorted((w for w in found if 3 < len(w) < 64 and not w.isdigit()), key=_likely_rare, reverse=True)[:limit]


def vocabulary(text: str) -> set[bytes]:
    """Every word and number in ``text``."""
    return set(text.encode("utf-8", "surrogatepass").translate(_WORDS).split())


def _likely_rare(word: bytes) -> tuple[int, bytes]:
    return len(word) + 6 * (b"_" in word.strip(b"_") or not (word.islower() or word.isupper())), word


def path_mark(path: str) -> int:
    """The mark of a file."""
    return digest(b"path", path.encode("utf-8", "surrogatepass"))


def name_mark(name: str) -> int:
    """The mark of a file's name, in any case."""
    return digest(b"name", name.lower().encode("utf-8", "surrogatepass"))


def project_mark(project: str) -> int:
    """The mark of a project."""
    return digest(b"project", project.encode("utf-8", "surrogatepass"))
