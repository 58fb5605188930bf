"""Whether an event matters at all, and how the hook ends: always well, and at once."""

import sys

from .payloads import EVENTS, matters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

#: More than this no tool call has; the rest is not read.
_MOST = 64 << 20


def main(arguments: list[str]) -> "NoReturn":
    """Read the event from standard input, answer on standard output, end with status 0 whatever happens."""
    from .files import posix

    try:
        client = arguments[0] if arguments else ""
        if client in EVENTS:
            data = sys.stdin.buffer.read(_MOST)
            if matters(client, data):
                from .act import respond

                respond(client, data, _say, arguments[1] if len(arguments) > 1 else "")
            elif client in {"gemini", "cursor"}:
                _say(b"{}")
    except BaseException:  # noqa: BLE001, S110  # nothing that happens here is the agent's business
        pass
    # What the interpreter does at its end takes a tenth of the hook's time and frees what dies with it anyway.
    posix._exit(0)  # noqa: SLF001  # its name, nothing private


def _say(answer: bytes) -> None:
    """Give the client its answer now: what is left to do is not its business."""
    from .files import posix

    while answer:
        answer = answer[posix.write(1, answer) :]
