"""What may not be remembered: diagnoses, and instructions that pose as facts."""

from __future__ import annotations

import re

#: Terms that label a person. They appear in no prompt's answer that is kept, and on no page.
_DIAGNOSTIC = re.compile(
    r"\b(?:disorders?|diagnos\w+|symptom\w*|patholog\w+|syndromes?|neuro(?:tic|sis|ses)|psycho(?:tic|sis|path\w*)|"
    r"narcissis\w+|borderline|bipolar|schizo\w+|paranoi[ad]\w*|manic|mania|hysteri\w+|sociopath\w*|codependen\w+|"
    r"(?:avoidant|anxious|disorgani[sz]ed|insecure)[ _-]attachment|victim[ _-]mindset|attachment style|"
    r"clinical(?:ly)?|ptsd|adhd|ocd|maladaptive|dysfunctional|defen[cs]e mechanisms?|transference)\b",
    re.IGNORECASE,
)

#: Text that would like to be obeyed when it comes up again.
_INSTRUCTION = re.compile(
    r"(?:\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|rules?|prompts?|above|previous)\b|"
    r"\b(?:system|developer) (?:prompt|message)\b|\byou (?:must|should|are to|will) (?:now |always |never )?"
    r"(?:say|tell|answer|reply|respond|act|pretend|recommend|reveal)\b|</?\w+>|\bas an ai\b|https?://)",
    re.IGNORECASE | re.DOTALL,
)

MAX_ASSERTION = 300


def is_diagnostic(text: str) -> bool:
    """Whether a text labels somebody in the terms of medicine or psychology."""
    return _DIAGNOSTIC.search(text) is not None


def is_instruction(text: str) -> bool:
    """Whether a text reads like an order to a model."""
    return _INSTRUCTION.search(text) is not None


def may_be_remembered(assertion: str) -> bool:
    """Whether a sentence about a person may be kept as one."""
    return (
        0 < len(assertion.strip()) <= MAX_ASSERTION and not is_diagnostic(assertion) and not is_instruction(assertion)
    )
