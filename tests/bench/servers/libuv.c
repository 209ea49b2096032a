/* Echo with libuv, in the shape of its guide: a buffer for each read, handed on to the write.
 *
 * Beyond the guide: what was read before the peer's FIN is written before the connection ends,
 * and while output waits, nothing is read. */

#include "start.h"

#include <stdbool.h>
#include <uv.h>

/* One peer. `data` of its handle is set while it is not read. */
struct connection {
    uv_tcp_t handle;
    uv_shutdown_t last;
};

/* One write, and the memory that it writes from. */
struct output {
    uv_write_t request;
    uv_buf_t bytes;
};

static uv_loop_t *loop;

static void on_closed(uv_handle_t *handle)
{
    free(handle); /* the first member of its connection */
}

/* An error may come while it is closing already: closing also ends the writes that wait. */
static void end(uv_stream_t *peer)
{
    if (!uv_is_closing((uv_handle_t *)peer))
        uv_close((uv_handle_t *)peer, on_closed);
}

static void on_shut_down(uv_shutdown_t *request, int status)
{
    (void)status;
    end(request->handle);
}

/* The library suggests 64 KiB; the buffer is returned when it has been written. */
static void on_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *bytes)
{
    (void)handle;
    bytes->base = malloc(suggested);
    bytes->len = bytes->base == NULL ? 0 : suggested;
}

static void on_read(uv_stream_t *peer, ssize_t length, const uv_buf_t *bytes);

/* The socket has taken an output, or will never take it. */
static void on_written(uv_write_t *request, int status)
{
    uv_stream_t *peer = request->handle;
    struct output *output = (struct output *)request;
    free(output->bytes.base);
    free(output);
    if (status < 0) {
        end(peer);
    } else if (peer->data != NULL && uv_stream_get_write_queue_size(peer) == 0) {
        peer->data = NULL;
        if (uv_read_start(peer, on_wanted, on_read) != 0)
            end(peer);
    }
}

/* The library writes at once what the socket takes, and waits with the rest. */
static void write_back(uv_stream_t *peer, char *bytes, size_t length)
{
    struct output *output = malloc(sizeof *output);
    check(output != NULL, "malloc");
    output->bytes = uv_buf_init(bytes, (unsigned)length);
    if (uv_write(&output->request, peer, &output->bytes, 1, on_written) != 0) {
        free(bytes);
        free(output);
        end(peer);
    } else if (uv_stream_get_write_queue_size(peer) > 0) {
        /* The socket did not take it all: one buffer waits, and no second one is read. */
        uv_read_stop(peer);
        peer->data = peer;
    }
}

static void on_read(uv_stream_t *peer, ssize_t length, const uv_buf_t *bytes)
{
    if (length > 0) {
        write_back(peer, bytes->base, (size_t)length);
        return;
    }
    free(bytes->base);
    if (length == 0)
        return; /* it would block, which is no end */
    struct connection *connection = (struct connection *)peer;
    /* Closing would throw away what waits; with nothing waiting it says FIN as well. */
    bool waits = length == UV_EOF && uv_stream_get_write_queue_size(peer) > 0;
    if (!waits || uv_shutdown(&connection->last, peer, on_shut_down) != 0)
        end(peer);
}

/* One that fails to be accepted is that peer's loss. */
static void on_connection(uv_stream_t *listener, int status)
{
    if (status < 0)
        return;
    struct connection *connection = calloc(1, sizeof *connection);
    check(connection != NULL, "calloc");
    uv_stream_t *peer = (uv_stream_t *)&connection->handle;
    check(uv_tcp_init(loop, &connection->handle) == 0, "uv_tcp_init");
    if (uv_accept(listener, peer) != 0 || uv_read_start(peer, on_wanted, on_read) != 0)
        end(peer);
}

int main(int count, char **arguments)
{
    const char *port_file = port_file_of(count, arguments);
    prepare();
    loop = uv_default_loop();
    uv_tcp_t listener;
    struct sockaddr_in address = loopback();
    check(uv_tcp_init(loop, &listener) == 0, "uv_tcp_init");
    check(uv_tcp_bind(&listener, (struct sockaddr *)&address, 0) == 0, "uv_tcp_bind");
    uv_os_fd_t fd;
    check(uv_fileno((uv_handle_t *)&listener, &fd) == 0, "uv_fileno");
    set_no_delay(fd);
    check(uv_listen((uv_stream_t *)&listener, BACKLOG, on_connection) == 0, "uv_listen");
    announce(fd, port_file);
    return uv_run(loop, UV_RUN_DEFAULT);
}
