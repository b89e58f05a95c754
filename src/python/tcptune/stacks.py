"""Where this process's threads stood still: each thread's Python stack, looked at a hundred times a second from a thread of its own.
Only stacks that are the same in two looks are kept, which a thread has that waits."""

import sys
import threading
import time

INTERVAL_S = 0.01
# Deeper stacks are cut.
DEEPEST = 60


class Stay:
    """A thread that did not move on."""

    __slots__ = ("thread", "began", "ended", "frames", "looks")

    def __init__(self, thread, now, frames):
        self.thread, self.began, self.ended, self.frames, self.looks = thread, now, now, frames, 1

    def overlap(self, began, ended):
        return max(0.0, min(self.ended, ended) - max(self.began, began))


class Stacks:
    def __init__(self):
        self._now = {}
        self._stays = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_again, name="tcptune-stacks", daemon=True)
        self._thread.start()

    def _look_again(self):
        while not self._over.wait(INTERVAL_S):
            self._look()

    def _look(self):
        now = time.monotonic()
        frames = sys._current_frames()
        for thread in [thread for thread in self._now if thread not in frames]:
            self._end(self._now.pop(thread))
        for thread, frame in frames.items():
            if thread == self._thread.ident:
                continue
            stack = []
            while frame is not None and len(stack) < DEEPEST:
                stack.append((frame.f_code, frame.f_lineno))
                frame = frame.f_back
            stack = tuple(stack)
            stay = self._now.get(thread)
            if stay is not None and stay.frames == stack:
                stay.ended = now
                stay.looks += 1
            else:
                if stay is not None:
                    self._end(stay)
                self._now[thread] = Stay(thread, now, stack)

    def _end(self, stay):
        if stay.looks > 1:
            self._stays.append(stay)

    def stays(self):
        """No more looks: all that were seen, in the order of their ends."""
        self._over.set()
        self._thread.join()
        for stay in self._now.values():
            self._end(stay)
        self._now.clear()
        return self._stays
