"""A hook ends in time whatever it meets: it asks the clock itself, and is woken if it cannot."""

from time import monotonic

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType

#: Seconds for recalling, for telling what is to be left out, for taking secrets out, and for everything: far more than
#: is needed on a machine that has other things to do, and less than any client's patience.
RECALL = 0.4
JUDGE = 0.5
REDACT = 1.5
ALL = 4.0


class OverBudget(BaseException):
    """The time is up. Not an `Exception`, so that no handler on the way takes it for a mistake."""


class Budget:
    """The time that a hook has, from the moment it was made."""

    def __init__(self, seconds: float = ALL) -> None:
        self._started = monotonic()
        self._end = self._started + seconds

    def late(self, seconds: float = ALL) -> bool:
        """Whether so many seconds have passed, or all there are."""
        now = monotonic()
        return now >= self._end or now - self._started >= seconds

    def passed(self) -> float:
        """Seconds since then."""
        return monotonic() - self._started

    def wake(self) -> None:
        """From now on `OverBudget` is raised when everything has taken too long, wherever that is."""
        try:
            from _signal import ITIMER_REAL, SIGALRM, setitimer, signal  # type: ignore[import-not-found]
        except ImportError:
            return
        signal(SIGALRM, _raise)
        setitimer(ITIMER_REAL, max(self._end - monotonic(), 0.001))

    @staticmethod
    def sleep_on() -> None:
        """No more waking."""
        try:
            from _signal import ITIMER_REAL, setitimer
        except ImportError:
            return
        setitimer(ITIMER_REAL, 0)


def _raise(_number: int, _frame: "FrameType | None") -> None:
    raise OverBudget
