"""The tiers and the score have the numbers that users of the earlier versions know."""

import pytest

from afterimage.churn import ChurnTier, hotspot_score, tier_of


@pytest.mark.parametrize(
    ("day", "month", "tier"),
    [
        (0, 0, "gold"),
        (2, 2, "gold"),
        (0, 3, "silver"),
        (4, 10, "silver"),
        (0, 11, "bronze"),
        (4, 20, "bronze"),
        (0, 21, "red"),
        (5, 5, "red"),
        (4, 4, "silver"),
    ],
)
def test_a_tier_is_of_the_month_or_of_a_busy_day(day: int, month: int, tier: str) -> None:
    assert tier_of(day=day, month=month) == ChurnTier(tier)
    assert "edits in 30 days" in ChurnTier(tier).meaning


@pytest.mark.parametrize(
    ("day", "month", "score"),
    [
        (0, 0, 0.0),
        (0, 2, 2 * 0.1),
        (1, 10, 10 * (1 + 0.5 * 3) * 0.5),
        (0, 15, 15.0),
        (4, 4, 4 * (1 + 0.5 * 10) * 0.5),  # a day counts ten times its average at most
        (5, 30, 30 * (1 + 0.5 * 5) * 1.5),
    ],
)
def test_a_score_is_the_month_weighed_by_haste_and_tier(day: int, month: int, score: float) -> None:
    assert hotspot_score(day=day, month=month) == pytest.approx(score)
