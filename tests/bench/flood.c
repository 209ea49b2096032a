/* The peer that floods: lines of 64 KiB, as fast as one server takes and returns them.
 *
 * It shares its core with the polite peers, so whatever it does there is time that those wait and
 * that would be taken for the server's. So it copies nothing: what it sends is pages of a file
 * (sendfile(2)), what comes back is thrown away unseen (MSG_TRUNC, tcp(7)), and each system call
 * is over in some ten microseconds. The kernel decides between processes only after one.
 *
 * SIGINT ends it: it sends FIN, waits for the rest, and tells how many bytes came back in how many
 * seconds. It fails if that is not what was sent. */

#define _GNU_SOURCE /* memfd_create */

#include "servers/start.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_BYTES = 64 * 1024,
    /* More than a socket holds: what there is is thrown away at once. */
    READ_BYTES = 64 * 1024 * 1024,
    PATIENCE_MS = 10 * 1000,
};

static volatile sig_atomic_t over;

static void end(int signal)
{
    (void)signal;
    over = true;
}

static double now(void)
{
    struct timespec time;
    check(clock_gettime(CLOCK_MONOTONIC, &time) == 0, "clock_gettime");
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* A file in memory with one line in it. */
static int line(void)
{
    static char bytes[LINE_BYTES];
    memset(bytes, 'x', sizeof bytes);
    bytes[sizeof bytes - 1] = '\n';
    int file = memfd_create("line", 0);
    check(file >= 0, "memfd_create");
    check(write(file, bytes, sizeof bytes) == (ssize_t)sizeof bytes, "write");
    return file;
}

static int connected(const char *host, const char *port)
{
    struct sockaddr_in address = loopback();
    check(inet_pton(AF_INET, host, &address.sin_addr) == 1, host);
    address.sin_port = htons((uint16_t)atoi(port));
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    check(fd >= 0, "socket");
    check(connect(fd, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    check(fcntl(fd, F_SETFL, O_NONBLOCK) == 0, "fcntl");
    return fd;
}

/* Sends of the line what is left of it, from the beginning once it is through. */
static long long send_some(int fd, int file)
{
    static off_t from;
    ssize_t sent = sendfile(fd, file, &from, (size_t)(LINE_BYTES - from));
    check(sent >= 0 || errno == EAGAIN, "sendfile");
    from %= LINE_BYTES;
    return sent > 0 ? sent : 0;
}

/* Returns false at the end. */
static bool receive_some(int fd, long long *received)
{
    ssize_t got = recv(fd, NULL, READ_BYTES, MSG_TRUNC);
    check(got >= 0 || errno == EAGAIN, "recv");
    *received += got > 0 ? got : 0;
    return got != 0;
}

int main(int count, char **arguments)
{
    if (count != 3) {
        fprintf(stderr, "usage: %s HOST PORT\n", arguments[0]);
        return 2;
    }
    check(signal(SIGINT, end) != SIG_ERR, "signal");
    check(signal(SIGPIPE, SIG_IGN) != SIG_ERR, "signal");
    int file = line(), fd = connected(arguments[1], arguments[2]);
    double start = now();
    long long sent = 0, received = 0;
    struct pollfd polled = {.fd = fd, .events = POLLIN | POLLOUT};
    for (bool more = true; more;) {
        if (over && (polled.events & POLLOUT)) {
            polled.events = POLLIN;
            check(shutdown(fd, SHUT_WR) == 0, "shutdown");
        }
        polled.revents = 0;
        int told = poll(&polled, 1, PATIENCE_MS);
        if (told == 0)
            errno = ETIMEDOUT;
        check(told > 0 || errno == EINTR, "poll");
        if (polled.revents & POLLOUT)
            sent += send_some(fd, file);
        if (polled.revents & ~POLLOUT)
            more = receive_some(fd, &received);
    }
    if (received != sent || !over) {
        fprintf(stderr, "%lld bytes sent, %lld received\n", sent, received);
        return EXIT_FAILURE;
    }
    printf("%lld %.3f\n", received, now() - start);
    return EXIT_SUCCESS;
}
