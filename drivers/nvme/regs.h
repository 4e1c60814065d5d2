/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registers, commands and completions, as the NVM Express Base Specification 1.4 has them; the
 * sections are its. All words are little-endian.
 */
#ifndef NVME_REGS_H
#define NVME_REGS_H

#include <assert.h>
#include <stdint.h>

/* 3.1: registers, bytes from the start of BAR 0 */
enum {
	NVME_CAP = 0x00,   /* 3.1.1 capabilities, 64 bits */
	NVME_VS = 0x08,	   /* 3.1.2 version */
	NVME_INTMS = 0x0c, /* 3.1.3 interrupt mask set */
	NVME_CC = 0x14,	   /* 3.1.5 configuration */
	NVME_CSTS = 0x1c,  /* 3.1.6 status */
	NVME_AQA = 0x24,   /* 3.1.8 admin queue attributes */
	NVME_ASQ = 0x28,   /* 3.1.9 admin submission queue, 64 bits */
	NVME_ACQ = 0x30,   /* 3.1.10 admin completion queue, 64 bits */
	NVME_DOORBELLS =
		0x1000, /* 3.1, at the end: tail of SQ 0, head of CQ 0, tail of SQ 1, ... */
};

/* 3.1.1 */
static inline unsigned nvme_cap_entries(uint64_t cap)
{
	return (unsigned)(cap & 0xffff) + 1; /* MQES, counted from 0 */
}

static inline unsigned nvme_cap_timeout_ms(uint64_t cap)
{
	return (unsigned)(cap >> 24 & 0xff) * 500; /* TO */
}

static inline unsigned nvme_cap_stride(uint64_t cap)
{
	return 4u << (cap >> 32 & 0xf); /* DSTRD */
}

static inline unsigned nvme_cap_page_min(uint64_t cap)
{
	return 12 + (unsigned)(cap >> 48 & 0xf); /* MPSMIN, as a shift */
}

#define NVME_CAP_CSS_NVM (UINT64_C(1) << 37) /* the NVM command set */

/* 3.1.5 */
#define NVME_CC_EN	     0x1u
#define NVME_CC_MPS(shift)   (((shift)-12) << 7)
#define NVME_CC_SHN_MASK     0xc000u
#define NVME_CC_SHN_NORMAL   0x4000u
#define NVME_CC_ENTRY_SHIFTS ((6u << 16) | (4u << 20)) /* IOSQES: 64 bytes, IOCQES: 16 bytes */

/* 3.1.6 */
#define NVME_CSTS_RDY	    0x1u
#define NVME_CSTS_CFS	    0x2u /* fatal */
#define NVME_CSTS_SHST_MASK 0xcu
#define NVME_CSTS_SHST_DONE 0x8u
#define NVME_GONE	    UINT32_MAX /* what a register of a device that is not there reads */

/* 4.4: a descriptor of a scatter gather list */
struct nvme_sgl {
	uint64_t address;
	uint32_t length;
	uint8_t reserved[3];
	uint8_t type; /* in the upper four bits */
};
static_assert(sizeof(struct nvme_sgl) == 16, "4.4");

enum { NVME_SGL_DATA = 0x00, NVME_SGL_LAST_SEGMENT = 0x30 };

/* 4.2: a command */
struct nvme_sqe {
	uint32_t cdw0; /* operation, NVME_SQE_SGL, identifier from bit 16 on */
	uint32_t nsid;
	uint32_t cdw2, cdw3;
	uint64_t metadata;
	union {
		uint64_t prp[2]; /* 4.3 */
		struct nvme_sgl sgl;
	};
	uint32_t cdw10, cdw11, cdw12, cdw13, cdw14, cdw15;
};
static_assert(sizeof(struct nvme_sqe) == 64, "4.2");

#define NVME_SQE_SGL (1u << 14) /* PSDT: the data pointer is a descriptor */

/* 4.6: a completion */
struct nvme_cqe {
	uint32_t result;
	uint32_t reserved;
	uint16_t sq_head;
	uint16_t sq_id;
	uint16_t cid;
	uint16_t status; /* 4.6.1: the phase in bit 0, then code, type, retry delay, more, no retry
			  */
};
static_assert(sizeof(struct nvme_cqe) == 16, "4.6");

/* 5: admin commands */
enum {
	NVME_DELETE_SQ = 0x00,	  /* 5.6 */
	NVME_CREATE_SQ = 0x01,	  /* 5.4 */
	NVME_DELETE_CQ = 0x04,	  /* 5.5 */
	NVME_CREATE_CQ = 0x05,	  /* 5.3 */
	NVME_IDENTIFY = 0x06,	  /* 5.15 */
	NVME_ABORT = 0x08,	  /* 5.1 */
	NVME_SET_FEATURES = 0x09, /* 5.21 */
};

enum { NVME_QUEUE_CONTIGUOUS = 1 };  /* 5.3, 5.4: PC of dword 11 */
enum { NVME_FEATURE_QUEUES = 0x07 }; /* 5.21.1.7 */
enum { NVME_CNS_NAMESPACE = 0, NVME_CNS_CONTROLLER = 1 };

/* 6: I/O commands */
enum {
	NVME_FLUSH = 0x00, /* 6.8 */
	NVME_WRITE = 0x01, /* 6.15 */
	NVME_READ = 0x02,  /* 6.9 */
};

/* 5.15.2.2: what Identify says of the controller, bytes from the start */
enum {
	NVME_ID_SERIAL = 4,    /* 20 characters */
	NVME_ID_MODEL = 24,    /* 40 */
	NVME_ID_FIRMWARE = 64, /* 8 */
	NVME_ID_MDTS = 77,     /* largest transfer: pages of CAP.MPSMIN, as a shift; 0: no limit */
	NVME_ID_RTD3E = 88,    /* 32 bits: us that a shutdown may take; 0: it does not say */
	NVME_ID_NAMESPACES = 516, /* 32 bits: the highest number of one */
	NVME_ID_VWC = 525,	  /* bit 0: a volatile write cache */
	NVME_ID_SGLS = 536,	  /* 32 bits; 1 or 2 in the lowest two: SGLs may be used */
};

/* 5.15.2.1: what it says of a namespace */
enum {
	NVME_NS_SIZE = 0,     /* 64 bits: blocks */
	NVME_NS_FLBAS = 26,   /* the format in use, see nvme_format_of() */
	NVME_NS_FORMAT = 128, /* 32 bits each: metadata bytes in 0 to 15, block shift in 16 to 23 */
};

/* Bits 0 to 3, and 5 and 6 of a controller that has more than 16 formats (NVMe 2.0, figure 280). */
static inline unsigned nvme_format_of(uint8_t flbas)
{
	return (flbas & 0xf) | (flbas >> 5 & 3) << 4;
}

/* 4.6.1.2: status, type in bits 8 to 10 */
enum {
	NVME_SC_INVALID_FIELD = 0x002,
	NVME_SC_ABORTED = 0x007,
	NVME_SC_SQ_DELETED = 0x008,
	NVME_SC_INVALID_NAMESPACE = 0x00b,
	NVME_SC_LBA_RANGE = 0x080,
	NVME_SC_CAPACITY = 0x081,
	NVME_SC_ACCESS_DENIED = 0x286,
	NVME_SC_MASK = 0x7ff,
};

#endif
