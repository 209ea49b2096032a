/* The echo client with select() and shutdown() (slide 20): it waits for its input and for the
 * socket at once, and works on bytes, not on lines. */
#include "course.h"

#include <sys/select.h>

static void str_cli(int sockfd)
{
	char bytes[MAXLINE];
	int at_end = 0;
	for (;;) {
		fd_set readable;
		FD_ZERO(&readable);
		FD_SET(sockfd, &readable);
		if (!at_end)
			FD_SET(STDIN_FILENO, &readable);
		if (select(sockfd + 1, &readable, NULL, NULL, NULL) < 0) {
			if (errno == EINTR)
				continue;
			err_sys("select");
		}
		if (FD_ISSET(sockfd, &readable)) {
			ssize_t n = read(sockfd, bytes, sizeof bytes);
			if (n < 0)
				err_sys("read");
			if (n == 0 && at_end)
				return;
			if (n == 0)
				err_quit("str_cli: server terminated prematurely");
			writen(STDOUT_FILENO, bytes, n);
		}
		if (FD_ISSET(STDIN_FILENO, &readable)) {
			ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
			if (n <= 0) {
				at_end = 1;
				shutdown(sockfd, SHUT_WR);
			} else if (writen(sockfd, bytes, n) < 0) {
				err_sys("write");
			}
		}
	}
}

int main(int argc, char **argv)
{
	str_cli(tcp_connect(argc, argv));
	return 0;
}
