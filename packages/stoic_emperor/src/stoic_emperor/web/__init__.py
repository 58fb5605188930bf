"""The web application, which is not there yet."""

from __future__ import annotations

#: Said by the guide's ``uvicorn src.web.api:app``, and by ``stoic doctor``.
NOT_YET = "this version has no web application and no accounts yet: use stoic chat, or python -m src.cli.chat"
