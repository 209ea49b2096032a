/* The echo server in one process, with select() (UNP 6.8).
 *
 *	(nothing)	the mistake of UNP 16.6: accept() may block, although select() said "readable"
 *	-DNONBLOCKING	accept() fails with EAGAIN instead
 *	-DPROCESSES=2	two processes serve the same listener
 *	-DSTOP		each stops itself between select() and accept(), where the book sleeps
 */
#include "course.h"

#include <fcntl.h>
#include <sys/select.h>

#ifndef PROCESSES
#define PROCESSES 1
#endif

/* Accepts one client. A failure is no reason to end: the next client may be there. */
static void next_client(int listenfd, fd_set *all)
{
#ifdef STOP
	raise(SIGSTOP);
#endif
	int fd = accept(listenfd, NULL, NULL);
	if (fd < 0)
		perror("accept");
	else if (fd < FD_SETSIZE)
		FD_SET(fd, all);
	else
		close(fd);
}

/* Echoes what one read returns. */
static void echo(int fd, fd_set *all)
{
	char bytes[MAXLINE];
	ssize_t n = read(fd, bytes, sizeof bytes);
	if (n < 0 && errno == EINTR)
		return;
	if (n < 0)
		perror("read");
	if (n <= 0 || writen(fd, bytes, n) < 0) {
		FD_CLR(fd, all);
		close(fd);
	}
}

static void serve(int listenfd)
{
	fd_set all, readable;
	FD_ZERO(&all);
	FD_SET(listenfd, &all);
	for (;;) {
		readable = all;
		if (select(FD_SETSIZE, &readable, NULL, NULL, NULL) < 0) {
			if (errno == EINTR)
				continue;
			err_sys("select");
		}
		if (FD_ISSET(listenfd, &readable))
			next_client(listenfd, &all);
		for (int fd = listenfd + 1; fd < FD_SETSIZE; fd++)
			if (FD_ISSET(fd, &readable))
				echo(fd, &all);
	}
}

int main(int argc, char **argv)
{
	int listenfd = tcp_listen(argc, argv);
#ifdef NONBLOCKING
	fcntl(listenfd, F_SETFL, O_NONBLOCK);
#endif
	signal_of_the_course(SIGPIPE, SIG_IGN);
	for (int others = 1; others < PROCESSES && fork() != 0; others++)
		;
	serve(listenfd);
}
