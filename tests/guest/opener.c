/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * opener DEVICE [mem=BYTES] [page=BYTES] [highest=IOVA] [create=BYTES]: opens a space, or with
 * create= makes one window of that size by hand in 4 KiB pages; maps nothing; prints what was said.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tce/tce.h>

static int fail(const char *what, int ret)
{
	printf("%s: %d: %s\n", what, ret, tce_error());
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct tce_space_options options = {0};
	struct tce_space *space;
	uint64_t create = 0;
	int ret;

	if (argc < 2)
		return EXIT_FAILURE;
	for (int i = 2; i < argc; i++) {
		sscanf(argv[i], "mem=%li", (long *)&options.mem);
		sscanf(argv[i], "page=%li", (long *)&options.page);
		sscanf(argv[i], "highest=%li", (long *)&options.highest);
		sscanf(argv[i], "create=%li", (long *)&create);
	}
	options.no_windows = create != 0;
	ret = tce_space_open(argv[1], &options, &space);
	if (ret)
		return fail("open", ret);
	if (create) {
		ret = tce_window_create(space, 4096, create, 1, NULL);
		if (ret)
			return fail("create", ret);
	}
	ret = tce_space_close(space, argv[1]);
	if (ret)
		return fail("close", ret);
	printf("opened\n");
	return EXIT_SUCCESS;
}
