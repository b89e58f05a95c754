"""Makes a capture: make_capture.py FILE MEGABYTES. Many connections at a time, each a handshake and twenty exchanges of 100 and
1,000 bytes, and 128 bytes kept of each packet, as `tcpdump -s 128` does."""

import struct
import sys

SNAPLEN = 128
AT_A_TIME = 2_000
EXCHANGES = 20
SYN, ACK, PUSH, FIN = 2, 16, 8, 1


class Connection:
    """Gives its packets one by one."""

    def __init__(self, number):
        self.client = (0x0A000000 | number % 50_000 + 2, 1024 + number % 60_000)
        self.server = (0x0A100001 + number % 7, 8080)
        self.steps = self.talk()

    def talk(self):
        seq = {True: 1000, False: 5000}

        def packet(client, flags, length):
            (source, sport), (target, tport) = (self.client, self.server) if client else (self.server, self.client)
            total = 40 + length
            head = b"\2" * 12 + b"\x08\x00" + struct.pack(">BBHHHBBHII", 0x45, 0, total, 0, 0, 64, 6, 0, source, target)
            head += struct.pack(">HHIIBBHHH", sport, tport, seq[client], seq[not client], 0x50, flags, 64_000, 0, 0)
            seq[client] += length + (1 if flags & (SYN | FIN) else 0)
            return (head + b"d" * length)[:SNAPLEN], 14 + total
        yield packet(True, SYN, 0)
        yield packet(False, SYN | ACK, 0)
        yield packet(True, ACK, 0)
        for _ in range(EXCHANGES):
            yield packet(True, ACK | PUSH, 100)
            yield packet(False, ACK | PUSH, 1000)
        yield packet(True, FIN | ACK, 0)
        yield packet(False, FIN | ACK, 0)


def main(file, megabytes):
    made, time = 0, 1_700_000_000_000_000
    with open(file, "wb", 1 << 20) as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, SNAPLEN, 1))
        open_ones = [Connection(number) for number in range(AT_A_TIME)]
        number = AT_A_TIME
        while made < megabytes * 1_000_000:
            for place, connection in enumerate(open_ones):
                step = next(connection.steps, None)
                if step is None:
                    open_ones[place] = Connection(number)
                    number += 1
                    continue
                time += 3
                data, length = step
                out.write(struct.pack("<IIII", time // 1_000_000, time % 1_000_000, len(data), length) + data)
                made += 16 + len(data)


main(sys.argv[1], int(sys.argv[2]))
