"""Safety outside the model: signs of danger, reviewed contacts, a guard on replies. docs/safety.md is the protocol."""

from __future__ import annotations

from stoic_emperor.safety.desk import SafetyDesk, Verdict
from stoic_emperor.safety.detector import CrisisDetector
from stoic_emperor.safety.findings import Category, Finding, Level, Referral
from stoic_emperor.safety.reply_guard import GuardStop, ReplyGuard, ReplyRules
from stoic_emperor.safety.resources import Line, ResourceCard, Resources, resources_for
from stoic_emperor.safety.second_opinion import Extractor, Opinion, second_opinion

__all__ = [
    "Category",
    "CrisisDetector",
    "Extractor",
    "Finding",
    "GuardStop",
    "Level",
    "Line",
    "Opinion",
    "Referral",
    "ReplyGuard",
    "ReplyRules",
    "ResourceCard",
    "Resources",
    "SafetyDesk",
    "Verdict",
    "resources_for",
    "second_opinion",
]
