/* Pipes of ours in the place of those that a command inherits. Nobody can see what a program writes
 * to descriptor 6, but how much came out of a pipe. It is passed on at once. A command of which more
 * came than it was seen to print isn't remembered. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "shared/util.h"
#include "watcher/calls.h"

enum { PIECE = 1 << 16 };

struct relay {
    struct relay *next;
    int from, to;
    uint64_t passed_on;
    uint8_t waits; /* until the other pipe has room */
};

static struct relay *relays;

struct relay *relay_begin(int to, int *end)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        close(to);
        return NULL;
    }
    struct relay *relay = take(sizeof *relay);
    relay->from = ends[0];
    relay->to = to;
    relay->next = relays;
    relays = relay;
    *end = ends[1];
    return relay;
}

uint64_t relay_passed_on(const struct relay *relay)
{
    int waiting = 0; /* the other pipe has no room */
    if (relay->from >= 0)
        ioctl(relay->from, FIONREAD, &waiting);
    return relay->passed_on + (uint64_t)waiting;
}

/* 0: it is over. */
static int pass_on(struct relay *relay)
{
    for (;;) {
        struct pollfd state = {.fd = relay->from, .events = POLLIN};
        relay->waits = 0;
        if (poll(&state, 1, 0) <= 0 || !(state.revents & (POLLIN | POLLHUP)))
            return 1;
        ssize_t done = splice(relay->from, NULL, relay->to, NULL, PIECE, SPLICE_F_NONBLOCK);
        if (done == 0)
            return 0;
        if (done < 0 && errno == EAGAIN) {
            relay->waits = 1;
            return 1;
        }
        if (done < 0 && errno != EINTR)
            return 0; /* nobody reads: who writes is told so */
        if (done > 0)
            relay->passed_on += (uint64_t)done;
    }
}

void relays_pass_on(void)
{
    for (struct relay **at = &relays; *at != NULL;) {
        struct relay *relay = *at;
        if (pass_on(relay)) {
            at = &relay->next;
            continue;
        }
        close(relay->from);
        close(relay->to);
        relay->from = relay->to = -1;
        *at = relay->next;
    }
}

size_t relays_wait_for(struct pollfd **states, size_t *room)
{
    size_t count = 1;
    for (struct relay *relay = relays; relay != NULL; relay = relay->next) {
        *states = grow(*states, room, count, sizeof **states);
        (*states)[count++] = relay->waits ? (struct pollfd){.fd = relay->to, .events = POLLOUT}
                                          : (struct pollfd){.fd = relay->from, .events = POLLIN};
    }
    return count;
}
