from typing import Any

import pytest

from afterimage import HybridSearch, SearchResult
from afterimage.hybrid_search import LeftOut, words_asked
from afterimage.storage import StorageBackend
from capsa import InvalidRecord
from capsa.testing.embedders import FailingEmbedder, HashingEmbedder

CODE = {
    "/src/config.py": "def parse_config(path):\n    return yaml.safe_load(open(path))",
    "/src/retry.py": "def retry_with_backoff(call, attempts):\n    for attempt in range(attempts): call()",
    "/src/server.py": "class HTTPServer:\n    def handle_request(self, request): ...",
    "/tests/test_config.py": "def test_parse_config():\n    assert parse_config('x') == {}",
    "/src/colour.py": "def mix(colour, other): return (colour + other) / 2",
}


@pytest.fixture
def filled(memory: StorageBackend) -> StorageBackend:
    for path, code in CODE.items():
        memory.store(path, code)
    memory.collection.embed_missing()
    return memory


def paths(results: list[SearchResult]) -> list[str]:
    return [result.file_path for result in results]


def test_the_best_match_comes_first(memory: StorageBackend) -> None:
    # The predecessor gave the worst of the word hits the highest rank.
    for n in range(30):
        memory.store(f"/p/{n}.py", f"widget {'filler ' * n}")
    best = memory.store("/p/best.py", "widget gadget widget gadget")
    found = HybridSearch(memory, semantic_weight=0).search("widget gadget", limit=5)
    assert found[0].id == best
    scores = [result.fts_score for result in found]
    assert scores == sorted(scores, key=lambda score: -(score or 0))
    assert len(found) == 5


def test_a_threshold_drops_what_is_below_it(filled: StorageBackend) -> None:
    search = HybridSearch(filled)
    every = search.search("parse config of a server", limit=10, threshold=0)
    assert {r.relevance_score for r in every} != {1.0}
    for threshold in (0.2, 0.5, 0.99):
        found = search.search("parse config of a server", limit=10, threshold=threshold)
        assert [r.id for r in found] == [r.id for r in every if r.relevance_score >= threshold]
    assert search.search("nothing of this stands anywhere", threshold=0.99) == []


def test_what_the_threshold_left_out_is_told_where_less_was_found_than_asked_for(filled: StorageBackend) -> None:
    search = HybridSearch(filled, fts_weight=0)

    def left_out(limit: int, threshold: float) -> tuple[list[SearchResult], LeftOut | None]:
        return search.search("parse config of a server", limit, threshold), search.left_out

    every, left = left_out(10, 0.0)
    assert left is None
    best = max(result.relevance_score for result in every)
    assert left_out(10, 0.99) == ([], LeftOut(len(CODE), best))
    # Who has as many as he asked for misses nothing.
    assert left_out(1, best)[1] is None


def test_relevance_is_from_0_to_1_and_1_for_a_literal_match(filled: StorageBackend) -> None:
    found = HybridSearch(filled).search("HTTPServer", threshold=0, limit=10)
    assert paths(found)[0] == "/src/server.py"
    assert found[0].relevance_score == 1.0
    assert all(0.0 <= r.relevance_score <= 1.0 for r in found)
    assert "literal" in found[0].reason


def test_what_the_threshold_drops_is_made_up_from_below(memory: StorageBackend) -> None:
    # Near in meaning but without the words, and so many that the first page has nothing else.
    for n in range(60):
        memory.store(f"/near/{n}.py", f"other words {n}", embedding=HashingEmbedder().embed(["alpha beta"])[0].tolist())
    for n in range(3):
        memory.store(f"/words/{n}.py", "alpha beta gamma delta")
    found = HybridSearch(memory, semantic_weight=0).search("alpha beta gamma delta", limit=3, threshold=0.9)
    assert {r.file_path for r in found} == {f"/words/{n}.py" for n in range(3)}


def test_the_path_filter_comes_before_the_limit(memory: StorageBackend) -> None:
    for n in range(40):
        memory.store(f"/elsewhere/{n}.py", "needle needle needle")
    for n in range(12):
        memory.store(f"/here/{n}.py", "needle and much else that makes it a weaker match")
    memory.collection.embed_missing()
    found = HybridSearch(memory).search("needle", limit=5, threshold=0, path_filter="/here/")
    assert len(found) == 5
    assert all(path.startswith("/here/") for path in paths(found))


@pytest.mark.parametrize("limit", [0, 1, 3, 100])
def test_the_limit_is_honoured(filled: StorageBackend, limit: int) -> None:
    assert len(HybridSearch(filled).search("config request call", limit=limit, threshold=0)) == min(limit, len(CODE))


def test_a_thousand_when_asked_for(memory: StorageBackend) -> None:
    from afterimage.entries import StorageEntry

    memory.store_many([StorageEntry(f"e{n}", f"/p/{n}.py", f"needle {n}") for n in range(1100)])
    assert len(HybridSearch(memory).search("needle", limit=1000)) == 1000


def test_a_session_can_be_named(memory: StorageBackend) -> None:
    memory.store("/a", "needle", session_id="one")
    memory.store("/b", "needle", session_id="two")
    assert paths(HybridSearch(memory).search("needle", session_id="two")) == ["/b"]


def test_each_half_can_be_switched_off(filled: StorageBackend) -> None:
    words = HybridSearch(filled, semantic_weight=0).search("parse config", threshold=0, limit=10)
    assert set(paths(words)) == {"/src/config.py", "/tests/test_config.py"}
    assert all(r.semantic_score is None for r in words)
    meaning = HybridSearch(filled, fts_weight=0).search("parse config", threshold=0, limit=10)
    assert len(meaning) == len(CODE)
    assert all(r.fts_score is None for r in meaning)
    with pytest.raises(ValueError, match="both 0"):
        HybridSearch(filled, fts_weight=0, semantic_weight=0)


def test_word_hits_without_meaning_can_be_left_out(filled: StorageBackend) -> None:
    late = filled.store("/late.py", "parse config")
    search = HybridSearch(filled)
    assert late in {r.id for r in search.search("parse config", threshold=0, limit=10)}
    assert late not in {r.id for r in search.search("parse config", threshold=0, limit=10, include_fts_only=False)}


def test_another_embedder_can_be_given(filled: StorageBackend) -> None:
    search = HybridSearch(filled, embedder=FailingEmbedder(name="broken"))
    assert paths(search.search("parse_config"))[:1]
    assert search.notes


@pytest.mark.parametrize(("limit", "threshold"), [(-1, 0.3), (5, 1.1), (5, -0.1)])
def test_impossible_bounds_are_refused(filled: StorageBackend, limit: int, threshold: float) -> None:
    with pytest.raises(ValueError, match="must"):
        HybridSearch(filled).search("x", limit, threshold)


@pytest.mark.parametrize("query", [None, b"x", 7, ["x"]])
def test_a_query_that_is_no_text_is_refused(filled: StorageBackend, query: Any) -> None:
    with pytest.raises(ValueError, match="the query must be text, not"):
        HybridSearch(filled).search(query)
    with pytest.raises(InvalidRecord, match="a query must be text, not"):
        filled.search_fts(query)


@pytest.mark.parametrize(
    "query", ["日本", "🎉", "a+=b", "path/to/file.py", "%_'\"", "AND (", "x" * 100_000, "word " * 20_000, ""]
)
def test_no_query_fails(filled: StorageBackend, query: str) -> None:
    filled.store("/日本/a.py", "# 日本語 🎉\na+=b")
    for result in HybridSearch(filled).search(query, threshold=0):
        assert 0.0 <= result.relevance_score <= 1.0


def test_code_about_to_be_written_finds_its_like(filled: StorageBackend) -> None:
    search = HybridSearch(filled)
    found = search.search_by_code(CODE["/src/retry.py"].replace("attempts", "tries"), "/new/backoff.py")
    assert paths(found)[0] == "/src/retry.py"
    assert paths(search.recall(CODE["/src/colour.py"], "/x/y.py", 1)) == ["/src/colour.py"]
    assert paths(search.recall(CODE["/src/colour.py"], limit=1)) == ["/src/colour.py"]
    assert len(search.recall("mix", limit=3)) == 3
    assert [e.file_path for e in search.search_by_path("/tests/")] == ["/tests/test_config.py"]


def test_identical_code_under_another_name_is_found_whatever_its_length(memory: StorageBackend) -> None:
    # Long snippets have more words than the engine looks for; they must still count as the same.
    long = "\n".join(f"def handler_{n}(request, context): return respond_{n}(request)" for n in range(200))
    wanted = memory.store("/old/place.py", long)
    for n in range(20):
        memory.store(f"/other/{n}.py", f"def handler_{n}(event): pass")
    found = HybridSearch(memory).search_by_code(long, "/new/name.py", threshold=0.9)
    assert [r.id for r in found] == [wanted]


def test_results_are_plain_dicts_for_programs(filled: StorageBackend) -> None:
    result = HybridSearch(filled).search("parse_config", limit=1)[0].to_dict()
    assert set(result) == {
        "id",
        "file_path",
        "new_code",
        "old_code",
        "context",
        "timestamp",
        "session_id",
        "relevance_score",
        "fts_score",
        "semantic_score",
        "reason",
        "unit",
        "lines",
        "author",
    }


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 0),
        ("one", 1),
        ("one two one", 2),
        ("parse_config", 3),
        ("HTTPServer", 3),
        ("日本語", 2),
        ("a b c " * 50, 3),
    ],
)
def test_words_are_counted_as_the_engine_does(query: str, count: int) -> None:
    assert words_asked(query).count == count


def test_short_words_alone_are_little_relevance(memory: StorageBackend) -> None:
    memory.store("/p/a.py", "to a")
    memory.store("/p/b.py", "retry")
    found = HybridSearch(memory, semantic_weight=0).search("how to retry a request", threshold=0.25)
    assert paths(found) == ["/p/b.py"]


def test_a_note_says_that_some_have_no_vector_yet(filled: StorageBackend) -> None:
    search = HybridSearch(filled)

    def notes() -> list[str]:
        search.search("parse_config", threshold=0)
        return list(search.notes)

    assert notes() == []
    # What says nothing never has one.
    filled.store("/src/parse_config/gone.py", "")
    assert notes() == []
    filled.store("/src/new.py", "parse_config()")
    (note,) = notes()
    assert "have no vector yet" in note
    filled.collection.embed_missing()
    assert notes() == []


def test_the_notes_say_what_limited_a_search(memory: StorageBackend) -> None:
    memory.store("/a", "needle")
    search = HybridSearch(memory)
    search.search("needle")
    assert search.notes
