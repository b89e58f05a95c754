"""Two network namespaces joined by a veth pair on which every TCP segment is a packet of its own.

The segments a program causes can then be counted exactly: MTU 1500, no segmentation offload in either direction.
Everything made here has a name with our process id in it and is removed at exit, with the processes left inside it.
"""

import atexit
import os
import signal
import subprocess
import sys
import time

SERVER, CLIENT = "10.203.77.1", "10.203.77.2"

# reno: it does not pace as bbr does, so no timer but the ones under study delays a segment, and every kernel allows it
# in a namespace (cubic only where it is the host's default). On this link nothing is lost: it and cubic act alike.
# no_metrics_save: a connection must not inherit what an earlier one learnt about the path.
SYSCTL = {
    "net.ipv4.tcp_congestion_control": "reno",
    "net.ipv4.tcp_no_metrics_save": "1",
    "net.ipv4.ip_local_port_range": "1024 65000",
    "net.ipv4.tcp_max_tw_buckets": "4096",
}


def run(*argv):
    """Runs a command of the set-up; says which one failed and why."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(argv)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


class Net:
    """The pair of namespaces: `server` and `client` are their names. `link`: they are joined; else harness.far does it."""

    def __init__(self, label="", link=True):
        if os.geteuid() != 0:
            sys.exit("bench: network namespaces need root")
        self.server, self.client = (f"tcptune-bench-{os.getpid()}{label}-{end}" for end in "sc")
        atexit.register(self.remove)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        run("ip", "netns", "add", self.server)
        run("ip", "netns", "add", self.client)
        if link:
            run("ip", "link", "add", "link0", "netns", self.server, "gso_max_segs", "1", "type", "veth",
                "peer", "name", "link0", "netns", self.client, "gso_max_segs", "1")
        for namespace, address in ((self.server, SERVER), (self.client, CLIENT)):
            inside = ("ip", "netns", "exec", namespace)
            # The loopback device of a namespace is its own: programs that only listen there are measured on it.
            run(*inside, "ip", "link", "set", "lo", "mtu", "1500", "gso_max_segs", "1", "up")
            run(*inside, "ethtool", "-K", "lo", "tso", "off", "gso", "off", "gro", "off")
            if link:
                run(*inside, "ethtool", "-K", "link0", "tso", "off", "gso", "off", "gro", "off")
                run(*inside, "ip", "link", "set", "link0", "up")
                run(*inside, "ip", "address", "add", f"{address}/24", "dev", "link0")
            for key, value in SYSCTL.items():
                run(*inside, "sysctl", "-q", "-w", f"{key}={value}")

    def pids(self, namespace):
        """The processes inside a namespace: all of them are ours, nobody else knows its name."""
        done = subprocess.run(("ip", "netns", "pids", namespace), capture_output=True, text=True, check=False)
        return [int(pid) for pid in done.stdout.split()]

    def end_processes(self, namespace):
        """Ends what is still running in a namespace, politely first."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for _ in range(40):
                pids = self.pids(namespace)
                if not pids:
                    return
                for pid in pids:
                    try:
                        os.kill(pid, number)
                    except ProcessLookupError:
                        pass
                time.sleep(0.05)

    def remove(self):
        """Removes both namespaces and with them the link."""
        for namespace in (self.server, self.client):
            self.end_processes(namespace)
            subprocess.run(("ip", "netns", "del", namespace), capture_output=True, check=False)

    def retransmissions(self, namespace):
        """How many segments the namespace has sent again. The link loses none: these are loss probes, sent when a process
        was not scheduled for a while; the receiver's counter counts them too."""
        lines = run("ip", "netns", "exec", namespace, "cat", "/proc/net/snmp").splitlines()
        return resent(lines)


def resent(lines):
    """RetransSegs of the lines of a /proc/net/snmp."""
    names, values = (line.split() for line in lines if line.startswith("Tcp:"))
    return int(values[names.index("RetransSegs")])
