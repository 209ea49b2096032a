/* The echo client of the course, slides 7 and 8: sends a line, and waits for its echo. */
#include "course.h"

#include <arpa/inet.h>
#include <sys/socket.h>

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
	struct sockaddr_in server = {.sin_family = AF_INET};
	if (argc < 2)
		err_quit("usage: client IPADDRESS [PORT]");
	server.sin_port = htons(argc > 2 ? atoi(argv[2]) : 9877);
	if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1)
		err_quit("client: no IPv4 address");
	int sockfd = socket(AF_INET, SOCK_STREAM, 0);
	if (connect(sockfd, (struct sockaddr *)&server, sizeof server) < 0)
		err_sys("connect");
	str_cli(sockfd);
	return 0;
}
