# SPDX-License-Identifier: BSD-3-Clause
"""The machines a guest can be: each module turns a Guest's wishes into QEMU arguments."""
from . import lpar, p9

MACHINES = {"lpar": lpar, "p9": p9}
