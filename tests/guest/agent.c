/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rig's hand inside a guest, and its first process: it mounts, reserves hugepages and loads the
 * modules that /rig/boot names (a shell would take seconds for that here). Then it starts commands
 * for the host, carries their input and output over one virtio port, and reports how each ended.
 *
 * A message either way is a header and `len` bytes: START (command text), STDIN (no bytes: end of
 * input), KILL (a 32-bit signal number, for the whole session's process group) from the host;
 * HELLO, OUT, EXIT (32-bit status, minus the signal if one ended it) to the host.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MSG_START = 1, MSG_START_PTY, MSG_STDIN, MSG_KILL, MSG_HELLO = 16, MSG_OUT, MSG_EXIT };

#define MAX_JOBS 256
#define CHUNK	 32768

struct header {
	uint32_t type;
	uint32_t id;
	uint32_t len;
};

struct job {
	uint32_t id;
	pid_t pid; /* 0: ended, its output may still come from its children */
	int in;
	int out;
	char *pending; /* input that the command has not taken yet */
	size_t pending_len;
	int in_ends; /* close `in` once pending is empty */
	int used;
};

static struct job jobs[MAX_JOBS];
static int port = -1;

static void die(const char *what)
{
	fprintf(stderr, "agent: %s: %s\n", what, strerror(errno));
	sync();
	reboot(RB_POWER_OFF);
	_exit(1);
}

static void write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			die("write to the host");
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}

static void send_msg(uint32_t type, uint32_t id, const void *data, size_t len)
{
	struct header h = {.type = type, .id = id, .len = (uint32_t)len};
	char buf[sizeof(h) + CHUNK];

	memcpy(buf, &h, sizeof(h));
	if (len)
		memcpy(buf + sizeof(h), data, len);
	write_all(port, buf, sizeof(h) + len);
}

static void read_all(void *data, size_t len)
{
	char *p = data;

	while (len) {
		ssize_t n = read(port, p, len);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			die("read from the host");
		if (n == 0)
			usleep(10000); /* the host's end is not open yet */
		if (n > 0) {
			p += n;
			len -= (size_t)n;
		}
	}
}

static struct job *find_job(uint32_t id)
{
	for (int i = 0; i < MAX_JOBS; i++)
		if (jobs[i].used && jobs[i].id == id)
			return &jobs[i];
	return NULL;
}

static struct job *new_job(uint32_t id)
{
	for (int i = 0; i < MAX_JOBS; i++) {
		if (!jobs[i].used) {
			memset(&jobs[i], 0, sizeof(jobs[i]));
			jobs[i].used = 1;
			jobs[i].id = id;
			jobs[i].in = jobs[i].out = -1;
			return &jobs[i];
		}
	}
	errno = EMFILE;
	die("too many commands at once");
	return NULL;
}

static void run_child(const char *command, int in, int out)
{
	sigset_t none;

	signal(SIGPIPE, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	dup2(in, 0);
	dup2(out, 1);
	dup2(out, 2);
	execl("/bin/sh", "sh", "-c", command, (char *)NULL);
	_exit(127);
}

/* A terminal becomes the session's controlling one when its leader opens it. */
static void run_child_pty(const char *command, const char *name)
{
	int fd;

	setsid();
	fd = open(name, O_RDWR);
	run_child(command, fd, fd);
}

static void start_pty(struct job *j, const char *command)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (master < 0 || grantpt(master) || unlockpt(master))
		die("pseudo terminal");
	j->pid = fork();
	if (j->pid == 0)
		run_child_pty(command, ptsname(master));
	j->out = master;
	j->in = dup(master);
}

static void start_pipes(struct job *j, const char *command)
{
	int in[2], out[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC))
		die("pipe");
	j->pid = fork();
	if (j->pid == 0)
		run_child(command, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	j->in = in[1];
	j->out = out[0];
}

static void start(uint32_t id, const char *command, int pty)
{
	struct job *j = new_job(id);

	if (pty)
		start_pty(j, command);
	else
		start_pipes(j, command);
	if (j->pid < 0)
		die("fork");
	fcntl(j->in, F_SETFD, FD_CLOEXEC);
	fcntl(j->in, F_SETFL, O_NONBLOCK);
	fcntl(j->out, F_SETFL, O_NONBLOCK);
}

static void close_in(struct job *j)
{
	if (j->in >= 0)
		close(j->in);
	j->in = -1;
	free(j->pending);
	j->pending = NULL;
	j->pending_len = 0;
}

static void feed(struct job *j)
{
	ssize_t n = write(j->in, j->pending, j->pending_len);

	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		close_in(j); /* the command reads no more */
		return;
	}
	if (n > 0) {
		j->pending_len -= (size_t)n;
		memmove(j->pending, j->pending + n, j->pending_len);
	}
	if (!j->pending_len && j->in_ends)
		close_in(j);
}

static void take_input(struct job *j, const char *data, size_t len)
{
	char *more;

	if (j->in < 0)
		return;
	if (!len) {
		j->in_ends = 1;
		if (!j->pending_len)
			close_in(j);
		return;
	}
	more = realloc(j->pending, j->pending_len + len);
	if (!more)
		die("memory for a command's input");
	memcpy(more + j->pending_len, data, len);
	j->pending = more;
	j->pending_len += len;
}

static void end_if_over(struct job *j)
{
	if (j->pid || j->out >= 0)
		return;
	close_in(j);
	j->used = 0;
}

/* Returns 1 if there was something to pass on. */
static int drain(struct job *j)
{
	char buf[CHUNK];
	ssize_t n = read(j->out, buf, sizeof(buf));

	if (n > 0) {
		send_msg(MSG_OUT, j->id, buf, (size_t)n);
		return 1;
	}
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	close(j->out); /* end of file, or EIO from a terminal that nobody holds */
	j->out = -1;
	end_if_over(j);
	return 0;
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (int i = 0; i < MAX_JOBS; i++) {
			struct job *j = &jobs[i];
			int32_t code;

			if (!j->used || j->pid != pid)
				continue;
			while (j->out >= 0 && drain(j))
				;
			code = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
			send_msg(MSG_EXIT, j->id, &code, sizeof(code));
			j->pid = 0;
			end_if_over(j);
		}
	}
}

static void handle_message(void)
{
	struct header h;
	struct job *j;
	char *data;
	int32_t sig;

	read_all(&h, sizeof(h));
	data = calloc(1, (size_t)h.len + 1);
	if (!data)
		die("memory for a message");
	read_all(data, h.len);
	j = find_job(h.id);
	if (h.type == MSG_START || h.type == MSG_START_PTY) {
		start(h.id, data, h.type == MSG_START_PTY);
	} else if (h.type == MSG_STDIN && j) {
		take_input(j, data, h.len);
	} else if (h.type == MSG_KILL && j && j->pid && h.len == sizeof(sig)) {
		memcpy(&sig, data, sizeof(sig));
		kill(-j->pid, sig);
	}
	free(data);
}

static void mount_all(void)
{
	static const struct {
		const char *type, *where;
	} mounts[] = {
		{"proc", "/proc"},	{"sysfs", "/sys"},     {"devtmpfs", "/dev"},
		{"devpts", "/dev/pts"}, {"tmpfs", "/dev/shm"}, {"hugetlbfs", "/dev/hugepages"},
	};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		mkdir(mounts[i].where, 0755);
		if (mount(mounts[i].type, mounts[i].where, mounts[i].type, 0, NULL))
			fprintf(stderr, "agent: mount %s: %s\n", mounts[i].where, strerror(errno));
	}
}

static void load_module(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		fprintf(stderr, "agent: %s: %s\n", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* /rig/boot: the number of hugepages, then one module a line, in the order to load them. */
static void prepare(void)
{
	char line[300];
	FILE *boot, *pages;

	boot = fopen("/rig/boot", "re");
	pages = fopen("/proc/sys/vm/nr_hugepages", "we");
	if (!boot || !fgets(line, sizeof(line), boot))
		die("/rig/boot");
	if (pages) {
		fputs(line, pages);
		fclose(pages);
	}
	while (fgets(line, sizeof(line), boot)) {
		line[strcspn(line, "\n")] = '\0';
		load_module(line);
	}
	fclose(boot);
	chmod("/", 0755); /* EAL takes no plugin from below a folder that anybody may write */
	sethostname("guest", 5);
	setenv("HOME", "/root", 1);
	setenv("PATH", "/usr/local/bin:/usr/local/sbin:/usr/bin:/usr/sbin", 1);
	setenv("LD_LIBRARY_PATH", "/usr/local/lib:/usr/local/lib/powerpc64le-linux-gnu", 1);
	if (chdir("/root"))
		die("/root");
}

static int open_port(void)
{
	char path[300], name[32] = "";
	struct dirent *e;
	DIR *d = opendir("/sys/class/virtio-ports");

	while (d && (e = readdir(d))) {
		FILE *f;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name", e->d_name);
		f = fopen(path, "re");
		if (f && fgets(name, sizeof(name), f) && !strcmp(name, "rig\n")) {
			fclose(f);
			snprintf(path, sizeof(path), "/dev/%s", e->d_name);
			closedir(d);
			return open(path, O_RDWR | O_CLOEXEC);
		}
		if (f)
			fclose(f);
	}
	if (d)
		closedir(d);
	errno = ENOENT;
	return -1;
}

static int watch(struct pollfd *fds, struct job **owner, int sigfd)
{
	int n = 0;

	fds[n++] = (struct pollfd){.fd = port, .events = POLLIN};
	fds[n++] = (struct pollfd){.fd = sigfd, .events = POLLIN};
	for (int i = 0; i < MAX_JOBS; i++) {
		if (!jobs[i].used)
			continue;
		if (jobs[i].out >= 0) {
			owner[n] = &jobs[i];
			fds[n++] = (struct pollfd){.fd = jobs[i].out, .events = POLLIN};
		}
		if (jobs[i].in >= 0 && jobs[i].pending_len) {
			owner[n] = &jobs[i];
			fds[n++] = (struct pollfd){.fd = jobs[i].in, .events = POLLOUT};
		}
	}
	return n;
}

static void serve(int sigfd)
{
	struct pollfd fds[2 + 2 * MAX_JOBS];
	struct job *owner[2 + 2 * MAX_JOBS];
	struct signalfd_siginfo info;
	int n = watch(fds, owner, sigfd);

	if (poll(fds, (nfds_t)n, -1) < 0 && errno != EINTR)
		die("poll");
	for (int i = 2; i < n; i++) {
		if (fds[i].events == POLLIN && fds[i].revents && owner[i]->out == fds[i].fd)
			drain(owner[i]);
		if (fds[i].events == POLLOUT && fds[i].revents && owner[i]->in == fds[i].fd)
			feed(owner[i]);
	}
	if (fds[1].revents & POLLIN) {
		if (read(sigfd, &info, sizeof(info)) > 0)
			reap();
	}
	if (fds[0].revents & POLLIN)
		handle_message();
	else if (fds[0].revents)
		usleep(10000);
}

int main(void)
{
	sigset_t child;
	int sigfd;

	mount_all();
	prepare();
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	sigfd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
	port = open_port();
	if (port < 0 || sigfd < 0)
		die("no port to the host");
	send_msg(MSG_HELLO, 0, NULL, 0);
	for (;;)
		serve(sigfd);
}
