/* The concurrent echo server of the course: a process for each connection.
 *
 *	(nothing)	slides 4 to 6: no SIGCHLD, so that each child becomes a zombie
 *	-DWAIT		slide 13: the handler waits once for each signal
 *	-DWAITPID	slide 16: the handler waits for all children that have ended
 *	-DNO_RESTART	no system call is restarted after a signal (slide 14)
 *	-DNO_CLOSE	the parent does not close the connection (slide 6)
 *	-DITERATIVE	one client after the other, without fork()
 *	-DHANDLE_EINTR	slide 17: accept() and read() are called again after a signal
 */
#include "course.h"

#include <sys/wait.h>

static void str_echo(int fd)
{
	char bytes[MAXLINE];
	for (;;) {
		ssize_t n = read(fd, bytes, sizeof bytes);
		if (n > 0) {
			if (writen(fd, bytes, n) < 0)
				err_sys("write");
			continue;
		}
#ifdef HANDLE_EINTR
		if (n < 0 && errno == EINTR)
			continue;
#endif
		if (n < 0)
			err_sys("read");
		return;
	}
}

#if defined WAIT || defined WAITPID
static void sig_chld(int number)
{
	int status, saved = errno;
	(void)number;
#ifdef WAIT
	wait(&status);
#else
	while (waitpid(-1, &status, WNOHANG) > 0)
		;
#endif
	errno = saved;
}
#endif

int main(int argc, char **argv)
{
	int listenfd = tcp_listen(argc, argv);
#if defined WAIT || defined WAITPID
	signal_of_the_course(SIGCHLD, sig_chld);
#endif
	for (;;) {
		int connfd = accept(listenfd, NULL, NULL);
		if (connfd < 0) {
#ifdef HANDLE_EINTR
			if (errno == EINTR)
				continue;
#endif
			err_sys("accept");
		}
#ifdef ITERATIVE
		str_echo(connfd);
		close(connfd);
#else
		if (fork() == 0) {
			close(listenfd);
			str_echo(connfd);
			exit(0);
		}
#ifndef NO_CLOSE
		close(connfd);
#endif
#endif
	}
}
