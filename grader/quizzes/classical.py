"""Numbers of classical test theory, from shares of points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy import stats

LEVEL = 0.95
Z = 1.96  # of the 95 % interval around a share


def alpha(table: NDArray[np.float64]) -> float | None:
    """Cronbach's alpha of a table of students by places, k/(k−1) (1 − Σ var_i / var_total); KR-20 for zeros and ones.

    Returns:
        None for fewer than two students or places, or if all students have the same sum.
    """
    students, places = table.shape
    if students < 2 or places < 2:
        return None
    total = table.sum(1).var(ddof=1)
    return float(places / (places - 1) * (1 - table.var(0, ddof=1).sum() / total)) if total > 1e-12 else None


def corrected_correlation(
    shares: Sequence[float], rest: Sequence[float]
) -> tuple[float | None, float | None, float | None]:
    """The correlation of an item's shares with the rest of the attempts, and Fisher's 95 % interval.

    Returns:
        (r, low, high); all None where one of both does not vary or fewer than four students answered.
    """
    if len(shares) < 4 or np.ptp(shares) < 1e-12 or np.ptp(rest) < 1e-12:
        return None, None, None
    found = stats.pearsonr(shares, rest)
    low, high = found.confidence_interval(LEVEL)
    return float(found.statistic), float(low), float(high)


def variant_drift(shares: Mapping[int, Sequence[float]]) -> float | None:
    """The p-value of Kruskal and Wallis's test (1952) that the variants of an item are equally hard.

    Returns:
        None with fewer than two variants that at least two students had, or if all shares are the same.
    """
    groups = [list(group) for group in shares.values() if len(group) >= 2]
    flat = [share for group in groups for share in group]
    if len(groups) < 2 or np.ptp(flat) < 1e-12:
        return None
    return float(stats.kruskal(*groups).pvalue)


def interval(share: float, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a mean share of points; wider than needed where shares are not only 0 and 1."""
    middle = (share + Z * Z / (2 * count)) / (1 + Z * Z / count)
    half = Z / (1 + Z * Z / count) * sqrt(share * (1 - share) / count + Z * Z / (4 * count * count))
    return max(middle - half, 0.0), min(middle + half, 1.0)
