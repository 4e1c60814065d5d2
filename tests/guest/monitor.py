# SPDX-License-Identifier: BSD-3-Clause
"""What a suite tells QEMU while a guest runs: pull a device, pull a cable."""
import json
import socket

from tap import want


class Monitor:
    """QEMU's monitor protocol, on a socket of its own."""

    def __init__(self, path):
        self.path = path
        self.arguments = ["-qmp", f"unix:{path},server=on,wait=off"]

    def tell(self, command, **arguments):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.path)
            with s.makefile("rw") as f:
                f.readline()
                for name, more in (("qmp_capabilities", {}), (command, arguments)):
                    f.write(json.dumps({"execute": name, "arguments": more}) + "\n")
                    f.flush()
                    said = json.loads(f.readline())
                    want("return" in said, f"{name}: {said}")
