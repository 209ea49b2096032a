/* What the comparison servers in C do alike before they serve: limits, SIGPIPE, and saying where they listen. */

#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

/* As many as the daemon lets wait in the kernel. */
enum { BACKLOG = 4096 };

/* A table by descriptor must not become gigabytes where the limit is as good as none. */
enum { DESCRIPTORS_MAX = 1 << 20 };

/* Our own failure ends the program, with the system's word for it. */
static inline void check(int good, const char *what)
{
    if (!good) {
        perror(what);
        exit(EXIT_FAILURE);
    }
}

/* Takes all the descriptors there may be, and returns how many; a peer that is gone is an error
 * of a write, not the end of the process. SIGTERM is left as it is: it ends the process. */
static inline size_t prepare(void)
{
    struct rlimit limit;
    check(getrlimit(RLIMIT_NOFILE, &limit) == 0, "getrlimit");
    limit.rlim_cur = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
    check(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit");
    check(signal(SIGPIPE, SIG_IGN) != SIG_ERR, "signal");
    return limit.rlim_cur;
}

/* Any free port of the one address that is compared on. */
static inline struct sockaddr_in loopback(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* On Linux a connection inherits this from its listener, at no system call of its own. */
static inline void set_no_delay(int listener)
{
    int on = 1;
    int set = setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    check(set == 0, "TCP_NODELAY");
}

/* Writes the listener's address to a file, which appears as a whole or not at all. */
static inline void announce(int listener, const char *port_file)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    check(getsockname(listener, (struct sockaddr *)&address, &length) == 0, "getsockname");
    char unfinished[4096];
    int written = snprintf(unfinished, sizeof unfinished, "%s.new", port_file);
    check(written > 0 && (size_t)written < sizeof unfinished, port_file);
    FILE *file = fopen(unfinished, "w");
    check(file != NULL, unfinished);
    fprintf(file, "127.0.0.1:%d\n", ntohs(address.sin_port));
    check(fclose(file) == 0, unfinished);
    check(rename(unfinished, port_file) == 0, port_file);
}

/* The only argument of each server. */
static inline const char *port_file_of(int count, char **arguments)
{
    if (count != 2) {
        fprintf(stderr, "usage: %s PORT_FILE\n", arguments[0]);
        exit(2);
    }
    return arguments[1];
}
