"""How much processor time a benchmark was denied: on a shared machine the same work may take twice as long."""

from __future__ import annotations

from pathlib import Path

_STAT = Path("/proc/stat")
#: Fields of its first line: user nice system idle iowait irq softirq steal (proc_stat(5)).
_IDLE, _STEAL = slice(3, 5), 7


class Cores:
    """The processors since a moment."""

    def __init__(self) -> None:
        """From now on."""
        self._began = _read()

    def denied(self) -> float | None:
        """The share of the wanted time that the host gave to others; None where the system does not tell."""
        if self._began is None or (now := _read()) is None:
            return None
        passed = [after - before for before, after in zip(self._began, now, strict=True)]
        wanted = sum(passed) - sum(passed[_IDLE])
        return passed[_STEAL] / wanted if wanted else 0.0


def _read() -> list[int] | None:
    try:
        line = _STAT.read_text("ascii").partition("\n")[0]
    except OSError:
        return None
    fields = line.split()[1:9]
    return [int(field) for field in fields] if len(fields) == 8 else None
