"""Markdown tables with aligned columns, and numbers as a person reads them."""

from . import rounds

COMPARED = "Comparisons: of the quietest quarter of the rounds; in brackets the median and range of the ratios of all rounds."


def ms(seconds):
    """Milliseconds with three digits that matter."""
    value = seconds * 1000
    return f"{value:.3f}" if value < 1 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def us(seconds):
    """Microseconds."""
    return f"{seconds * 1e6:.2f}"


def number(value):
    """A count per something: integers bare, others with two digits."""
    return f"{value:.0f}" if value == int(value) else f"{value:.2f}"


def signed(value):
    """A difference: 0, +1, -0.25."""
    return f"{value:+.2f}".rstrip("0").rstrip(".") if abs(value) >= 0.005 else "0"


def ratio(triple):
    """A median ratio with its range."""
    middle, least, most = triple
    return f"{middle:.2f} ({least:.2f}-{most:.2f})"


def compared(costs, reference):
    """Costs per round against a reference's: 0.97 [0.98, 0.89-1.17]. Below 1 is cheaper."""
    middle, least, most = rounds.ratio(costs, reference)
    return f"{rounds.quiet(costs) / rounds.quiet(reference):.2f} [{middle:.2f}, {least:.2f}-{most:.2f}]"


def faster(rates, reference):
    """As `compared`, for rates: above 1 is faster."""
    middle, least, most = rounds.ratio(rates, reference)
    costs, others = ([1 / rate for rate in each] for each in (rates, reference))
    return f"{rounds.quiet(others) / rounds.quiet(costs):.2f} [{middle:.2f}, {least:.2f}-{most:.2f}]"


def show(title, head, rows, note=None):
    """Prints one table; columns after the first are set right."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells):
        padded = [cells[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:])]
        return "| " + " | ".join(padded) + " |"

    print(f"\n### {title}\n")
    print(line(head))
    print("|" + "|".join(["-" * (widths[0] + 2)] + ["-" * (width + 1) + ":" for width in widths[1:]]) + "|")
    for row in rows:
        print(line(row))
    if note:
        print(f"\n{note}")
    print(flush=True)
