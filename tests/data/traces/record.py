#!/usr/bin/env python3
"""Records traces of real programs: when they send, receive and wait on their connections.

Usage: record.py NAME... | all | --run OUTPUT COMMAND [ARGUMENT...]

Each NAME of programs.py starts a program with recorder.c preloaded (not with the library), drives it with a few hundred
exchanges and writes NAME.trace beside this file. --run records any command: the trace is of the process that sent most.

A trace is text, one event a line: microseconds since the event before, thread, event, connection, numbers.

    open C S      connection C was opened on service S (a listener, or a remote port)
    data C N R    a call that sends N bytes returned R, and could be held
    pass C N R    the same for a call that cannot be held (sendfile, splice, sendmmsg)
    more C N R    the same for a call by which the application itself says that more follows
    own C         the application set TCP_CORK, or turned TCP_NODELAY off
    recv C R      a receive returned R bytes
    close C       the connection was closed
    wait          the thread entered a call that waits, or that must find nothing held

A wait is left out where its thread has sent nothing since its wait before: it changes nothing.
"""

import os
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
NOTE = struct.Struct("=QIiqqII")
SENDS = {"d": "data", "p": "pass", "m": "more"}


class Recording:
    """A directory for the recorder and its files; `environment` preloads it."""

    def __enter__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="tcptune-traces-"))
        # Servers drop root and then still write their notes.
        self.directory.chmod(0o777)
        library = self.directory / "recorder.so"
        subprocess.run(("gcc", "-O2", "-shared", "-fPIC", "-o", library, HERE / "recorder.c", "-ldl", "-lpthread"), check=True)
        (self.directory / "notes").mkdir(mode=0o777)
        (self.directory / "notes").chmod(0o777)
        self.environment = {**os.environ, "LD_PRELOAD": str(library), "RECORD_DIR": str(self.directory / "notes")}
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.directory, ignore_errors=True)

    def processes(self):
        """The notes of each process, in order of time."""
        for file in (self.directory / "notes").iterdir():
            data = file.read_bytes()
            count = struct.unpack_from("=Q", data)[0]
            room = (len(data) - 8) // NOTE.size
            if count > room:
                sys.exit(f"record: a process made {count} calls, more than the {room} there is room for")
            yield sorted(NOTE.unpack_from(data, 8 + index * NOTE.size) for index in range(count))

    def trace(self, most=None):
        """The trace of the process that sent most; at most so many events."""
        busiest = max(self.processes(), key=lambda notes: sum(chr(n[5]) in SENDS for n in notes), default=[])
        return list(events(busiest))[:most]


def events(notes):
    """The lines of a trace."""
    ids = {"thread": {}, "service": {}}
    opened, last, sent = {}, None, set()
    count = 0

    def number(kind, key):
        return ids[kind].setdefault(key, len(ids[kind]))

    for ns, thread, fd, length, result, what, service in notes:
        what, thread = chr(what), number("thread", thread)
        if what == "w" and thread not in sent:
            continue
        words = []
        if what == "o":
            opened[fd] = count
            words.append(f"open {count} {number('service', service)}")
            count += 1
        elif what == "w":
            words.append("wait")
        else:
            if fd not in opened:
                if what in "ck":
                    continue
                # It came from elsewhere: inherited, or passed over a socket.
                opened[fd] = count
                words.append(f"open {count} {number('service', None)}")
                count += 1
            at = opened[fd]
            if what in SENDS:
                words.append(f"{SENDS[what]} {at} {length} {result}")
            elif what == "r":
                words.append(f"recv {at} {result}")
            elif what == "k":
                words.append(f"own {at}")
            elif what == "c":
                words.append(f"close {at}")
                del opened[fd]
        # What a thread has sent since it last waited may be held; a second wait in a row releases nothing.
        (sent.add if what in SENDS else sent.discard)(thread)
        for word in words:
            yield f"{0 if last is None else (ns - last + 500) // 1000} {thread} {word}"
            last = ns if last is None else last + (ns - last + 500) // 1000 * 1000


def write(path, title, lines):
    """Writes a trace file."""
    if not lines:
        sys.exit(f"record: {title}: nothing was recorded")
    path.write_text("".join(f"{line}\n" for line in (f"# {title}", *lines)))
    print(f"{path.name}: {len(lines)} events, {path.stat().st_size} bytes")


def main():
    """Command line."""
    arguments = sys.argv[1:]
    if len(arguments) >= 3 and arguments[0] == "--run":
        with Recording() as recording:
            subprocess.run(arguments[2:], env=recording.environment, check=False)
            write(pathlib.Path(arguments[1]), " ".join(arguments[2:]), recording.trace())
        return
    import programs
    wanted = list(programs.PROGRAMS) if arguments == ["all"] else arguments
    unknown = [name for name in wanted if name not in programs.PROGRAMS]
    if not wanted or unknown:
        sys.exit(f"{__doc__}\nNAME is one of: {' '.join(programs.PROGRAMS)}")
    for name in wanted:
        with Recording() as recording:
            title = programs.PROGRAMS[name](recording)
            write(HERE / f"{name}.trace", title, recording.trace(programs.MOST))


if __name__ == "__main__":
    main()
