# SPDX-License-Identifier: BSD-3-Clause
"""The machines a guest can be: each turns a Guest's wishes into QEMU arguments."""
from . import lpar, powernv

MACHINES = {"lpar": lpar, "p9": powernv.P9, "p9-hash": powernv.P9_HASH, "p8": powernv.P8,
            "p10": powernv.P10}
