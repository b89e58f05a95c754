#!/usr/bin/python3
"""Copies with paramiko's SFTP client and tells how long each operation took.

Usage: sftp.py HOST PORT KEY DIRECTORY pipelined|mixed|small COUNT FILE

pipelined: an operation is a file of one to three 1 kB writes that wait for no answer; mixed: a 1 kB read or write at a random
place; small: a file of 500 bytes, written and looked up. Writes seconds, as doubles, to FILE.
"""

import array
import random
import sys
import time

import paramiko

CHOOSE = random.Random(1)


def pipelined(sftp, directory, number):
    """One file."""
    with sftp.open(f"{directory}/pipelined", "wb") as file:
        file.set_pipelined(True)
        for _ in range(CHOOSE.randint(1, 3)):
            file.write(bytes(1000))


def mixed(sftp, directory):
    """The operation on a file that stays open."""
    file = sftp.open(f"{directory}/mixed", "wb+")
    file.write(bytes(1 << 16))

    def operation(*_):
        file.seek(CHOOSE.randrange(1 << 15))
        if CHOOSE.random() < 0.5:
            file.read(1000)
        else:
            file.write(bytes(1000))
            file.flush()
    return operation


def small(sftp, directory, number):
    """One file."""
    with sftp.open(f"{directory}/{number}", "wb") as file:
        file.write(bytes(500))
    sftp.stat(f"{directory}/{number}")


def main():
    """Copies and writes the times."""
    host, port, key, directory, what, count, output = sys.argv[1:]
    transport = paramiko.Transport((host, int(port)))
    transport.connect(username="root", pkey=paramiko.Ed25519Key(filename=key))
    sftp = paramiko.SFTPClient.from_transport(transport)
    operation = mixed(sftp, directory) if what == "mixed" else {"pipelined": pipelined, "small": small}[what]
    took = array.array("d")
    for number in range(int(count)):
        begin = time.perf_counter()
        operation(sftp, directory, number)
        took.append(time.perf_counter() - begin)
    transport.close()
    with open(output, "wb") as file:
        took.tofile(file)


main()
