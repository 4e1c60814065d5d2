# SPDX-License-Identifier: BSD-3-Clause
"""What testpmd has a NIC do to frames that leave it, looked at outside.

`exchange` sends frames in and takes so many of those that come out; `dst` is where they go to.
"""
from ether import ethernet, ipv4, is_sound_tcp, tcp, udp
from tap import equal, want

DST = "020000000001"
# VLAN_INSERT, IPV4_CKSUM, UDP_CKSUM, TCP_CKSUM, TCP_TSO, MULTI_SEGS
TX = f"--tx-offloads={0x802f:#x}"


def told(testpmd, *commands):
    """What testpmd takes while its ports are stopped."""
    for command in ("port stop all", *commands, "port start all"):
        testpmd.tell(command)


def _forwarded(testpmd, mode, exchange, frames, n):
    testpmd.tell(f"set fwd {mode}")
    testpmd.tell("start")
    got = exchange(frames, n)
    testpmd.tell("stop")
    return got


def segments(testpmd, exchange, dst=DST):
    """TSO, by what leaves the NIC."""
    data = bytes(i * 7 & 255 for i in range(4000))
    got = _forwarded(testpmd, "csum", exchange,
                     [ethernet(ipv4(tcp(data, seq=1000), 6), dst=dst)], 5)
    want(all(is_sound_tcp(frame) for frame in got), "a segment has a wrong checksum")
    sizes = [len(frame) - 54 for frame in got]
    equal(sizes, [800] * 5, "payload of the segments")
    parts = {int.from_bytes(frame[38:42], "big"): frame[54:] for frame in got}
    equal(b"".join(parts[seq] for seq in sorted(parts)), data, "what they carry")


def sums(testpmd, exchange, dst=DST):
    """Checksums by the device: a wrong one comes back right."""
    wrong = ethernet(ipv4(tcp(b"sum" * 40, good=False), 6, bad=True), dst=dst)
    got = _forwarded(testpmd, "csum", exchange, [wrong], 1)
    want(got and is_sound_tcp(got[0]), "the checksums that leave are wrong")


def tags(testpmd, exchange, comes, leaves, dst=DST):
    """The tag that a frame comes with, and the one with which it leaves; None: without."""
    inside = ipv4(udp(b"tagged" * 20), 17)
    got = _forwarded(testpmd, "mac", exchange, [ethernet(inside, vlan=comes, dst=dst)], 1)
    equal([frame[12:] for frame in got], [ethernet(inside, vlan=leaves)[12:]], "the frame")
