"""The rows of the field grid (scripts/check field): what the programs of this folder are started with."""

from typing import NamedTuple


class Pattern(NamedTuple):
    """A command; `%d` in it is a count, smaller where each exchange takes a round trip of 20 ms. 0: not there."""
    name: str
    command: str
    count: int
    distant: int
    core: bool = False


def paced():
    ways = ("spin", "compute", "yield", "raw", "libc", "futex", "semaphore", "condition", "rwlock", "signal", "raw-poll", "timer",
            "raw-timer", "raw-eventfd", "raw-pipe", "word", "lock", "join", "fault", "uring")
    for way in ways:
        yield Pattern(f"paced, 200 us, {way}", f"paced %d 200 {way}", 1000, 500, True)
    yield Pattern("paced, 2 ms, raw-epoll", "paced %d 2000 raw-epoll", 400, 200)
    for way in ("spin", "futex", "libc"):
        for gap in (50, 500, 900, 1500):
            yield Pattern(f"paced, {gap} us, {way}", f"paced %d {gap} {way}", 1000, 500)


def in_c():
    yield from paced()
    for way in ("condition", "semaphore", "eventfd", "look"):
        for mean, pause in ((4, 500), (3, 2000), (8, 200)) if way in ("condition", "look") else ((4, 500),):
            yield Pattern(f"queue by {way}, bursts of about {mean}, pause {pause} us", f"queue %d {mean} {pause} {way}", 1500, 800, mean == 4)
        yield Pattern(f"queue by {way}, bursts of 4, pause 2000 us", f"queue %d 4 2000 {way} fixed", 1200, 800)
    for lines in (1, 2, 3):
        yield Pattern(f"stdio reader, {lines} lines", f"stdio_reader %d {lines}", 150, 40, True)
        yield Pattern(f"stdio reader, {lines} lines, 2 ms apart", f"stdio_reader %d {lines} 2000", 150, 40)
    for how in ("recv", "poll", "raw", "thread", "window"):
        for pieces in (2, 3):
            yield Pattern(f"exchange, {pieces} pieces, {how}", f"exchange %d {pieces} {how}", 120, 40, pieces == 2)
    yield Pattern("exchange, one piece, recv", "exchange %d 1 recv", 500, 60)
    yield Pattern("exchange, 2 pieces, 2 ms of work between", "exchange %d 2 recv 2000", 100, 40)
    for way in ("raw", "libc", "spin", "uring"):
        yield Pattern(f"bursts of 1 to 4, {way}", f"bursts %d 1 4 900 {way}", 500, 300, way in ("raw", "libc"))
        yield Pattern(f"bursts of 8 to 40, {way}", f"bursts %d 8 40 900 {way}", 300, 150)
    yield Pattern("bursts of 2, 100 us between", "bursts %d 2 2 900 raw 100", 400, 200)
    yield Pattern("bursts of 1 to 3, 250 us between", "bursts %d 1 3 900 libc 250", 400, 200)
    yield Pattern("bursts of 1 to 300", "bursts %d 1 300 900 raw", 60, 60)
    for length in (3, 40):
        yield Pattern(f"bursts of {length}, 1 in 20 betrays", f"betray %d {length} 20 300 libc", 600, 200, True)
    yield Pattern("bursts of up to 40, 1 in 20 betrays", "betray %d 40 20 300 libc vary", 600, 200)
    yield Pattern("bursts of 3, 1 in 3,000 betrays", "betray %d 3 3000 100 libc", 9000, 3100)
    yield Pattern("bursts of 3, every second one hidden", "betray %d 3 2 300 libc", 60, 40, True)
    for how in ("ends", "waits", "turns"):
        yield Pattern(f"threads, {how}", f"threads %d 3 {how} 900", 300, 150, True)
    yield Pattern("threads of one message, ends", "threads %d 1 ends 900", 300, 150)
    yield Pattern("numbers used again", "reused %d 20 900", 30, 6, True)
    for how in ("read", "raw", "stdio"):
        yield Pattern(f"a child for each connection, {how}", f"forked %d 15 2 {how}", 6, 3, how == "raw")
    yield Pattern("a child becomes another program", "exec %d child", 10, 0, True)
    yield Pattern("the program becomes itself again", "exec %d self", 2, 0)
    for way in ("raw", "libc"):
        yield Pattern(f"all calls, {way}", f"calls %d 900 {way}", 300, 150, way == "raw")
        yield Pattern(f"all calls with MSG_MORE, {way}", f"calls %d 900 {way} more", 300, 150)
    for period in (500, 2000):
        yield Pattern(f"signal handler, {period} us", f"alarm %d {period}", 400, 200, period == 500)
    for how in ("poll", "epoll", "recv"):
        yield Pattern(f"duplex, {how}", f"duplex %d 300 raw {how}", 600, 300, how == "poll")
    yield Pattern("two connections, one of them hidden", "two %d 3 900 raw", 300, 70, True)


def in_languages(languages):
    """(language, pattern) for those that are there; the others with a reason."""
    for name, (command, extra) in languages.items():
        core = name in ("Python", "Java")
        yield Pattern(f"{name}: paced, 500 us", f"{command} paced %d 500", 800, 400, core)
        if name != "Perl":
            yield Pattern(f"{name}: queue", f"{command} queue %d 4 1000", 1200, 600, core)
        yield Pattern(f"{name}: exchange, 2 pieces", f"{command} exchange %d 2", 120, 40, core)
        for label, words, count, distant in extra:
            yield Pattern(f"{name}: {label}", words, count, distant, core)
