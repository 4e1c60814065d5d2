# SPDX-License-Identifier: BSD-3-Clause
"""DPDK's own dpdk-testpmd in a guest: started, told what to do, read."""
import re
import time

from tap import Failure

PLUGIN = "librte_net_tce_attach.so"
PROMPT = "testpmd> "
# The default number of buffers, for 128 cores, takes most of a guest's memory; news of a link comes
# in the middle of a prompt.
QUIET = "--total-num-mbufs=8192 --no-lsc-interrupt"


def plain(addresses):
    """EAL arguments for DPDK alone."""
    return " ".join(f"-a {addr}" for addr in addresses)


def attach(addresses, options=""):
    """EAL arguments for DPDK's drivers on libtce."""
    vdevs = (f"--vdev=net_tce_attach{i},dev={addr}{options}" for i, addr in enumerate(addresses))
    return f"-d {PLUGIN} " + " ".join(vdevs)


def own_igb(addresses, options=""):
    """EAL arguments for our own driver for igb."""
    vdevs = (f"--vdev=net_tce_igb{i},dev={addr}{options}" for i, addr in enumerate(addresses))
    return "-d librte_net_tce_igb.so " + " ".join(vdevs)


FEWER = r"""
cd /usr/lib/powerpc64le-linux-gnu/dpdk/pmds-* || exit
LD_TRACE_LOADED_OBJECTS=1 dpdk-testpmd |
	awk '$1 ~ /^librte/ { sub(/[.]so.*/, "", $1); print $1 }' >/tmp/linked
ls | awk 'NR == FNR { linked[$1] = 1; next }
	{ name = $1; sub(/[.]so.*/, "", name) }
	!(name in linked) && name !~ /_bus_|mempool_ring|net_e1000/' /tmp/linked - | xargs rm
"""


def fewer_drivers(guest):
    """Take DPDK's plugins that no test needs off the guest's disk, for suites that start testpmd
    often: more than half of its start goes into loading them."""
    guest.run(FEWER, check=True)


class Testpmd:
    """One dpdk-testpmd, interactive; on a terminal, or it would keep back what it prints.

    As a context manager it quits at the end."""

    def __init__(self, guest, devices, app="", eal="-l 0,1 -n 1", before="", timeout=60):
        self.guest = guest
        self.command = f"{before} dpdk-testpmd {eal} {devices} -- -i {QUIET} {app}"
        self.job = guest.start(f"exec {self.command.strip()}", pty=True)
        self._read = 0
        self._pid = 0
        self._reach(timeout)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.quit()
        elif self.job.poll() is None:
            self.job.kill(9)
        return False

    def _reach(self, timeout):
        """Read on to the next prompt; what came before it."""
        end = time.monotonic() + timeout
        while PROMPT not in self.job.out()[self._read:]:
            if self.job.poll() is not None:
                raise Failure(f"testpmd ended with {self.job.poll()}:\n{self.tail()}")
            if time.monotonic() > end:
                raise Failure(f"testpmd gave no prompt within {timeout} s:\n{self.tail()}")
            time.sleep(0.02)
        out = self.job.out()
        at = out.index(PROMPT, self._read)
        text, self._read = out[self._read:at], at + len(PROMPT)
        return text.replace("\r", "")

    def tail(self, lines=25):
        return "\n".join(self.job.out().splitlines()[-lines:])

    def tell(self, command, timeout=30):
        """One command at the prompt; its answer."""
        self.job.write(command + "\n")
        return self._reach(timeout)

    def ports(self):
        """Number of ports that testpmd has."""
        return len(re.findall(r"^\*+ Infos for port", self.tell("show port info all"), re.M))

    def stats(self, port):
        """Counters of one port: {'RX-packets': 5, ...}."""
        text = self.tell(f"show port stats {port}")
        return {k: int(v) for k, v in re.findall(r"([RT]X-[a-z]+):\s*(\d+)", text)}

    def quit(self, timeout=60):
        """`quit`, and the end with status 0."""
        if self.job.poll() is None:
            self.job.write("quit\n")
        status = self.job.wait(timeout)
        if status:
            raise Failure(f"testpmd ended with {status}:\n{self.tail()}")

    def end(self, sig, timeout=30):
        """End it by a signal; the status."""
        self.job.kill(sig)
        return self.job.wait(timeout)
