# SPDX-License-Identifier: BSD-3-Clause
"""The host's end of the agent: commands, their input and output, over one socket."""
import os
import struct
import threading
import time

START, START_PTY, STDIN, KILL, HELLO, OUT, EXIT = 1, 2, 3, 4, 16, 17, 18
HEADER = struct.Struct("=III")


class ChannelError(Exception):
    """The guest does not answer any more; the text says why."""


class Event:
    """A flag to wait for, with a look now and then whether waiting makes sense."""

    def __init__(self):
        self._event = threading.Event()
        self.set, self.is_set = self._event.set, self._event.is_set

    def wait_for(self, timeout, condition):
        end = time.monotonic() + timeout
        while not self._event.wait(min(0.5, max(0.0, end - time.monotonic()))):
            why = condition()
            if why:
                raise ChannelError(why)
            if time.monotonic() >= end:
                return False
        return True


class Job:
    """A command in the guest."""

    def __init__(self, channel, number, command):
        self._channel, self._id, self.command = channel, number, command
        self._chunks, self._ended, self._status = [], Event(), None
        self.tap = None  # called with each piece of output as it comes

    def _output(self, data):
        self._chunks.append(data)
        if self.tap:
            self.tap(data)

    def _exit(self, status):
        self._status = status
        self._ended.set()

    def raw(self):
        return b"".join(self._chunks)

    def out(self):
        """All output (stdout and stderr) so far."""
        return self.raw().decode("utf-8", "replace")

    def poll(self):
        """Exit status, minus the signal that ended it, or None while it runs."""
        return self._status

    def wait(self, timeout=60):
        """Wait for the end; the status. A command that hangs is killed and is a failure."""
        if not self._ended.wait_for(timeout, self._channel.condition):
            tail = "\n".join(self.out().splitlines()[-15:])
            self.kill(9)
            raise ChannelError(f"in the guest: `{self.command}` did not end within {timeout} s; "
                               f"its output ends:\n{tail}")
        return self._status

    def wait_output(self, text, timeout=60):
        """Wait until `text` is in the output; True, or False if the command ended without."""
        end = time.monotonic() + timeout
        while text not in self.out():
            if self._ended.is_set():
                return text in self.out()
            self.wait_alive()
            if time.monotonic() > end:
                raise ChannelError(f"in the guest: `{self.command}` did not say {text!r} within "
                                   f"{timeout} s; its output ends:\n{self.out()[-1500:]}")
            time.sleep(0.05)
        return True

    def wait_alive(self):
        """Raise if the guest is gone or broken."""
        why = self._channel.condition()
        if why:
            raise ChannelError(why)

    def write(self, data):
        """Give the command input."""
        self._channel.send(STDIN, self._id, data.encode() if isinstance(data, str) else data)

    def close(self):
        """End of input."""
        self._channel.send(STDIN, self._id, b"")

    def kill(self, sig=15):
        """A signal to the command and all it started in its process group."""
        self._channel.send(KILL, self._id, struct.pack("=i", sig))


class Channel:
    """One socket, many jobs: a thread reads, anybody writes."""

    def __init__(self, sock, condition):
        self._sock, self.condition = sock, condition
        self._jobs, self._next, self._lock = {}, 1, threading.Lock()
        self.hello = Event()
        threading.Thread(target=self._read, daemon=True).start()

    def _exactly(self, size):
        data = b""
        while len(data) < size:
            part = self._sock.recv(size - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def _read(self):
        try:
            while True:
                kind, number, size = HEADER.unpack(self._exactly(HEADER.size))
                data = self._exactly(size)
                job = self._jobs.get(number)
                if kind == HELLO:
                    self.hello.set()
                elif kind == OUT and job:
                    job._output(data)
                elif kind == EXIT and job:
                    job._exit(struct.unpack("=i", data)[0])
        except (OSError, EOFError):
            pass

    def send(self, kind, number, data):
        try:
            with self._lock:
                self._sock.sendall(HEADER.pack(kind, number, len(data)) + data)
        except OSError as e:
            raise ChannelError(self.condition() or f"the guest is gone: {e}") from e

    def start(self, command, pty=False):
        with self._lock:
            job = Job(self, self._next, command)
            self._jobs[self._next] = job
            self._next += 1
        self.send(START_PTY if pty else START, job._id, os.fsencode(command))
        return job

    def close(self):
        self._sock.close()
