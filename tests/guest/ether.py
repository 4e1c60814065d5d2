# SPDX-License-Identifier: BSD-3-Clause
"""Single frames by the outer end of a guest's NIC: made, sent, taken, read."""
import socket
import struct
import time


def checksum(data):
    """The Internet's (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


def ethernet(payload, kind=0x0800, vlan=None, dst="020000000001", src="0200000000ff"):
    tag = b"" if vlan is None else struct.pack("!HH", 0x8100, vlan)
    frame = bytes.fromhex(dst + src) + tag + struct.pack("!H", kind) + payload
    return frame.ljust(60, b"\0")


def ipv4(payload, protocol, src="198.18.0.1", dst="198.19.0.1", bad=False):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 7, 0, 64, protocol, 0,
                       socket.inet_aton(src), socket.inet_aton(dst))
    total = checksum(head) ^ (0x5555 if bad else 0)
    return head[:10] + struct.pack("!H", total) + head[12:] + payload


def ipv6(payload, protocol, src="2001:db8::1", dst="2001:db8::2"):
    return struct.pack("!IHBB", 6 << 28, len(payload), protocol, 64) + \
        socket.inet_pton(socket.AF_INET6, src) + socket.inet_pton(socket.AF_INET6, dst) + payload


def pseudo(protocol, length, src="198.18.0.1", dst="198.19.0.1"):
    return socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!BBH", 0, protocol, length)


def udp(payload, sport=1000, dport=2000, good=True):
    length = 8 + len(payload)
    head = struct.pack("!HHHH", sport, dport, length, 0)
    total = checksum(pseudo(17, length) + head + payload)
    return head[:6] + struct.pack("!H", total ^ (0 if good else 0x5555)) + payload


def tcp(payload, seq=1, flags=0x10, good=True):
    head = struct.pack("!HHIIBBHHH", 1000, 2000, seq, 1, 0x50, flags, 512, 0, 0)
    total = checksum(pseudo(6, 20 + len(payload)) + head + payload)
    return head[:16] + struct.pack("!H", total ^ (0 if good else 0x5555)) + head[18:] + payload


def is_sound_tcp(frame):
    """Whether a frame is TCP over IPv4, untagged, with both checksums right."""
    size = struct.unpack("!H", frame[16:18])[0]
    packet = frame[14:14 + size]
    return len(packet) == size and checksum(packet[:20]) == 0 and packet[9] == 6 and \
        checksum(packet[12:20] + struct.pack("!BBH", 0, 6, size - 20) + packet[20:]) == 0


class Port:
    """The outer end of one NIC: a connection to QEMU's -netdev stream. A context manager."""

    def __init__(self, path):
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(path)
        self._rest = b""

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self._socket.close()
        return False

    def send(self, *frames):
        for frame in frames:
            self._socket.sendall(struct.pack("!I", len(frame)) + frame)

    def take(self, n, seconds=10):
        """The next n frames, or fewer if no more come in that time."""
        frames, end = [], time.monotonic() + seconds
        while len(frames) < n and time.monotonic() < end:
            frames += self._whole(n - len(frames))
            self._socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                self._rest += b"" if len(frames) >= n else self._socket.recv(1 << 16)
            except socket.timeout:
                break
        return frames

    def _whole(self, most):
        found = []
        while len(found) < most and len(self._rest) >= 4:
            size = struct.unpack("!I", self._rest[:4])[0]
            if len(self._rest) < 4 + size:
                break
            found.append(self._rest[4:4 + size])
            self._rest = self._rest[4 + size:]
        return found
