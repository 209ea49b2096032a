/* The echo client of the course, slides 7 and 8: sends a line, and waits for its echo.
 *
 *	-DON_SIGPIPE=ACTION	slide 23: each line in two writes, and SIG_DFL or SIG_IGN for SIGPIPE
 *	-DRESET			the connection ends with RST instead of FIN
 */
#include "course.h"

/* Sends a line. The first byte goes alone with ON_SIGPIPE: if the server has gone, it draws RST, and
 * the second write comes after that. */
static ssize_t send_line(int sockfd, const char *line)
{
#ifdef ON_SIGPIPE
	if (writen(sockfd, line++, 1) < 0)
		return -1;
	sleep(1);
#endif
	return writen(sockfd, line, strlen(line));
}

static void str_cli(int sockfd)
{
	char sent[MAXLINE], received[MAXLINE];
	while (fgets(sent, sizeof sent, stdin) != NULL) {
		if (send_line(sockfd, sent) < 0)
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
	int sockfd = tcp_connect(argc, argv);
#ifdef ON_SIGPIPE
	signal_of_the_course(SIGPIPE, ON_SIGPIPE);
#endif
#ifdef RESET
	struct linger at_once = {.l_onoff = 1};
	setsockopt(sockfd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
#endif
	str_cli(sockfd);
	return 0;
}
