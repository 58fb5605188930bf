"""One spelling for what people write, so that a rule needs to know only one.

A message is read into plain words: small letters without accents, contractions joined ("I am", "I’m" and "im" are
one word), figures and signs that stand for letters undone ("su1c1de"), letters that were spaced out joined
("k i l l"), a handful of words that matter mended when misspelt. Every word remembers where it stood in the original.
The work is proportional to the length of the text, whatever the text.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cached_property
from itertools import accumulate, pairwise

#: A word longer than this is no word of any rule; cutting it bounds the work that a pattern can cause.
LONGEST_WORD = 48

_MARKS = "'’‘ʼ`´\u00ad\u200b-\u200f\u2060-\u2064\ufeff\u0300-\u036f"
_WORD = re.compile(
    rf"(?P<word>(?:[^\W_]|[@$*](?=\S)|[{_MARKS}]|!(?=[^\W\d_]))++)"
    r'|(?P<stop>[.!?;…\n\r。!?]++)|(?P<quote>["“”„«»]++)'
)
_SPACED = re.compile(r"(?<![^\W_])[^\W\d_](?P<gap>[ .\-_*/|])(?:[^\W\d_](?P=gap)){0,38}[^\W\d_](?![^\W_])")
_UNSEEN = re.compile(rf"[{_MARKS}]+")
_REPEATED = re.compile(r"([^\W\d_])\1{2,}")
_SHORT_PAIRS = frozenset({"to", "my", "me", "it", "im"})

_LETTERS = str.maketrans(
    {
        "ł": "l", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ı": "i",
        "а": "a", "е": "e", "о": "o", "р": "p", "с": "c", "х": "x", "і": "i", "у": "y", "к": "k", "м": "m",
        "ѕ": "s", "ԁ": "d", "ӏ": "l", "ο": "o", "α": "a", "ι": "i", "κ": "k", "ε": "e", "υ": "u", "ν": "v",
    }
)  # fmt: skip
_FIGURES = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i"})

#: Words that a star may hide, and that run-together words are cut into.
_HIDDEN = ("suicide", "suicidal", "kill", "killing", "killed", "die", "dying", "dead", "rape", "raped", "overdose")
_PIECES = (
    "i", "im", "want", "to", "die", "kill", "killing", "myself", "my", "self", "end", "life", "it", "all",
    "suicide", "going", "dont", "live", "hurt", "cut", "be", "dead", "me", "am",
)  # fmt: skip
_WORTH_CUTTING = re.compile(r"die|kill|suicid|live|life|dead|hurt|want")
_MENDED = ("suicide", "suicidal", "myself", "overdose", "overdosed", "hopeless", "worthless", "anymore", "paracetamol")
#: Words of other languages that only look like a slip.
_NO_SLIPS = frozenset(("suicider", "suicidar", "suicidas", "suicida", "suicidi", "suicidio", "suicidee", "suicides"))
_REPLACED = {
    "kil": ("kill",), "kll": ("kill",), "klil": ("kill",), "kiil": ("kill",), "dieing": ("dying",), "lfie": ("life",),
    "wan": ("want",), "wnat": ("want",), "wnt": ("want",), "wanna": ("want", "to"), "wana": ("want", "to"),
    "gonna": ("going", "to"), "gunna": ("going", "to"), "cannot": ("cant",), "u": ("you",), "ur": ("your",),
    "unalive": ("kill",), "unaliving": ("killing",), "unalived": ("killed",), "kms": ("kill", "myself"),
    "sewerslide": ("suicide",), "sewercide": ("suicide",), "suislide": ("suicide",), "selfharm": ("self", "harm"),
    "selfharming": ("self", "harming"), "meself": ("myself",), "mum": ("mother",), "mom": ("mother",),
    "mama": ("mother",), "dad": ("father",), "papa": ("father",), "hubby": ("husband",),
}  # fmt: skip
_JOINED = {
    ("i", "am"): "im", ("i", "will"): "ill", ("i", "have"): "ive", ("i", "would"): "id", ("i", "had"): "ive",
    ("do", "not"): "dont", ("does", "not"): "doesnt", ("did", "not"): "didnt", ("can", "not"): "cant",
    ("could", "not"): "couldnt", ("will", "not"): "wont", ("would", "not"): "wouldnt", ("is", "not"): "isnt",
    ("are", "not"): "arent", ("was", "not"): "wasnt", ("were", "not"): "werent", ("have", "not"): "havent",
    ("has", "not"): "hasnt", ("any", "more"): "anymore", ("my", "self"): "myself", ("no", "one"): "nobody",
    ("want", "2"): "want to", ("any", "longer"): "anymore", ("it", "is"): "its", ("no", "longer"): "no longer",
    ("there", "is"): "theres", ("what", "is"): "whats", ("you", "are"): "youre", ("your", "self"): "yourself",
    ("sewer", "slide"): "suicide",
}  # fmt: skip
_FILLERS = frozenset(
    (
        "really", "just", "literally", "honestly", "actually", "seriously", "simply", "basically", "ngl", "tbh",
        "lol", "haha", "fucking", "fuckin", "damn", "bloody", "kinda", "very", "truly", "also", "even", "so",
        "completely", "totally", "absolutely", "einfach", "nur", "doch", "eigentlich", "wirklich", "echt", "juste",
        "vraiment", "realmente", "davvero", "gewoon", "po", "prostu", "naprawde",
    )
)  # fmt: skip


class Reading:
    """A text as rules see it: words with one space between, ``.`` where a sentence ends, ``"`` at quotation marks."""

    def __init__(self, words: list[str], places: list[tuple[int, int]]) -> None:
        """Words in their one spelling, and where each stood in the original."""
        #: The words, in order, and the marks between them.
        self.words = words
        self._places = places
        #: starts and ends with a sentence mark, so that every word has a neighbour on both sides
        self.text = " ".join([" .", *words]) + " . "

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where the stretch from ``start`` to ``end`` of :attr:`text` stood in the original."""
        if not self.words:
            return (0, 0)
        first = max(bisect_right(self._offsets, start) - 1, 0)
        last = max(bisect_left(self._offsets, end) - 1, first)
        while first < last and self.words[first] == ".":
            first += 1
        return (self._places[first][0], self._places[last][1])

    def sentence(self, position: int, reach: int) -> tuple[int, int]:
        """The sentence of :attr:`text` that ``position`` is in, cut ``reach`` letters before and after it."""
        lowest, highest = max(position - reach, 0), min(position + reach, len(self.text))
        start = self.text.rfind(" . ", lowest, position + 1)
        end = self.text.find(" . ", position, highest)
        return (start if start >= 0 else lowest, end if end >= 0 else highest)

    def is_quoted(self, position: int) -> bool:
        """Whether ``position`` stands between quotation marks."""
        return bisect_left(self._quotes, position) % 2 == 1

    @cached_property
    def _offsets(self) -> list[int]:
        """Where each word begins in :attr:`text`."""
        return list(accumulate((1 + len(word) for word in self.words[:-1]), initial=len(" . ")))

    @cached_property
    def _quotes(self) -> list[int]:
        return [index for index, letter in enumerate(self.text) if letter == '"']


class Spellings:
    """Remembers how words are spelt: finding it out is most of the work of reading."""

    #: More different words than a reply or a usual message has.
    MOST = 4_000

    def __init__(self) -> None:
        """Nothing is known yet."""
        self._known: dict[str, tuple[str, ...]] = {}

    def of(self, raw: str) -> tuple[str, ...]:
        """The pieces of a word, each in its one spelling."""
        spelt = self._known.get(raw)
        if spelt is None:
            raw = raw[: LONGEST_WORD * 4]
            if len(self._known) >= self.MOST:
                self._known.clear()
            spelt = self._known[raw] = tuple(piece[:LONGEST_WORD] for piece in _spell(raw))
        return spelt


def read(text: str, spellings: Spellings | None = None) -> Reading:
    """Read ``text``, whatever it holds.

    Args:
        spellings: of whoever reads similar texts again and again.
    """
    spellings = spellings or Spellings()
    words: list[str] = []
    places: list[tuple[int, int]] = []
    at = 0
    for spaced in _SPACED.finditer(text):
        letters = spaced.group()[:: 1 + len(spaced["gap"])]
        if len(letters) < 3 and letters.lower() not in _SHORT_PAIRS:
            continue
        _read_plainly(_WORD.finditer(text, at, spaced.start()), spellings, words, places)
        spelt = spellings.of(letters)
        words += spelt
        places += [spaced.span()] * len(spelt)
        at = spaced.end()
    _read_plainly(_WORD.finditer(text, at), spellings, words, places)
    # Mostly there is nothing to join or to leave out, which is quickly told.
    if not _JOINED.keys().isdisjoint(pairwise(words)):
        words, places = _join(words, places)
    if not _FILLERS.isdisjoint(words):
        places = [place for word, place in zip(words, places, strict=True) if word not in _FILLERS]
        words = [word for word in words if word not in _FILLERS]
    return Reading(words, places)


def _read_plainly(
    matches: Iterator[re.Match[str]], spellings: Spellings, words: list[str], places: list[tuple[int, int]]
) -> None:
    number_before = False
    for found in matches:
        kind = found.lastgroup
        if kind == "word":
            raw = found.group()
            spelt = ("km",) if number_before and raw.lower() == "kms" else spellings.of(raw)
            number_before = raw.isdigit()
        else:
            spelt = (".",) if kind == "stop" else ('"',)
        words += spelt
        places += [found.span()] * len(spelt)


def _join(words: list[str], places: list[tuple[int, int]]) -> tuple[list[str], list[tuple[int, int]]]:
    """Two words that are one; that one may be one with the next."""
    kept: list[str] = []
    where: list[tuple[int, int]] = []
    for word, place in zip(words, places, strict=True):
        if kept and (joined := _JOINED.get((kept[-1], word))) is not None:
            kept[-1], where[-1] = joined, (where[-1][0], place[1])
        else:
            kept.append(word)
            where.append(place)
    return kept, where


def _spell(raw: str) -> tuple[str, ...]:
    plain = _UNSEEN.sub("", raw).casefold()
    plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    plain = plain.translate(_LETTERS).strip("*")
    if "!" in plain:
        undone = plain.translate(_FIGURES)
        if undone not in _HIDDEN:
            return tuple(piece for part in plain.split("!") for piece in _spell(part))
        plain = undone
    if any(c.isalpha() for c in plain) and not plain.isalpha():
        plain = plain.translate(_FIGURES) if "*" not in plain else _unstarred(plain)
    plain = _REPEATED.sub(r"\1", plain)
    if not plain:
        return ()
    if plain in _REPLACED:
        return _REPLACED[plain]
    if len(plain) >= 5 and _WORTH_CUTTING.search(plain) and plain not in _MENDED:
        pieces = _cut(plain)
        if pieces:
            return pieces
    return (_mend(plain),)


def _unstarred(word: str) -> str:
    for hidden in _HIDDEN:
        if len(hidden) == len(word) and all(a in (b, "*") for a, b in zip(word, hidden, strict=True)):
            return hidden
    return word.replace("*", "")


def _cut(word: str) -> tuple[str, ...]:
    """Words written without spaces, when nothing is left over: "iwanttodie"."""
    reached: dict[int, tuple[str, ...]] = {0: ()}
    for at in range(len(word)):
        if at in reached:
            for piece in _PIECES:
                if word.startswith(piece, at):
                    reached.setdefault(at + len(piece), (*reached[at], piece))
    pieces = reached.get(len(word), ())
    return pieces if len(pieces) > 1 and len(max(pieces, key=len)) > 2 else ()


def _one_letter_less(word: str) -> set[str]:
    return {word[:i] + word[i + 1 :] for i in range(len(word))}


_MEND = {less: word for word in _MENDED for less in (word, *_one_letter_less(word))}


def _mend(word: str) -> str:
    """A word that matters, spelt with one slip of the finger."""
    if word in _NO_SLIPS:
        return word
    if not 5 <= len(word) <= 12 or word in _MEND:
        return _MEND.get(word, word) if len(word) >= 5 else word
    for less in _one_letter_less(word):
        whole = _MEND.get(less)
        if whole and abs(len(whole) - len(word)) <= 1 and word[0] == whole[0]:
            return whole
    return word
