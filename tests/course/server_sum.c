/* The server of slide 26: adds the two numbers of each structure; a process for each connection. */
#include "sum.h"

static void str_echo(int sockfd)
{
	struct args args;
	while (readn(sockfd, (char *)&args, sizeof args) == sizeof args) {
		struct result result = {args.first + args.second};
		if (writen(sockfd, (char *)&result, sizeof result) < 0)
			err_sys("write");
	}
}

int main(int argc, char **argv)
{
	int listenfd = tcp_listen(argc, argv);

	/* Slide 11: the kernel keeps no exit status, so there is no zombie. */
	signal_of_the_course(SIGCHLD, SIG_IGN);
	for (;;) {
		int connfd = accept(listenfd, NULL, NULL);
		if (connfd >= 0 && fork() == 0) {
			close(listenfd);
			str_echo(connfd);
			exit(0);
		}
		close(connfd);
	}
}
