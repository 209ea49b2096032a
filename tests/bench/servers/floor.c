/* The floor: the least that can echo, a bare edge-triggered epoll loop. What the daemon is compared with.
 *
 * It counts nothing, logs nothing and has no timeouts. What it does do is right: not a byte is
 * lost, a half-close gets the rest and then FIN, and a peer that does not read costs one buffer.
 *
 * A socket is registered once, for both directions. Two system calls echo a line: a read that
 * did not fill the buffer has emptied the socket, so none is made to prove it. */

#define _GNU_SOURCE /* accept4 */

#include "start.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 1024,
    BUFFER_BYTES = 64 * 1024,
    /* A peer that never stops sending lets the others in after so many reads. */
    READS_MAX = 16,
    INTEREST = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI | EPOLLET,
    /* With one of these a short read proves nothing: FIN came in the same event, or an urgent
     * byte has stopped the read at its mark. */
    TO_END = EPOLLRDHUP | EPOLLPRI | EPOLLHUP | EPOLLERR,
};

/* Output that the socket did not take. While there is some, nothing is read. */
struct held {
    size_t from, to;
    char bytes[];
};

static int epoll;
static int listener;
/* The slot of each connection, by descriptor: NULL unless something is held. */
static struct held **slots;
/* Lent to every connection in its turn, so that none has one of its own. */
static char buffer[BUFFER_BYTES];

static void end(int fd)
{
    free(slots[fd]);
    slots[fd] = NULL;
    close(fd);
}

static void hold(int fd, const char *bytes, size_t length)
{
    struct held *held = malloc(sizeof *held + length);
    check(held != NULL, "malloc");
    held->from = 0;
    held->to = length;
    memcpy(held->bytes, bytes, length);
    slots[fd] = held;
}

/* Returns how much the socket took: nothing if it would block, less than nothing if it is broken. */
static ssize_t offer(int fd, const char *bytes, size_t length)
{
    ssize_t taken = send(fd, bytes, length, MSG_NOSIGNAL);
    return taken < 0 && errno == EAGAIN ? 0 : taken;
}

/* Writes what is held, and returns true if nothing is left of it. */
static bool flush(int fd)
{
    struct held *held = slots[fd];
    ssize_t taken = offer(fd, held->bytes + held->from, held->to - held->from);
    if (taken < 0) {
        end(fd);
        return false;
    }
    held->from += (size_t)taken;
    if (held->from < held->to)
        return false;
    free(held);
    slots[fd] = NULL;
    return true;
}

/* Reads and writes until the socket is empty, takes no more, or has had its share. */
static void echo(int fd, bool to_end)
{
    for (int reads = 0; reads < READS_MAX; reads++) {
        ssize_t length = recv(fd, buffer, sizeof buffer, 0);
        if (length < 0 && errno == EAGAIN)
            return;
        if (length <= 0) {
            end(fd);
            return;
        }
        ssize_t taken = offer(fd, buffer, (size_t)length);
        if (taken < 0) {
            end(fd);
            return;
        }
        if (taken < length) {
            hold(fd, buffer + taken, (size_t)(length - taken));
            return;
        }
        if (length < BUFFER_BYTES && !to_end)
            return;
    }
    /* An edge is told once: have what is left told again, after the others. */
    struct epoll_event again = {.events = INTEREST, .data.fd = fd};
    check(epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &again) == 0, "epoll_ctl");
}

static void serve(int fd, uint32_t events)
{
    if (slots[fd] == NULL) {
        /* A new socket is told as writable, which is no news. */
        if (events & ~(uint32_t)EPOLLOUT)
            echo(fd, events & TO_END);
    } else if (flush(fd)) {
        /* What arrived meanwhile has been told already, its end perhaps too. */
        echo(fd, true);
    }
}

/* One of those who wait; the listener is told again while there is another. That spares the call
 * that would say that nobody is left, and a failure is simply tried again. */
static void accept_one(void)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct epoll_event event = {.events = INTEREST, .data.fd = fd};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl");
}

static void listen_and_announce(const char *port_file)
{
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    check(listener >= 0, "socket");
    struct sockaddr_in address = loopback();
    check(bind(listener, (struct sockaddr *)&address, sizeof address) == 0, "bind");
    set_no_delay(listener);
    check(listen(listener, BACKLOG) == 0, "listen");
    epoll = epoll_create1(0);
    check(epoll >= 0, "epoll_create1");
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener};
    check(epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event) == 0, "epoll_ctl");
    announce(listener, port_file);
}

int main(int count, char **arguments)
{
    const char *port_file = port_file_of(count, arguments);
    slots = calloc(prepare(), sizeof *slots);
    check(slots != NULL, "calloc");
    listen_and_announce(port_file);
    static struct epoll_event events[EVENTS_MAX];
    for (;;) {
        int told = epoll_wait(epoll, events, EVENTS_MAX, -1);
        check(told >= 0 || errno == EINTR, "epoll_wait");
        /* A batch names a descriptor once, so none that is closed in it is named again. */
        for (int event = 0; event < told; event++) {
            if (events[event].data.fd == listener)
                accept_one();
            else
                serve(events[event].data.fd, events[event].events);
        }
    }
}
