"""Interleaved rounds: every variant once per round, in an order that rotates, so that a machine that slows down slows
all of them. Comparisons are ratios within a round, and their median over the rounds."""

import random
import statistics

# Of a bootstrap: how often, and the part of the ratios that its interval holds.
RESAMPLED, INSIDE = 10_000, 0.95


def interleave(variants, measure, rounds):
    """{variant: [result of measure(variant) per round]}."""
    results = {variant: [] for variant in variants}
    order = list(variants)
    for _ in range(rounds):
        for variant in order:
            results[variant].append(measure(variant))
        order.append(order.pop(0))
    return results


def median(values):
    """The median, as a float."""
    return float(statistics.median(values))


def ratio(numerator, denominator):
    """(median, least, most) of the ratios round by round."""
    ratios = [a / b for a, b in zip(numerator, denominator)]
    return statistics.median(ratios), min(ratios), max(ratios)


def ratio_of_medians(numerator, denominator):
    """(ratio, least, most): the ratio of the medians, and the interval of its bootstrap over whole rounds, so that a round in which the
    machine was slow is slow for both."""
    pairs = list(zip(numerator, denominator))
    again = random.Random(1)

    def of(chosen):
        return statistics.median(a for a, _ in chosen) / statistics.median(b for _, b in chosen)
    ratios = sorted(of(again.choices(pairs, k=len(pairs))) for _ in range(RESAMPLED))
    outside = (1 - INSIDE) / 2
    return of(pairs), percentile(ratios, outside), percentile(ratios, 1 - outside)


def quiet(costs):
    """The mean of the cheapest quarter of the rounds. What else runs on a machine only ever adds to a cost, so this is what
    a quiet machine would show; the spread of all rounds is told beside it."""
    cheapest = sorted(costs)[: max(1, len(costs) // 4)]
    return statistics.fmean(cheapest)


def percentile(values, share):
    """The value below which `share` (0..1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def pooled(results):
    """All latencies of one variant's rounds together."""
    return [value for result in results for value in result.latencies]
