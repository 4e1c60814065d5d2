# SPDX-License-Identifier: BSD-3-Clause
"""The hardware's TCE tables of an LPAR, rebuilt from QEMU's trace of hypercalls."""
import re

EVENTS = ("spapr_iommu_pci_put", "spapr_iommu_pci_indirect", "spapr_iommu_pci_stuff",
          "spapr_iommu_ddw_create", "spapr_iommu_ddw_remove", "spapr_iommu_ddw_reset")
# Of QEMU's include/hw/pci-host/spapr.h: a PCI host bridge's index is in its tables' numbers.
PCI_LIOBN = 0x80000000
DEFAULT_PAGE = 4096
ACCESS = 3  # of a TCE: bit 0 the device may read, bit 1 it may write
WORD = r"0x([0-9a-f]+)"
PUT = re.compile(rf"spapr_iommu_pci_put liobn={WORD} ioba={WORD} tce={WORD} ret=(-?\d+)")
STUFF = re.compile(rf"spapr_iommu_pci_stuff liobn={WORD} ioba={WORD} tcevalue={WORD} "
                   r"npages=(\d+) ret=(-?\d+)")
INDIRECT = re.compile(rf"spapr_iommu_pci_indirect liobn={WORD} ioba={WORD}")
CREATE = re.compile(rf"spapr_iommu_ddw_create buid={WORD} addr={WORD}, page size={WORD}, "
                    rf"requested={WORD}, start addr={WORD}, liobn={WORD}")
REMOVE = re.compile(rf"spapr_iommu_ddw_remove liobn={WORD}")
RESET = re.compile(rf"spapr_iommu_ddw_reset buid={WORD}")


def arguments():
    """QEMU's arguments for it; the lines go to the file of -D."""
    return [x for event in EVENTS for x in ("-trace", event)]


class Unknown(Exception):
    """The trace does not say what the hardware has."""


class Hardware:
    """Tables by number, each {I/O address: TCE}; fed line by line."""

    def __init__(self):
        self.tables, self.pages, self.opaque, self.calls = {}, {}, set(), 0

    def feed(self, line):
        for pattern, change in ((PUT, self._put), (STUFF, self._stuff), (INDIRECT, self._indirect),
                                (CREATE, self._create), (REMOVE, self._remove),
                                (RESET, self._reset)):
            found = pattern.search(line)
            if found:
                self.calls += 1
                change(*found.groups())
                return

    def _set(self, liobn, ioba, tce):
        table = self.tables.setdefault(liobn, {})
        if tce & ACCESS:
            table[ioba] = tce
        else:
            table.pop(ioba, None)

    def _put(self, liobn, ioba, tce, ret):
        if ret == "0":
            self._set(int(liobn, 16), int(ioba, 16), int(tce, 16))

    def _stuff(self, liobn, ioba, tce, pages, ret):
        page = self.pages.get(int(liobn, 16), DEFAULT_PAGE)
        for i in range(int(pages) if ret == "0" else 0):
            self._set(int(liobn, 16), int(ioba, 16) + i * page, int(tce, 16))

    def _indirect(self, liobn, _ioba):
        # The TCEs are in a list in the guest's memory, which the trace does not show.
        self.opaque.add(int(liobn, 16))

    def _drop(self, liobn):
        self.tables.pop(liobn, None)
        self.pages.pop(liobn, None)
        self.opaque.discard(liobn)

    def _create(self, _buid, _addr, page, _size, _start, liobn):
        self._drop(int(liobn, 16))
        self.pages[int(liobn, 16)] = int(page, 16)

    def _remove(self, liobn):
        self._drop(int(liobn, 16))

    def _reset(self, buid):
        for liobn in [n for n in {*self.tables, *self.pages, *self.opaque}
                      if bridge(n) == int(buid, 16) & 0xff]:
            self._drop(liobn)

    def rows_of_bridge(self, index):
        """(I/O address, I/O page, physical address, access) of all tables of one host bridge."""
        return [(ioba, self.pages.get(liobn, DEFAULT_PAGE), tce & ~ACCESS, tce & ACCESS)
                for liobn, table in self._tables_of(index) for ioba, tce in table.items()]

    def of_bridge(self, index):
        """{I/O address: (physical address, access)} of all tables of one host bridge."""
        return {row[0]: row[2:] for row in self.rows_of_bridge(index)}

    def _tables_of(self, index):
        if any(bridge(n) == index for n in self.opaque):
            raise Unknown(f"the TCEs of bridge {index} were put by lists, which no trace shows")
        return [(n, table) for n, table in self.tables.items() if bridge(n) == index]


def bridge(liobn):
    return liobn >> 8 & 0xff if liobn & PCI_LIOBN else -1


class Trace:
    """The file that QEMU writes, read on to its present end."""

    def __init__(self, path):
        self.hardware, self._path, self._at, self._rest = Hardware(), path, 0, b""

    def now(self):
        with open(self._path, "rb") as f:
            f.seek(self._at)
            data = f.read()
        self._at += len(data)
        *whole, self._rest = (self._rest + data).split(b"\n")
        for line in whole:
            self.hardware.feed(line.decode("utf-8", "replace"))
        return self.hardware


def dumped(text):
    """{I/O address: (physical address, access)} of a dump by tests/guest/dump.c."""
    *entries, end = text.strip().splitlines()
    if end != "end 0":
        raise Unknown(f"no dump: {end}")
    found = {}
    for entry in entries:
        iova, real, access = (int(x, 16) for x in entry.split())
        found[iova] = (real, access)
    return found


def difference(hardware, library):
    """The first TCE that only one of both has, or that differs; None if all are the same."""
    for iova in sorted({*hardware, *library}):
        a, b = hardware.get(iova), library.get(iova)
        if a != b:
            def words(e):
                return f"{e[0]:#x}, access {e[1]}" if e else "nothing"
            return f"at {iova:#x} the hardware has {words(a)}, the library {words(b)}"
    return None
