# SPDX-License-Identifier: BSD-3-Clause
"""The rig's interface for tests; see Guest below."""
from rig_build import TREE, BuildError, built, stage
from rig_channel import ChannelError, Job
from rig_guest import Device, Guest, GuestError, Nic, Result

__all__ = ["TREE", "BuildError", "ChannelError", "Device", "Guest", "GuestError", "Job", "Nic",
           "Result", "built", "stage"]
