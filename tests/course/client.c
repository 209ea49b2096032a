/* The echo client of the course, slides 7 and 8: sends a line, and waits for its echo. */
#include "course.h"

static void str_cli(int sockfd)
{
	char sent[MAXLINE], received[MAXLINE];
	while (fgets(sent, sizeof sent, stdin) != NULL) {
		if (writen(sockfd, sent, strlen(sent)) < 0)
			err_sys("write");
		ssize_t n = readline(sockfd, received, sizeof received);
		if (n < 0)
			err_sys("read");
		if (n == 0)
			err_quit("str_cli: server terminated prematurely");
		fputs(received, stdout);
	}
}

int main(int argc, char **argv)
{
	str_cli(tcp_connect(argc, argv));
	return 0;
}
