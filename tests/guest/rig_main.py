# SPDX-License-Identifier: BSD-3-Clause
"""Command line of the rig."""
import argparse
import sys

from rig_apt import AptError
from rig_setup import Setup


def main():
    p = argparse.ArgumentParser(prog="rig")
    sub = p.add_subparsers(dest="what", required=True)
    s = sub.add_parser("setup")
    s.add_argument("--no-guests", action="store_true")
    a = p.parse_args()
    if a.what == "setup":
        Setup(guests=not a.no_guests).run()


try:
    main()
except AptError as e:
    sys.exit(f"rig: {e}")
