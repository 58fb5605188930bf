"""Reading what a person says: a line, or several."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prompt_toolkit import PromptSession

#: Opens and closes a message of several lines.
FENCE = '"""'


class Reader:
    """Reads from a terminal or a pipe. Memory of what was typed lasts as long as the sitting, and in no file."""

    def __init__(self) -> None:
        """Nothing is read yet."""
        self.interactive = sys.stdin.isatty() and sys.stdout.isatty()
        self._session: PromptSession[str] | None = None
        self._default = ""

    def put_back(self, text: str) -> None:
        """Have ``text`` stand in the prompt the next time."""
        self._default = text

    def read(self) -> str | None:
        """What the person says next, or None if they leave (Ctrl-D, or Ctrl-C at the prompt)."""
        line = self._line("> ")
        if line is None or not line.lstrip().startswith(FENCE):
            return line
        lines = [line.lstrip().removeprefix(FENCE)]
        while not lines[-1].rstrip().endswith(FENCE):
            more = self._line("… ")
            if more is None:
                break
            lines.append(more)
        return "\n".join(lines).rstrip().removesuffix(FENCE).strip("\n")

    def _line(self, prompt: str) -> str | None:
        if not self.interactive:
            read = sys.stdin.readline()
            return read.rstrip("\n") if read else None
        try:
            default, self._default = self._default, ""
            return self._prompt_session().prompt(prompt, default=default)
        except (EOFError, KeyboardInterrupt):
            return None

    def _prompt_session(self) -> PromptSession[str]:
        if self._session is None:
            from prompt_toolkit import PromptSession
            from prompt_toolkit.history import InMemoryHistory
            from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

            keys = KeyBindings()

            # Escape, then Enter, which most terminals send for Alt-Enter.
            @keys.add("escape", "enter")
            def _(event: KeyPressEvent) -> None:
                event.current_buffer.insert_text("\n")

            self._session = PromptSession(history=InMemoryHistory(), key_bindings=keys)
        return self._session
