"""Search: whatever is typed, the best comes first, and the filter comes before the limit."""

from __future__ import annotations

import datetime as dt
import time
import uuid
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from capsa.errors import EmbedderUnavailable
from capsa.records import Filter, Hit, Mode, Record
from capsa.search import engine
from capsa.store import Collection, Store
from capsa.testing._contract_base import Contract, ids, minutes, numbered
from capsa.testing.embedders import FailingEmbedder, HashingEmbedder

LANGUAGES = {
    "Chinese": ("记忆是所有事物的守护者和宝藏", "宝藏"),
    "Japanese": ("記憶はすべてのものの宝庫であり、守護者である", "守護者"),
    "Thai": ("ความทรงจำคือคลังสมบัติและผู้พิทักษ์ของทุกสิ่ง", "ผู้พิทักษ์"),
    "Khmer": ("ការចងចាំគឺជាឃ្លាំងនិងជាអ្នកថែរក្សានៃអ្វីៗទាំងអស់", "អ្នកថែរក្សា"),
    "Korean": ("기억은모든것의보물창고이며수호자이다", "보물창고"),
    "Greek": ("Η ΜΝΉΜΗ είναι ο φύλακας των πάντων Λόγος", "μνημη λόγος"),
    "German": ("Die Straße der Erinnerung ist GROẞ", "STRASSE straße"),
    "Hindi": ("स्मृति सभी वस्तुओं का खज़ाना और संरक्षक है", "संरक्षक"),
    "Arabic": ("الذاكرة كنز كل الأشياء وحارسها", "كنز"),
    "Vietnamese": ("Trí nhớ là kho báu và người bảo vệ", "kho bau"),
}

CODE = '''
def get_user_name(user_id: int) -> str:
    """The name of a user; empty if nobody has this id."""
    total += PRICE_TABLE[user_id]
    return HTTPClient().getJson(f"/users/{user_id}").get("name", "")
'''


class SearchContract(Contract):
    """Finding records by words, by meaning, and by both."""

    def test_the_record_that_has_the_words_is_found(self, notes: Collection) -> None:
        notes.add([Record(id="a", text="The obstacle becomes the way"), Record(id="b", text="Something else")])
        result = notes.search("obstacle")
        assert ids(result) == ["a"]
        assert result[0].record == notes.get("a")
        assert len(result) == 1

    @pytest.mark.parametrize("part", ["title", "path", "text", "context"])
    def test_every_part_with_words_is_searched(self, notes: Collection, part: str) -> None:
        notes.add([Record(id="a", **{"text": "nothing", part: "some quixotic thing"}), Record(text="other")])  # type: ignore[arg-type]
        assert ids(notes.search("quixotic")) == ["a"]

    def test_more_of_the_query_rarer_words_and_shorter_texts_come_first(self, notes: Collection) -> None:
        notes.add(numbered(50, "common filler {}"))
        notes.add([
            Record(id="long", text="zebra " + "padding " * 200),
            Record(id="short", text="zebra padding"),
            Record(id="both", text="common zebra"),
        ])  # fmt: skip
        assert ids(notes.search("common zebra", mode="lexical"))[:3] == ["both", "short", "long"]

    def test_scores_never_rise_down_the_list(self, embedded: Collection) -> None:
        embedded.add(Record(text=f"alpha {'beta ' * (i % 7)} {'gamma ' * (i % 5)} number{i}") for i in range(60))
        for mode in Mode:
            scores = [hit.score for hit in embedded.search("alpha beta gamma", mode=mode, limit=60)]
            assert len(scores) == 60
            assert scores == sorted(scores, reverse=True)

    def test_of_equal_matches_the_newest_comes_first(self, notes: Collection) -> None:
        notes.add(numbered(5, "the very same words"))
        assert ids(notes.search("same words", mode="lexical")) == ["r4", "r3", "r2", "r1", "r0"]

    def test_a_hit_says_why_it_was_found(self, embedded: Collection) -> None:
        embedded.add([Record(id="a", text="the parse_config function reads settings")])
        embedded.add(numbered(20, "unrelated filler {}"))
        best = embedded.search("parse_config settings")[0]
        assert best.record.id == "a"
        assert best.literal, "an identifier of the query stands in the record"
        assert best.lexical_score is not None
        assert best.lexical_score > 0
        assert best.semantic_score is not None
        assert 0 < best.semantic_score <= 1
        assert "parseconfig" in best.words
        for part in ("literal match", "words: ", "meaning 0."):
            assert part in best.reason

    def test_words_alone_explain_a_lexical_hit(self, notes: Collection) -> None:
        notes.add([Record(id="a", text="runs running"), Record(id="b", text="walks")])
        hit = notes.search("running walking", mode="lexical")[0]
        assert hit.semantic_score is None
        assert hit.lexical_score == hit.score
        assert not hit.literal
        assert hit.reason == "words: running", "as it was typed, not as the index spells it"

    @pytest.mark.parametrize("folded", [False, True], ids=["pending", "folded"])
    @pytest.mark.parametrize(
        "query",
        [
            "get_user_name", "getUserName", "GetUserName", "user name", "user_id", "PRICE_TABLE", "price table",
            "HTTPClient", "http client", "total += PRICE_TABLE[user_id]", "/users/", "GETJSON", "nobody has this id",
        ],
    )  # fmt: skip
    def test_code_is_found_by_any_spelling_of_its_names(self, notes: Collection, query: str, folded: Any) -> None:
        notes.add([Record(id="code", text=CODE), Record(id="other", text="def main(): pass")])
        if folded:
            notes.maintain()
        assert ids(notes.search(query))[0] == "code"

    @pytest.mark.parametrize("language", LANGUAGES)
    def test_every_language_is_found_with_and_without_spaces(self, notes: Collection, language: str) -> None:
        notes.add(Record(id=name, text=text) for name, (text, _) in LANGUAGES.items())
        assert ids(notes.search(LANGUAGES[language][1]))[0] == language
        notes.maintain()
        assert ids(notes.search(LANGUAGES[language][1]))[0] == language

    def test_a_single_character_of_a_language_without_spaces_is_found(self, notes: Collection) -> None:
        notes.add([Record(id="a", text="記憶"), Record(id="b", text="守護")])
        assert ids(notes.search("憶")) == ["a"]

    def test_an_emoji_is_found(self, notes: Collection) -> None:
        notes.add([Record(id="a", text="done 🎉🎊"), Record(id="b", text="done 🚀")])
        assert ids(notes.search("🎊")) == ["a"]

    @pytest.mark.parametrize("mode", Mode)
    def test_a_limit_of_a_thousand_gives_a_thousand(self, embedded: Collection, mode: Mode) -> None:
        embedded.add(numbered(1_100, "same words {}"))
        assert len(embedded.search("same words", mode=mode, limit=1_000)) == 1_000
        filtered = embedded.search("same words", mode=mode, limit=1_000, filter=Filter(since=minutes(50)))
        assert len(set(ids(filtered))) == 1_000
        assert len(embedded.search("same words", mode=mode, limit=2_000)) == 1_100
        assert len(embedded.search("same words", mode=mode, limit=1)) == 1
        assert len(embedded.search("same words", mode=mode, limit=0)) == 0

    @pytest.mark.parametrize("mode", Mode)
    def test_filters_are_applied_before_the_limit(self, embedded: Collection, mode: Mode) -> None:
        # Those that match best are all outside of the filter.
        embedded.add(
            Record(id=f"best{i}", text="needle", path="other.py", session_id="old", created_at=minutes(i))
            for i in range(300)
        )
        wanted = [
            Record(id=f"wanted{i}", text=f"needle in hay {i}", path="a/x.py", session_id="s", created_at=minutes(500))
            for i in range(3)
        ]
        embedded.add(wanted)
        for filter_ in (
            Filter(path="a/"),
            Filter(path="a/*.py"),
            Filter(session_id="s"),
            Filter(since=minutes(400)),
            Filter(path="x", session_id="s", since=minutes(500), until=minutes(501)),
        ):
            found = embedded.search("needle", mode=mode, limit=3, filter=filter_)
            assert sorted(ids(found)) == ["wanted0", "wanted1", "wanted2"]
        assert len(embedded.search("needle", mode=mode, filter=Filter(path="nowhere"))) == 0

    def test_a_narrow_filter_finds_what_thousands_of_better_matches_hide(self, notes: Collection) -> None:
        notes.add(numbered(3_000, "needle"))
        notes.add([Record(id="hidden", text="needle " + "hay " * 50, session_id="s", created_at=minutes(-1))])
        assert ids(notes.search("needle", limit=5, filter=Filter(session_id="s"))) == ["hidden"]
        assert ids(notes.search("needle", limit=5, filter=Filter(until=minutes(0)))) == ["hidden"]
        few = notes.search("needle", limit=1_000, filter=Filter(since=minutes(2_900)))
        assert len(few) == 100
        assert len(set(ids(few))) == 100

    def test_a_search_sees_its_own_collection_and_owner_alone(self, store: Store, owner: str) -> None:
        store = Store(store.database)
        for name, of in (("a", owner), ("b", owner), ("a", f"{owner}-2")):
            store.collection(name, owner=of).add([Record(id=f"{name} of {of}", text="shared words")])
        assert ids(store.collection("a", owner=owner).search("shared")) == [f"a of {owner}"]

    def test_what_was_updated_is_found_by_its_new_words_only(self, embedded: Collection) -> None:
        embedded.add([Record(id="a", text="ancient wording", path="old.py")])
        for maintained in (False, True):
            if maintained:
                embedded.maintain()
            embedded.update("a", text="modern phrasing", path="new.py")
            for mode in ("lexical", "hybrid"):
                assert embedded.search("ancient", mode=mode).hits == () or mode == "hybrid"
                assert ids(embedded.search("modern", mode=mode)) == ["a"]
            assert ids(embedded.search("old.py", mode="lexical")) == ["a"], "'py' still matches"
            assert embedded.search("ancient wording old", mode="lexical").hits == ()
            best = embedded.search("modern phrasing", mode="semantic")[0]
            assert best.semantic_score == pytest.approx(1.0, abs=1e-5)
            embedded.update("a", text="ancient wording", path="old.py")

    def test_what_was_deleted_is_found_no_more_in_any_mode(self, embedded: Collection) -> None:
        embedded.add([Record(id="a", text="needle"), Record(id="b", text="hay")])
        for mode in Mode:
            embedded.search("needle", mode=mode)
        embedded.delete(["a"])
        for mode in Mode:
            assert "a" not in ids(embedded.search("needle", mode=mode))

    def test_without_an_embedder_hybrid_goes_by_words_and_says_so(self, notes: Collection) -> None:
        notes.add([Record(id="a", text="needle")])
        result = notes.search("needle")
        assert (result.mode, ids(result)) == (Mode.LEXICAL, ["a"])
        assert any("no embedder" in note for note in result.notes)
        with pytest.raises(EmbedderUnavailable, match="embedder"):
            notes.search("needle", mode="semantic")

    def test_without_vectors_hybrid_goes_by_words_and_says_how_to_get_them(self, embedded: Collection) -> None:
        embedded.add([Record(id="a", text="needle")], embed=False)
        result = embedded.search("needle")
        assert (result.mode, ids(result)) == (Mode.LEXICAL, ["a"])
        assert any("re-embed" in note for note in result.notes)

    def test_with_a_failing_embedder_hybrid_goes_by_words_and_names_the_failure(
        self, embedded: Collection, owner: str
    ) -> None:
        embedded.add([Record(id="a", text="needle")])
        failing = FailingEmbedder(64, name=embedded.store.embedder.name)  # type: ignore[union-attr]
        broken = Store(embedded.database, embedder=failing).collection("notes", owner=owner)
        result = broken.search("needle")
        assert (result.mode, ids(result)) == (Mode.LEXICAL, ["a"])
        assert any("fails" in note for note in result.notes)
        with pytest.raises(EmbedderUnavailable):
            broken.search("needle", mode=Mode.SEMANTIC)
        assert ids(broken.search("needle", mode=Mode.LEXICAL)) == ["a"]

    def test_records_without_a_vector_are_found_by_their_words_in_a_hybrid_search(self, embedded: Collection) -> None:
        embedded.add(numbered(30, "entry about gardens {}"))
        embedded.add([Record(id="new", text="zebra crossing rules")], embed=False)
        assert "new" in ids(embedded.search("rules of zebra crossing", limit=3))

    def test_a_record_without_a_vector_is_looked_for_by_the_rarest_words(self, embedded: Collection) -> None:
        embedded.add(numbered(60, "a common word about gardens {}"))
        embedded.add([Record(id="new", text="a zebra is a common word")], embed=False)
        with mock.patch.object(engine, "LOOKED_THROUGH", 1), mock.patch.object(engine, "LEAST_LOOKED_AT", 1):
            found = embedded.search("the common word for a zebra", limit=3)
        assert "new" in ids(found)
        assert all({"common", "word"} <= set(hit.words) for hit in found), "every hit tells all of its words"
        (new,) = (hit for hit in found if hit.record.id == "new")
        assert new.semantic_score is None
        assert new.lexical_score is not None

    def test_records_that_have_all_of_some_words_are_found_whatever_the_order(self, notes: Collection) -> None:
        notes.add(numbered(150, "the garden gate, number {}"))
        notes.add([Record(id="a", text="Gates; and a garden at night"), Record(id="b", text="one night of the garden")])
        assert set(ids(notes.holding("night GARDEN") or [])) == {"a", "b"}
        assert ids(notes.holding("gate night garden") or []) == ["a"]
        assert notes.holding("night zebra") == []
        assert notes.holding("") == []
        assert notes.holding("garden") is None
        assert len(notes.holding("garden", limit=1_000) or []) == 152
        with notes.database.read(notes.owner) as tx:
            assert ids(notes.holding("gate night", tx=tx) or []) == ["a"]

    def test_in_a_hybrid_search_what_stands_literally_comes_first(self, embedded: Collection) -> None:
        embedded.add(numbered(40, "load the settings file and parse the config {}"))
        embedded.add([Record(id="literal", text="x = 1\n" * 40 + "LoadSettings.parse_config(path)")])
        for query in ("parse_config", "where is LoadSettings.parse_config called with the settings file?"):
            best = embedded.search(query)[0]
            assert best.record.id == "literal"
            assert best.literal

    def test_meaning_alone_finds_what_shares_no_word(self, embedded: Collection) -> None:
        embedded.add([Record(id="a", text="Alpha"), Record(id="b", text="Beta")])
        result = embedded.search("ALPHA!", mode="semantic")
        assert ids(result) == ["a", "b"]
        assert result.mode is Mode.SEMANTIC
        assert all(hit.lexical_score is None and hit.words == () for hit in result)
        assert isinstance(result[0], Hit)

    def test_a_search_in_a_large_collection_is_the_same_pending_folded_and_merged(self, notes: Collection) -> None:
        words = ["alpha", "beta", "gamma", "delta", "epsilon"]
        records = [
            Record(id=f"r{i}", text=" ".join(words[: 1 + i % 5]) + f" only{i}", created_at=minutes(i))
            for i in range(5_000)
        ]
        for start in range(0, 5_000, 511):
            notes.add(records[start : start + 511])
        before = [(h.record.id, round(h.score, 3)) for h in notes.search("delta epsilon only4711", limit=50)]
        assert before[0][0] == "r4711"
        notes.maintain()
        after = [(h.record.id, round(h.score, 3)) for h in notes.search("delta epsilon only4711", limit=50)]
        assert after == before


#: Anything that can be typed, and what cannot.
anything = st.text(st.characters(codec=None, categories=None) | st.sampled_from("\0\ud800\udfff\ufdd0'\"%_*?[]\\:/.-+"))
QUERIES = [
    "", " ", "'", '"', '"unbalanced', "AND OR NOT NEAR", "a AND (b", "*", "foo*", "^start", "{col}: x", "-minus",
    "%", "_", "\\", "%s %(x)s", ":name", "$1 ?", "a+=b", "a.b.c", "C:\\dir\\x.py", "../../etc/passwd", "a::b",
    "x" * 100_000, "+" * 100_000, ":" * 1_000, "a" + ":" * 1_000, "a-" * 20_000, "日本語" * 5_000, "😀" * 1_000,
    "\0", "\ud800", "'; DROP TABLE capsa_records; --", "<script>", "()" * 5_000, "a/" * 5_000, "_" * 10_000,
]  # fmt: skip


class AnyTextContract(Contract):
    """Nothing that a user types can fail."""

    @pytest.mark.parametrize("query", QUERIES, ids=lambda q: ascii(q[:12]))
    def test_no_query_fails_or_takes_long(self, embedded: Collection, query: str) -> None:
        embedded.add([Record(id="a", text="a b c"), Record(id="q", text=query)])
        began = time.monotonic()
        for mode in Mode:
            embedded.search(query, mode=mode)
        embedded.recent(filter=Filter(path=query[:1_000], session_id=query[:1_000]))
        assert time.monotonic() - began < 10
        embedded.delete(["q"])

    @settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
    @given(text=anything, query=anything)
    @example(text="a\0b \ud800", query="\0\ud800")
    def test_any_text_is_kept_found_and_deleted(self, store: Store, text: str, query: str) -> None:
        owner = f"owner-{uuid.uuid4().hex}"
        embedded = Store(store.database, embedder=HashingEmbedder(8)).collection("notes", owner=owner)
        embedded.add([Record(id=text[:100], text=text, title=query, path=query, session_id=query[:100])])
        filter_ = Filter(path=query, session_id=query[:100], since=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        for mode in Mode:
            embedded.search(query, mode=mode)
            embedded.search(text, mode=mode, filter=filter_)
        if "*" not in query and "?" not in query:
            assert [hit.record.text for hit in embedded.search(text, mode="semantic", filter=filter_)] == [text]
            assert embedded.count(filter_) == 1
        assert embedded.delete([text[:100]]) == 1

    def test_a_hundred_kilobytes_of_code_find_their_record_quickly(self, embedded: Collection) -> None:
        code = "\n".join(f"    value_{i} = compute_{i}(self.table[{i}], other::{i} + 'x%_')" for i in range(1_800))
        assert len(code) > 100_000
        embedded.add(numbered(50, "value = compute(table) {}"))
        embedded.add([Record(id="code", text=code)])
        began = time.monotonic()
        for mode in Mode:
            assert ids(embedded.search(code, mode=mode))[0] == "code"
        assert time.monotonic() - began < 10
