/* The parts that the programs of the course share: connecting and listening, reading and writing,
 * signal(). */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAXLINE 4096
#define LISTENQ 1024

static inline void err_sys(const char *call)
{
	perror(call);
	exit(1);
}

static inline void err_quit(const char *text)
{
	fprintf(stderr, "%s\n", text);
	exit(1);
}

/* The server's socket, bind and listen: the port is the first argument. */
static inline int tcp_listen(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	int on = 1, listenfd = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_ANY);
	address.sin_port = htons(argc > 1 ? atoi(argv[1]) : 9877);
	setsockopt(listenfd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(listenfd, (struct sockaddr *)&address, sizeof address) < 0)
		err_sys("bind");
	if (listen(listenfd, LISTENQ) < 0)
		err_sys("listen");
	return listenfd;
}

/* The client's socket and connect: the address and the port are the arguments. */
static inline int tcp_connect(int argc, char **argv)
{
	struct sockaddr_in server = {.sin_family = AF_INET};
	int sockfd = socket(AF_INET, SOCK_STREAM, 0);

	if (argc < 2)
		err_quit("usage: client IPADDRESS [PORT]");
	server.sin_port = htons(argc > 2 ? atoi(argv[2]) : 9877);
	if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1)
		err_quit("client: no IPv4 address");
	if (connect(sockfd, (struct sockaddr *)&server, sizeof server) < 0)
		err_sys("connect");
	return sockfd;
}

/* Writes all bytes; a write to a socket may take fewer. */
static inline ssize_t writen(int fd, const char *bytes, size_t count)
{
	for (size_t done = 0; done < count;) {
		ssize_t n = write(fd, bytes + done, count - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		done += n;
	}
	return count;
}

/* Reads `count` bytes, or fewer if the peer's FIN comes before them. */
static inline ssize_t readn(int fd, char *bytes, size_t count)
{
	size_t done = 0;
	while (done < count) {
		ssize_t n = read(fd, bytes + done, count - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		done += n;
	}
	return done;
}

/* Reads a line of at most `room` - 1 bytes, byte by byte: slow, but it keeps nothing back. */
static inline ssize_t readline(int fd, char *line, size_t room)
{
	size_t count = 0;
	while (count < room - 1) {
		ssize_t n = read(fd, line + count, 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0 || line[count++] == '\n')
			break;
	}
	line[count] = 0;
	return count;
}

typedef void handler_of_a_signal(int);

/* signal() of the course (slide 12): interrupted calls are restarted, but not those that SIGALRM
 * interrupts; with NO_RESTART none are, as on systems without SA_RESTART. */
static inline handler_of_a_signal *signal_of_the_course(int number, handler_of_a_signal *handler)
{
	struct sigaction new = {.sa_handler = handler}, old;
	sigemptyset(&new.sa_mask);
	if (number == SIGALRM) {
#ifdef SA_INTERRUPT
		new.sa_flags |= SA_INTERRUPT;
#endif
	} else {
#ifndef NO_RESTART
		new.sa_flags |= SA_RESTART;
#endif
	}
	return sigaction(number, &new, &old) < 0 ? SIG_ERR : old.sa_handler;
}
