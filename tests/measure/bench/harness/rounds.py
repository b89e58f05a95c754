"""Interleaved rounds: every variant once per round, in an order that rotates, so that a machine that slows down slows
all of them. Comparisons are ratios within a round, and their median over the rounds."""

import statistics


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
