/* One call after the other, as the kernel tells of them: seccomp_unotify(2).
 *
 * Each call is noted, then let go on. Nothing is done in place of a program but three things: a
 * command that is known is answered from memory, by having the kernel execute another program in
 * its place; a pipe that a command inherits is replaced by one of ours; and random bytes are made
 * of the command.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/notes.h"
#include "shared/settings.h"
#include "shared/util.h"
#include "watcher/calls.h"
#include "watcher/filter.h"

#ifndef SECCOMP_ADDFD_FLAG_SEND
#define SECCOMP_ADDFD_FLAG_SEND 2
#endif

static int listener = -1;
static struct seccomp_notif *request;
static struct seccomp_notif_resp *response;
static size_t request_size;

struct thread *the_thread;

/* --- answers to the kernel ------------------------------------------------------------------- */

static void send_reply(int64_t value, int error, uint32_t flags)
{
    memset(response, 0, sizeof *response);
    response->id = request->id;
    response->val = value;
    response->error = error;
    response->flags = flags;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, response);
}

void reply(int64_t value, int error)
{
    send_reply(value, error, 0);
}

static void go_on(void)
{
    send_reply(0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

static int add_descriptor(int descriptor, uint32_t flags, uint32_t number, uint32_t number_flags)
{
    struct seccomp_notif_addfd add = {.id = request->id,
                                      .flags = flags,
                                      .srcfd = (uint32_t)descriptor,
                                      .newfd = number,
                                      .newfd_flags = number_flags};
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &add);
}

void reply_descriptor(int descriptor, uint32_t flags)
{
    if (add_descriptor(descriptor, SECCOMP_ADDFD_FLAG_SEND, 0, flags) >= 0)
        return;
    if (errno != EINVAL) {
        reply(0, -errno);
        return;
    }
    int number = add_descriptor(descriptor, 0, 0, flags); /* before Linux 5.14 */
    reply(number < 0 ? 0 : number, number < 0 ? -errno : 0);
}

int replace_descriptor(int number, int descriptor)
{
    return add_descriptor(descriptor, SECCOMP_ADDFD_FLAG_SETFD, (uint32_t)number, 0) < 0 ? -1 : 0;
}

int call_is_valid(void)
{
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &request->id) == 0;
}

/* --- one call -------------------------------------------------------------------------------- */

/* Answers need a program that is there, as the build sees it. */
static void look_for_answer(void)
{
    if (settings.answer == NULL)
        return;
    const struct state *state = path_state(path_at(settings.answer, strlen(settings.answer)), 1);
    if (state->kind != KIND_FILE || (state->mode & 0111) == 0)
        settings.answer = NULL;
}

static void begin_watching(int thread)
{
    char path[32];
    snprintf(path, sizeof path, "/proc/%d/root", thread);
    paths_set_root(open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
    /* Held until we end: what is mounted there is looked at once more when the build is over. */
    snprintf(path, sizeof path, "/proc/%d/ns/mnt", thread);
    open(path, O_RDONLY | O_CLOEXEC);
    for (size_t i = 0; i < settings.link_count; i++)
        path_state(path_at(settings.links[i], strlen(settings.links[i])), 0);
    look_for_answer();
}

static void requested(struct process *process, const struct seccomp_data *call)
{
    int file;
    switch ((int)call->args[0]) {
    case REQUEST_BUFFER:
        file = notes_give(process);
        if (file < 0)
            reply(0, -ENFILE);
        else
            reply_descriptor(file, O_CLOEXEC);
        break;
    case REQUEST_EMPTY:
        notes_empty(process);
        reply(0, 0);
        break;
    case REQUEST_ANSWER:
        answers_go_on(process, call);
        break;
    case REQUEST_FAILED:
        fails_to_begin(process);
        reply(0, 0);
        break;
    default:
        reply(0, -ENOSYS);
    }
}

/* What it has done is known before its parent goes on; the rest has time. */
static void ends(struct process *process, int code)
{
    if (process->answering == NULL)
        process_register_children(process);
    notes_read(process);
    relays_pass_on();
    if (process->answering != NULL)
        answers_end(process);
    for (struct step *step = process->step; process->is_first && step->process == process->id &&
                                            !step->has_ended;
         step = step->parent) {
        if (code != 0 && process->answering == NULL)
            descriptors_fail(process, step);
        descriptors_end(step);
    }
    go_on();
    process_end(process, code);
}

static void one_call(void)
{
    const struct seccomp_data *call = &request->data;
    peek_anew();
    if (paths_root() < 0)
        begin_watching((int)request->pid);
    struct thread *thread = thread_heard((int)request->pid);
    if (thread == NULL) {
        go_on(); /* it is gone already */
        return;
    }
    struct process *process = thread->process;
    the_thread = thread;
    if (call->arch != OWN_ABI) {
        step_incomplete(process->step, "it called the kernel by another ABI");
        go_on();
        return;
    }
    if (call->args[5] == REQUEST && call->nr == SYS_openat) {
        requested(process, call);
        return;
    }
    if (call->nr == SYS_exit_group) {
        ends(process, (int)call->args[0] & 0xff);
        return;
    }
    if (gives_random(process, call))
        return;
    if (process->answering == NULL)
        thread_changes_are_done(thread);
    thread->look_count = 0;
    uint32_t before = changes_count();
    int error = take_call(process, call);
    if (changes_count() > before) {
        thread->changes_from = before;
        thread->changes_to = changes_count();
        if (process->answering == NULL)
            wait_for_clock();
    }
    if (error != 0)
        reply(0, error);
    else
        go_on();
}

/* --- all of them ------------------------------------------------------------------------------ */

static void make_room(void)
{
    struct seccomp_notif_sizes sizes;
    if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0)
        memset(&sizes, 0, sizeof sizes);
    request_size = sizes.seccomp_notif > sizeof *request ? sizes.seccomp_notif : sizeof *request;
    request = take(request_size);
    response = take(sizes.seccomp_notif_resp > sizeof *response ? sizes.seccomp_notif_resp
                                                                : sizeof *response);
}

void listen_to(int descriptor)
{
    static struct pollfd *states;
    static size_t room;
    listener = descriptor;
    make_room();
    /* Let the kernel put watcher and watched on one processor in turn: Linux 6.6. */
    ioctl(listener, SECCOMP_IOW(4, uint64_t), 1UL);
    states = grow(states, &room, 0, sizeof *states);
    for (;;) {
        size_t count = relays_wait_for(&states, &room);
        states[0] = (struct pollfd){.fd = listener, .events = POLLIN};
        if (poll(states, count, -1) < 0 && errno != EINTR)
            break;
        if (count > 1)
            relays_pass_on();
        if (states[0].revents & POLLHUP && !(states[0].revents & POLLIN))
            break;
        if (!(states[0].revents & POLLIN))
            continue;
        memset(request, 0, request_size);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, request) == 0)
            one_call();
        else if (errno != EINTR && errno != ENOENT)
            break;
    }
    processes_run_within(the_root_step);
}
