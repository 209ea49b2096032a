/* Echo with libevent, in the shape of its book: a bufferevent for each peer, its input moved to its output.
 *
 * Beyond the book's first example: output that waits is bounded by a watermark, as in its proxy,
 * and what was read before the peer's FIN is written before the connection ends. */

#include "start.h"

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>

/* So much output may wait; then nothing is read until half of it is gone. */
enum { OUTPUT_MAX = 64 * 1024 };

static void on_event(struct bufferevent *peer, short what, void *unused);
static void on_read(struct bufferevent *peer, void *unused);

/* How much output the socket has not taken. */
static size_t waiting(struct bufferevent *peer)
{
    return evbuffer_get_length(bufferevent_get_output(peer));
}

/* Half of the output is gone: read again. */
static void on_drained(struct bufferevent *peer, void *unused)
{
    (void)unused;
    bufferevent_setcb(peer, on_read, NULL, on_event, NULL);
    bufferevent_setwatermark(peer, EV_WRITE, 0, 0);
    check(bufferevent_enable(peer, EV_READ) == 0, "bufferevent_enable");
}

/* Moving the input copies nothing. */
static void on_read(struct bufferevent *peer, void *unused)
{
    (void)unused;
    struct evbuffer *output = bufferevent_get_output(peer);
    check(evbuffer_add_buffer(output, bufferevent_get_input(peer)) == 0, "evbuffer_add_buffer");
    if (waiting(peer) >= OUTPUT_MAX) {
        check(bufferevent_disable(peer, EV_READ) == 0, "bufferevent_disable");
        bufferevent_setwatermark(peer, EV_WRITE, OUTPUT_MAX / 2, 0);
        bufferevent_setcb(peer, on_read, on_drained, on_event, NULL);
    }
}

/* Everything is written, and the peer has nothing more to say. */
static void on_finished(struct bufferevent *peer, void *unused)
{
    (void)unused;
    bufferevent_free(peer);
}

/* FIN, or an error. Freeing throws away what waits, so after FIN that is written first. */
static void on_event(struct bufferevent *peer, short what, void *unused)
{
    (void)unused;
    if (what & BEV_EVENT_EOF && waiting(peer) > 0)
        bufferevent_setcb(peer, NULL, on_finished, on_event, NULL);
    else
        bufferevent_free(peer);
}

/* The library has accepted it, and made it non-blocking. */
static void on_connection(struct evconnlistener *listener, evutil_socket_t fd,
                          struct sockaddr *address, int length, void *base)
{
    (void)listener, (void)address, (void)length;
    struct bufferevent *peer = bufferevent_socket_new(base, fd, BEV_OPT_CLOSE_ON_FREE);
    check(peer != NULL, "bufferevent_socket_new");
    bufferevent_setcb(peer, on_read, NULL, on_event, NULL);
    check(bufferevent_enable(peer, EV_READ | EV_WRITE) == 0, "bufferevent_enable");
}

int main(int count, char **arguments)
{
    const char *port_file = port_file_of(count, arguments);
    prepare();
    struct event_base *base = event_base_new();
    check(base != NULL, "event_base_new");
    struct sockaddr_in address = loopback();
    struct evconnlistener *listener =
        evconnlistener_new_bind(base, on_connection, base, LEV_OPT_CLOSE_ON_FREE, BACKLOG,
                                (struct sockaddr *)&address, sizeof address);
    check(listener != NULL, "evconnlistener_new_bind");
    set_no_delay(evconnlistener_get_fd(listener));
    announce(evconnlistener_get_fd(listener), port_file);
    return event_base_dispatch(base);
}
