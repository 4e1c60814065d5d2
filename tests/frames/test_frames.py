#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The program `frames` against a peer that behaves like a NIC, or misbehaves in one known way."""
import json
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading

FRAMES = sys.argv[1]
COUNT = 2000


class Peer(threading.Thread):
    """Listens as QEMU would; passes each frame through fault(n, frame), which returns a list of
    frames, and sends those back on the port that route names."""

    def __init__(self, folder, ports, fault, route):
        super().__init__(daemon=True)
        self.paths = [os.path.join(folder, f"port{i}") for i in range(ports)]
        self.fault, self.route, self.seen = fault, route, 0
        self.listeners = []
        for path in self.paths:
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(path)
            listener.listen(1)
            self.listeners.append(listener)

    def run(self):
        conns = [listener.accept()[0] for listener in self.listeners]
        buffers = [b"" for _ in conns]
        live = list(conns)
        while live:
            for conn in select.select(live, [], [])[0]:
                at = conns.index(conn)
                try:
                    data = conn.recv(1 << 16)
                except ConnectionError:
                    data = b""
                if not data:
                    live.remove(conn)
                    continue
                buffers[at] = self.pass_on(buffers[at] + data, conns[self.route(at)])
        for sock in conns + self.listeners:
            sock.close()

    def pass_on(self, data, back):
        out = b""
        while len(data) >= 4:
            (length,) = struct.unpack(">I", data[:4])
            if len(data) < 4 + length:
                break
            for frame in self.fault(self.seen, data[4:4 + length]):
                out += struct.pack(">I", len(frame)) + frame
            self.seen += 1
            data = data[4 + length:]
        try:
            back.sendall(out)
        except (BrokenPipeError, ConnectionError):
            pass
        return data


def run(fault, *args, ports=1, route=lambda at: at, mode="loop"):
    """Exit status, the JSON, and what was said on stderr."""
    with tempfile.TemporaryDirectory() as folder:
        peer = Peer(folder, ports, fault, route)
        peer.start()
        command = [FRAMES, mode, "--quiet", "0.15", "--limit", "20", *args]
        for path in peer.paths:
            command += ["--port", path]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        peer.join(10)
    return done.returncode, json.loads(done.stdout), done.stderr


def same(_, frame):
    return [frame]


def at_100(change):
    """A fault that hits frame 100 only."""
    return lambda n, frame: change(frame) if n == 100 else [frame]


def flip(frame):
    return [frame[:-1] + bytes([frame[-1] ^ 1])]


def poison(frame):
    return [(b"FREEDPG!" * 200)[3:3 + len(frame)]]


def perfect():
    status, said, err = run(same, "--count", str(COUNT), "--max-lost", "0")
    assert status == 0 and not err, err
    assert said["sent"] == said["good"] == COUNT and said["lost"] == 0, said


def two_ports():
    status, said, err = run(same, "--count", str(COUNT), "--paired", "--max-lost", "0", ports=2,
                            route=lambda at: 1 - at)
    assert status == 0, err
    assert [s["good"] for s in said["streams"]] == [COUNT, COUNT], said
    status, said, err = run(same, "--count", str(COUNT), "--paired", ports=2)
    assert status == 1 and said["misrouted"] == 2 * COUNT, said


def one_defect(change, name):
    def case():
        status, said, err = run(at_100(change), "--count", str(COUNT))
        assert status == 1 and said[name] == 1, (status, said)
        assert f"1 defects, the first: {name}" in err, err
    return case


def losses():
    def drop(n, frame):
        return [] if n % 100 == 7 else [frame]

    status, said, _ = run(drop, "--count", str(COUNT))
    assert status == 0 and said["lost"] == COUNT // 100, said
    status, said, err = run(drop, "--count", str(COUNT), "--max-lost", "19")
    assert status == 1 and "20 of 2000 frames lost, 19 allowed" in err, err
    status, said, err = run(drop, "--count", str(COUNT), "--window", "4")
    assert status == 0 and said["sent"] == COUNT and said["stalls"] > 0, said


def silence():
    status, said, err = run(lambda n, frame: [], "--count", "10")
    assert status == 1 and "0 good frames, at least 1 wanted" in err, err


def stale():
    before = {}

    def keep(n, frame):
        before[n] = frame
        return [frame]

    def replay(n, frame):
        return [before[5], frame] if n == 5 else [frame]

    run(keep, "--count", "50", "--run", "1")
    status, said, _ = run(replay, "--count", "50", "--run", "2")
    assert status == 1 and said["stale"] == 1 and said["good"] == 50, said
    status, said, _ = run(replay, "--count", "50", "--run", "2", "--allow-stale")
    assert status == 0 and said["stale"] == 1, said


def one_way():
    status, said, err = run(lambda n, frame: [], "--count", str(COUNT), mode="send")
    assert status == 0 and said["sent"] == COUNT, err
    status, said, _ = run(same, "--count", "5", mode="send")
    assert status == 0 and said["good"] == 5, said


def receive():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "port")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            for length, wanted in (("60", 0), ("64", 1)):
                child = subprocess.Popen(
                    [FRAMES, "receive", "--port", path, "--count", "10", "--length", length,
                     "--seconds", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
                conn = listener.accept()[0]
                conn.sendall(udp_frame() * 10)
                out, err = child.communicate(timeout=20)
                conn.close()
                assert child.returncode == wanted, (out, err)
                assert json.loads(out)["good"] == (10 if wanted == 0 else 0), out


def udp_frame():
    """What testpmd's txonly sends: 60 bytes, a right header checksum."""
    ip = bytearray(struct.pack(">BBHHHBBH4s4s", 0x45, 0, 46, 0, 0, 64, 17, 0,
                               bytes([198, 18, 0, 1]), bytes([198, 18, 0, 2])))
    total = sum(struct.unpack(">10H", ip))
    total = (total & 0xffff) + (total >> 16)
    ip[10:12] = struct.pack(">H", ~total & 0xffff)
    frame = bytes(12) + b"\x08\x00" + bytes(ip) + struct.pack(">HHHH", 9, 9, 26, 0) + bytes(18)
    return struct.pack(">I", len(frame)) + frame


def time_limit():
    status, said, _ = run(same, "--seconds", "0.5")
    assert status == 0 and said["good"] == said["sent"] > 1000, said
    status, said, _ = run(same, "--count", "500", "--rate", "1000")
    assert status == 0 and 0.4 < said["seconds"] < 5, said
    status, _, err = run(lambda n, frame: [], "--seconds", "30", "--limit", "0.6")
    assert status == 1 and "not finished after" in err, err


def usage():
    for args in ([], ["loop"], ["loop", "--port", "x"], ["loop", "--port", "x", "--count", "1x"],
                 ["loop", "--port", "x", "--count", "1", "--sizes", "10:90"],
                 ["loop", "--port", "x", "--count", "1", "--paired"], ["hop", "--port", "x"]):
        done = subprocess.run([FRAMES, *args], capture_output=True, text=True, timeout=20)
        assert done.returncode == 2 and done.stderr.startswith("frames: "), (args, done)


def peer_gone():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "port")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(1)
            child = subprocess.Popen([FRAMES, "loop", "--port", path, "--count", "1000000"],
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            listener.accept()[0].close()
            err = child.communicate(timeout=20)[1]
    assert child.returncode == 3 and "did QEMU end?" in err, err


TESTS = {
    "a perfect loop passes": perfect,
    "two ports, each frame on the right one": two_ports,
    "a flipped byte fails": one_defect(flip, "corrupt"),
    "a duplicate fails": one_defect(lambda frame: [frame, frame], "duplicate"),
    "a frame from a freed page fails": one_defect(poison, "freed"),
    "a frame of somebody else's fails": one_defect(lambda frame: [frame, bytes(64)], "foreign"),
    "losses are counted, and fail above a limit": losses,
    "silence fails": silence,
    "a frame of an earlier run": stale,
    "sending only": one_way,
    "receiving only": receive,
    "time limits": time_limit,
    "usage errors": usage,
    "a peer that goes away": peer_gone,
}


def main():
    print(f"1..{len(TESTS)}")
    failed = 0
    for i, (name, case) in enumerate(TESTS.items(), 1):
        try:
            case()
            print(f"ok {i} - {name}", flush=True)
        except (AssertionError, OSError, ValueError, subprocess.SubprocessError) as err:
            failed += 1
            print(f"not ok {i} - {name}\n# {str(err)[:400]!r}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
