"""The one door the chat uses: what to show before a reply, and the guard that stands beside it. It never raises."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import TypeVar

from stoic_emperor.safety.detector import CrisisDetector
from stoic_emperor.safety.findings import Category, Finding, Level, Referral
from stoic_emperor.safety.reply_guard import GuardStop, ReplyGuard, ReplyRules
from stoic_emperor.safety.resources import LAST_RESORT, ResourceCard, Resources
from stoic_emperor.safety.second_opinion import Extractor, second_opinion

_LOG = logging.getLogger(__name__)

Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a message means for the chat."""

    finding: Finding | None = None
    #: shown before the persona speaks; None when there is nothing to show
    card: ResourceCard | None = None
    #: the detector, or the model asked for a second opinion, failed: the card is shown to be safe
    failed: bool = False

    @property
    def persona_off(self) -> bool:
        """Whether the persona steps back for this turn; the conversation goes on in plain words."""
        return self.finding is not None and self.finding.level is Level.EXPLICIT


class SafetyDesk:
    """Detector, contacts and guards together; one instance serves all, from any thread."""

    def __init__(
        self,
        detector: Callable[[], CrisisDetector] = CrisisDetector,
        resources: Callable[[], Resources] = Resources,
        reply_rules: Callable[[], ReplyRules] = ReplyRules,
    ) -> None:
        """Make the parts; a part that cannot be made is missing, and what needs it errs on the side of help."""
        self._detector = _made(detector)
        self._resources = _made(resources)
        self._reply_rules = _made(reply_rules)

    def before(self, text: str, country: str | None = None) -> Verdict:
        """Look at a message before anything is done with it."""
        try:
            if self._detector is None:
                return self._failure(country)
            finding = self._detector.check(text)
        except Exception as error:  # noqa: BLE001 - help is shown whatever broke
            _LOG.error("The crisis detector failed (%s); contacts are shown", type(error).__name__)
            return self._failure(country)
        return Verdict() if finding is None else Verdict(finding, self.card(country))

    async def before_with_model(self, model: Extractor, text: str, country: str | None = None) -> Verdict:
        """As :meth:`before`, and ask ``model`` where the rules found nothing outright; it can only add."""
        return await self.again(self.before(text, country), model, text, country)

    async def again(self, verdict: Verdict, model: Extractor, text: str, country: str | None = None) -> Verdict:
        """The second look at a message for which :meth:`before` gave ``verdict``."""
        if verdict.persona_off:
            return verdict
        try:
            added = await second_opinion(model, text)
        except Exception as error:  # noqa: BLE001 - a model that fails hides nothing, and help is shown
            _LOG.warning("The second opinion failed (%s); contacts are shown", type(error).__name__)
            return replace(verdict, card=verdict.card or self.card(country), failed=True)
        if added is None or (verdict.finding is not None and added.level is Level.INDIRECT):
            return verdict
        return Verdict(added, self.card(country), verdict.failed)

    def guard(self) -> ReplyGuard:
        """A guard for one reply; without rules it lets nothing pass."""
        rules = self._reply_rules
        return ReplyGuard(_refuse) if rules is None else ReplyGuard(rules.first, rules.is_free)

    def after(self, stop: GuardStop, country: str | None = None) -> Verdict:
        """What to show when a guard has stopped a reply."""
        finding = Finding(stop.category, Level.EXPLICIT, stop.shown, stop.shown, stop.rule)
        return Verdict(finding, self.card(country), failed=stop.category is Category.UNKNOWN)

    def card(self, country: str | None = None) -> ResourceCard:
        """The contacts for ``country``; there is always a card."""
        try:
            return LAST_RESORT if self._resources is None else self._resources.card(country)
        except Exception as error:  # noqa: BLE001 - help is shown whatever broke
            _LOG.error("The contacts failed (%s); the card of last resort is shown", type(error).__name__)
            return LAST_RESORT

    @staticmethod
    def referral(verdict: Verdict, day: date | None = None) -> Referral | None:
        """What may be counted of ``verdict``; None when nothing was shown."""
        if verdict.card is None:
            return None
        day = day or datetime.now(UTC).date()
        if verdict.finding is None:
            return Referral(Category.UNKNOWN, Level.INDIRECT, day)
        return Referral.of(verdict.finding, day)

    def _failure(self, country: str | None) -> Verdict:
        finding = Finding(Category.UNKNOWN, Level.INDIRECT, 0, 0, "detector-failed")
        return Verdict(finding, self.card(country), failed=True)


def _refuse(_text: str, _after: int) -> None:
    raise RuntimeError("the rules for replies cannot be read")


def _made(make: Callable[[], Part]) -> Part | None:
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - the desk stands even when a part of it does not
        _LOG.error("%s cannot be made (%s); the desk goes on without it", make, type(error).__name__)
        return None
