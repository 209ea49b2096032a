/* The client of slide 26: sends the two numbers of a line as a structure, and prints the sum. */
#include "sum.h"

static void str_cli(int sockfd)
{
	char line[MAXLINE];
	long first, second;
	while (fgets(line, sizeof line, stdin) != NULL) {
		if (sscanf(line, "%ld%ld", &first, &second) != 2) {
			puts("invalid input");
			continue;
		}
		struct args args = {first, second};
		struct result result;
		if (writen(sockfd, (char *)&args, sizeof args) < 0)
			err_sys("write");
		if (readn(sockfd, (char *)&result, sizeof result) != sizeof result)
			err_quit("str_cli: server terminated prematurely");
		printf("%ld\n", (long)result.sum);
	}
}

int main(int argc, char **argv)
{
	str_cli(tcp_connect(argc, argv));
	return 0;
}
