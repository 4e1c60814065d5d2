/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * arena SIZE PAGE NODE [fork]: makes an arena of lib/hugemem, says where it is, and gives it back
 * at the end of the input. With fork a child is made, which stays for half a minute.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <tce/error.h>
#include <tce/hugemem.h>

static int fail(const char *what, int ret)
{
	printf("%s: %d: %s\n", what, ret, tce_error());
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct tce_arena *arena;
	struct tce_arena_info info;
	int ret;

	if (argc < 4)
		return EXIT_FAILURE;
	ret = tce_arena_open(strtoul(argv[1], NULL, 0), strtoul(argv[2], NULL, 0), atoi(argv[3]),
			     &arena);
	if (ret)
		return fail("open", ret);
	tce_arena_info(arena, &info);
	memset(info.va, 1, info.len);
	if (argc > 4 && !fork()) {
		printf("the child has %s\n",
		       msync(info.va, info.page, MS_ASYNC) ? "nothing of it" : "the arena too");
		fflush(stdout);
		sleep(30);
		_exit(0);
	}
	printf("arena of %zu in pages of %zu on node %d at %lx\n", info.len, info.page, info.node,
	       (unsigned long)info.va);
	fflush(stdout);
	while (getchar() != EOF)
		;
	ret = tce_arena_close(arena);
	return ret ? fail("close", ret) : EXIT_SUCCESS;
}
