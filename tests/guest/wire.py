# SPDX-License-Identifier: BSD-3-Clause
"""The outer ends of a guest's NICs: sockets, and the sender and checker `frames` on them."""
import json
import os
import shutil
import signal
import subprocess
import tempfile

from rig_build import built
from tap import Failure


class Frames:
    """One running `frames`."""

    def __init__(self, argv):
        self.argv = argv
        self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, text=True,
                                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def stop(self):
        """Send no more, wait for what is in flight, report."""
        self._process.send_signal(signal.SIGTERM)

    def running(self):
        return self._process.poll() is None

    def result(self, timeout=180):
        """(exit status, what was counted, sentences) whatever happened."""
        try:
            out, err = self._process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise Failure(f"frames did not end: {' '.join(self.argv)}") from None
        return self._process.returncode, json.loads(out) if out else {}, err.strip()

    def good(self, timeout=180):
        """What was counted; a defect is a Failure."""
        status, said, err = self.result(timeout)
        if status:
            raise Failure(f"{err}\n{json.dumps(said)}")
        return said

    def kill(self):
        if self.running():
            self._process.kill()
            self._process.communicate()


class Wire:
    """Sockets for so many ports; a context manager, so that nothing stays behind."""

    def __init__(self, ports):
        self.dir = tempfile.mkdtemp(prefix="libtce-wire-")
        self.paths = [os.path.join(self.dir, f"port{i}") for i in range(ports)]
        self.program = built("tests/frames/frames", os.environ.get("LIBTCE_NATIVE",
                                                                    "build/native-gcc"))
        self._running = []

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for process in self._running:
            process.kill()
        shutil.rmtree(self.dir, ignore_errors=True)
        return False

    def netdev(self, port):
        """QEMU's -netdev text of one port; `frames` comes and goes while the guest runs."""
        return f"stream,server=on,addr.type=unix,addr.path={self.paths[port]}"

    def start(self, mode, ports, *options):
        """Start `frames` on some of the ports, by number."""
        argv = [self.program, mode]
        for port in ports:
            argv += ["--port", self.paths[port]]
        argv += [str(x) for x in options]
        self._running = [p for p in self._running if p.running()]
        self._running.append(Frames(argv))
        return self._running[-1]
