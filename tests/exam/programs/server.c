/* An echo server with one event loop, and the bug that its first argument names, or "none".
 *
 *	planted_server BUG PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 65536
#define CONNECTIONS 20000

struct connection {
	char *output;		/* not written yet */
	size_t count, room;
	char line[ROOM];	/* the beginning of a line, for the bugs that keep it */
	size_t kept;
	int lines, pieces;
};

static const char *bug;
static int epoll, open_count, resets;
static struct connection *all[CONNECTIONS];
static struct connection shared[3];
void *leaked;

static int has(const char *name)
{
	return strcmp(bug, name) == 0;
}

static void fail(const char *text)
{
	perror(text);
	exit(1);
}

static void watch(int fd, int how)
{
	struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
	if (how == EPOLL_CTL_MOD && all[fd]->count > 0 && !has("slow-reader-memory"))
		event.events = EPOLLOUT;
	else if (how == EPOLL_CTL_MOD && all[fd]->count > 0)
		event.events = EPOLLIN | EPOLLOUT;
	if (epoll_ctl(epoll, how, fd, &event) < 0)
		fail("epoll_ctl");
}

static void end(int fd, int in_order)
{
	struct linger none = {1, 0};
	resets = in_order ? 0 : resets;
	if (has("half-close"))
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	if (has("leaks-descriptors") && !in_order)
		epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL);
	else
		close(fd);
	if (has("leaks-memory"))
		leaked = memset(malloc(ROOM), 1, ROOM);
	open_count--;
	free(all[fd]->output);
	free(all[fd]);
	all[fd] = NULL;
}

/* Writes what the socket takes; returns 0 if the connection is gone. */
static int flush(int fd)
{
	struct connection *it = all[fd];
	if (it->count == 0)
		return 1;
	ssize_t n = has("sigpipe") ? write(fd, it->output, it->count)
				   : send(fd, it->output, it->count, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN && errno != EINTR) {
		end(fd, 0);
		return 0;
	}
	n = n < 0 ? 0 : n;
	memmove(it->output, it->output + n, it->count - n);
	it->count = has("slow-reader-drops") ? 0 : it->count - n;
	watch(fd, EPOLL_CTL_MOD);
	return 1;
}

static void answer(int fd, const char *bytes, size_t count)
{
	struct connection *it = all[fd];
	if (it->count + count > it->room) {
		it->room = 2 * (it->count + count);
		it->output = realloc(it->output, it->room);
		if (it->output == NULL)
			fail("realloc");
	}
	memcpy(it->output + it->count, bytes, count);
	it->count += count;
}

/* Where the beginning of a line is kept. */
static struct connection *keeper(int fd)
{
	return has("five-clients") ? &shared[fd % 3] : all[fd];
}

/* For the bugs that keep the beginning of a line: answers whole lines only. */
static void answer_lines(int fd, const char *bytes, size_t count)
{
	struct connection *it = keeper(fd);
	for (size_t i = 0; i < count; i++) {
		it->line[it->kept++] = bytes[i];
		if (bytes[i] == '\n' || it->kept == ROOM) {
			size_t most = has("echo") && it->kept > 4096 ? 4096 : it->kept;
			answer(fd, it->line, most);
			it->kept = 0;
		}
	}
}

static void serve(int fd)
{
	static char bytes[ROOM];
	struct connection *it = all[fd];
	ssize_t n = read(fd, bytes, sizeof bytes);

	if (n < 0 && errno == EINTR && has("eintr"))
		fail("read");
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 && has("reset") && it->lines > 0 && ++resets > 2)
		fail("read");
	if (n == 0 && keeper(fd)->kept > 0 && !has("last-line")) {
		answer(fd, keeper(fd)->line, keeper(fd)->kept);
		keeper(fd)->kept = 0;
		if (!flush(fd))
			return;
	}
	if (n <= 0) {
		end(fd, n == 0);
		return;
	}
	int whole = memchr(bytes, '\n', n) != NULL;
	it->lines += whole;
	it->pieces = whole ? 0 : it->pieces + 1;
	if (has("pieces") && it->pieces > 4) {
		end(fd, 1);
		return;
	}
	if (has("echo") || has("last-line") || has("five-clients"))
		answer_lines(fd, bytes, n);
	else
		answer(fd, bytes, has("bytes") ? strnlen(bytes, n) : (size_t)n);
	if (has("slow-reader-memory") && it->count > ROOM)
		watch(fd, EPOLL_CTL_MOD);
	else
		flush(fd);
}

static void take(int listener)
{
	struct sockaddr_in peer;
	socklen_t size = sizeof peer;
	int fd = accept4(listener, NULL, NULL, has("slow-reader-blocks") ? 0 : SOCK_NONBLOCK);
	if (fd < 0)
		return;
	if (has("reset-before-accept") && getpeername(fd, (struct sockaddr *)&peer, &size) < 0)
		fail("getpeername");
	if (fd >= CONNECTIONS || (has("many") && open_count > 900)) {
		close(fd);
		return;
	}
	all[fd] = calloc(1, sizeof *all[fd]);
	if (all[fd] == NULL)
		fail("calloc");
	open_count++;
	watch(fd, EPOLL_CTL_ADD);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	struct epoll_event events[64];
	int on = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (argc != 3) {
		fprintf(stderr, "usage: planted_server BUG PORT\n");
		return 2;
	}
	bug = argv[1];
	address.sin_port = htons(atoi(argv[2]));
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0)
		fail("bind");
	if (listen(listener, 1024) < 0)
		fail("listen");
	if (has("sigterm"))
		signal(SIGTERM, SIG_IGN);
	epoll = epoll_create1(0);
	watch(listener, EPOLL_CTL_ADD);
	for (;;) {
		int count = epoll_wait(epoll, events, 64, -1);
		if (count < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < count; i++) {
			int fd = events[i].data.fd;
			if (fd == listener)
				take(listener);
			else if (!(events[i].events & EPOLLOUT) || flush(fd))
				if (events[i].events & ~EPOLLOUT)
					serve(fd);
		}
	}
}
