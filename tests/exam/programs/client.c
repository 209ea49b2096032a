/* An echo client that waits for its input and the socket at once, and the bug that its first
 * argument names, or "none".
 *
 *	planted_client BUG ADDRESS PORT
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char *bug;

static int has(const char *name)
{
	return strcmp(bug, name) == 0;
}

static void give_up(const char *text, int silently)
{
	if (!silently)
		fprintf(stderr, "planted_client: %s\n", text);
	exit(1);
}

static int lines_in(const char *bytes, size_t count)
{
	int lines = 0;
	for (size_t i = 0; i < count; i++)
		lines += bytes[i] == '\n';
	return lines;
}

static void show(const char *bytes, size_t count)
{
	if (has("bytes"))
		count = strnlen(bytes, count);
	if (has("pieces") && memchr(bytes, '\n', count) == NULL)
		return;
	if (write(1, bytes, count) < 0)
		give_up("write", 0);
}

/* Sends the input; returns 0 at its end. */
static int forward(int sock, int *owed)
{
	char bytes[65536];
	ssize_t n = read(0, bytes, sizeof bytes);
	char *empty = n > 0 ? memmem(bytes, n, "\n\n", 2) : NULL;
	if (has("echo") && empty != NULL)
		n = empty + 1 - bytes;
	if (n <= 0) {
		shutdown(sock, SHUT_WR);
		return 0;
	}
	*owed += lines_in(bytes, n);
	if (send(sock, bytes, n, MSG_NOSIGNAL) < 0)
		give_up(strerror(errno), has("server-reset"));
	return 1;
}

int main(int argc, char **argv)
{
	struct sockaddr_in server = {.sin_family = AF_INET};
	char bytes[65536];
	int owed = 0, open = 1, after_end = 0;

	if (argc != 4)
		give_up("usage: planted_client BUG ADDRESS PORT", 0);
	bug = argv[1];
	inet_pton(AF_INET, argv[2], &server.sin_addr);
	server.sin_port = htons(atoi(argv[3]));
	int sock = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(sock, (struct sockaddr *)&server, sizeof server) < 0)
		give_up(strerror(errno), has("refused"));
	for (;;) {
		struct pollfd polled[2] = {{sock, POLLIN, 0}, {open ? 0 : -1, POLLIN, 0}};
		int limit = has("silent") || (owed == 0 && open) ? -1 : has("slow") ? 600 : 3000;
		if (poll(polled, 2, limit) == 0)
			give_up("no answer from the server", 0);
		if (polled[0].revents) {
			ssize_t n = read(sock, bytes, sizeof bytes);
			if (n < 0)
				give_up(strerror(errno), has("server-reset"));
			if (n == 0 && !open && owed <= 0)
				return 0;
			if (n == 0 && has("server-killed") && owed > 0)
				return 0;
			if (n == 0 && has("server-fin") && owed == 0) {
				poll(polled + 1, 1, -1);
				give_up("the server has ended", 0);
			}
			if (n == 0)
				give_up("the server has ended", 0);
			show(bytes, n);
			owed -= lines_in(bytes, n);
			after_end += open ? 0 : lines_in(bytes, n);
		}
		if (has("end-of-input") && !open && after_end >= 10 && owed > 0)
			return 0;
		if (polled[1].revents)
			open = forward(sock, &owed);
	}
}
