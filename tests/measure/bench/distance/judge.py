"""What was measured and said, against the truth."""

from harness.verdicts import LOOKED, grave
from stories import BY_HAND, HERE, PLAIN, THERE

# How much longer than by hand a cure may leave an exchange; and how much of a program's own time may be a busy machine's.
CURED, NOISE = 1.15, 0.25
# In milliseconds, at least.
LEAST = 1.0
# How far a predicted gain may be from the measured one.
OFF = 0.2
FOUND, NOTHING, UNKNOWN = 1, 0, 2


def cure(story, milliseconds, taken):
    """What is wrong with the times of an exchange, by how the program was run."""
    shortest = story.rounds * milliseconds
    by_hand = taken[BY_HAND]
    # Nagle's algorithm at the other end, which nothing changes there, keeps the last piece until the one before is acknowledged: that is
    # one more round trip, if it is at once.
    for how, most in ((HERE, by_hand), (THERE, by_hand + milliseconds)):
        if taken[how] > most * CURED + max(LEAST, story.own * NOISE):
            yield f"{how}: {taken[how]:.1f} ms"
    if not shortest <= by_hand <= shortest * CURED + story.own:
        yield f"by hand: {by_hand:.1f} ms"
    if taken[PLAIN] < shortest + milliseconds + 30:
        yield f"plain: {taken[PLAIN]:.1f} ms"


def verdict(report, code, wanted, loss):
    """What is wrong with a verdict on a program that stalls. `wanted`: its kind and side; a side of None is not told from there."""
    if code == UNKNOWN and loss:
        return
    first = grave(report)
    if code != FOUND or not first:
        yield "missed" if code == NOTHING else LOOKED.get(code, str(code))
        return
    kind, side = wanted
    if first["kind"] != kind or side and first["side"] != side:
        yield f"{first['kind']} of the {first['side']}"


def gain(report, story, saved):
    """What a report predicts that an exchange gains, divided by what it does gain; None if it predicts nothing."""
    first = grave(report)
    return first["gain"]["saved_ms"] * story.exchanges / saved if first and first["gain"] and saved > 0 else None


def alarm(report, code, loss, one_way):
    """What is wrong with a verdict where nothing waits."""
    reasons = {doubt["reason"] for doubt in report.get("doubts") or ()}
    if code == FOUND:
        first = grave(report)
        yield f"FALSE ALARM: {first['kind'] if first else '?'}"
    elif code == UNKNOWN and not loss and not (one_way and reasons == {"one-way"}):
        yield "could not tell: " + ", ".join(sorted(reasons))
    elif code not in (NOTHING, UNKNOWN):
        yield LOOKED.get(code, f"exit status {code}")


def said(report, code, ratio=None):
    """A verdict as a cell."""
    first = grave(report)
    if not first:
        return LOOKED.get(code, str(code))
    return f"{first['kind']}, {first['wait_ms']:.0f} ms" + (f", gain {ratio:.2f}" if ratio else "")
