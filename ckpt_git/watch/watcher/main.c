/* ckpt-watch: runs a command, sees all that it and its descendants do, and answers from memory.
 *
 *   ckpt-watch watch SETTINGS SOCKET COMMAND …   the watcher; ends as COMMAND ends
 *   ckpt-watch launch SOCKET COMMAND …           in COMMAND's place, inside of a sandbox: puts
 *                                                itself under the filter, and executes the rest
 *
 *   ckpt-watch check TOOLCHAIN OBJECTS           whether the system is as a build saw it; 1, and a
 *                                                path, where it isn't
 *
 * SETTINGS and SOCKET are numbers of descriptors: SOCKET is one that COMMAND is given, and leaves to
 * `launch`. SETTINGS is read to its end once COMMAND runs: pairs, name and value, each with a NUL at its end:
 *
 *   root PATH, temporary PATH   folders that the build may change, as it sees them
 *   link PATH                   a symbolic link among the sources
 *   memory PATH                 an earlier build's memory; those that come first are asked first
 *   objects PATH                the folder of the contents that memories name
 *   name TEXT                   a hash of 32 bytes that is another one in each build, a blank, and
 *                               what a memory has in its place; before all memories
 *   passing NAME                a variable that is no input of a command
 *   pack PATH                   a file that has objects, too: behind `objects`
 *   pack_into PATH              where one is written of what this build's memory has
 *   into PATH                   where this build's memory is written; it isn't there yet
 *   system PATH, toolchain PATH folders of the system, and where what was read of them is written
 *   report PATH                 where it is told what was run and why, as JSON
 *   preload PATH, answer PATH   the library, and the program that answers, as the build sees them
 *   seed TEXT                   of the random bytes that commands are given
 *   answers 0|1                 whether commands are answered from memory
 *   databases 0|1               whether that goes for those that leave a database of files' dates
 *   shut_in 0|1                 whether nothing but the roots can be written
 */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory/placeholders.h"
#include "memory/remember.h"
#include "shared/settings.h"
#include "shared/util.h"
#include "watcher/calls.h"
#include "watcher/filter.h"

enum { EXIT_USAGE = 64, EXIT_UNWATCHED = 121 };

struct settings settings;

static const char *memory_into, *pack_into, *toolchain_into, *report_into;
static pid_t child;

static int send_descriptor(int to, int descriptor)
{
    char byte = 0, control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    head->cmsg_level = SOL_SOCKET;
    head->cmsg_type = SCM_RIGHTS;
    head->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(head), &descriptor, sizeof descriptor);
    return sendmsg(to, &message, 0) == 1 ? 0 : -1;
}

static int receive_descriptor(int from)
{
    char byte, control[CMSG_SPACE(sizeof(int))];
    struct iovec part = {&byte, 1};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};
    ssize_t got;
    do
        got = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
    while (got < 0 && errno == EINTR);
    struct cmsghdr *head = got == 1 ? CMSG_FIRSTHDR(&message) : NULL;
    if (head == NULL || head->cmsg_type != SCM_RIGHTS)
        return -1;
    int descriptor;
    memcpy(&descriptor, CMSG_DATA(head), sizeof descriptor);
    return descriptor;
}

/* A build begins with the same ones, whoever starts it. libc has two that it lets nobody set. */
static void reset_signals(void)
{
    static const char standard[64]; /* SIG_DFL, no flags, none blocked meanwhile */
    for (int number = 1; number < NSIG; number++)
        syscall(SYS_rt_sigaction, number, standard, NULL, (NSIG - 1) / 8);
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, standard, NULL, (NSIG - 1) / 8);
}

static int launch(int to, char **command)
{
    reset_signals();
    int listener = filter_install();
    if (listener < 0) {
        fprintf(stderr, "ckpt-watch: the build can't be watched: %s\n", strerror(-listener));
        return EXIT_UNWATCHED;
    }
    if (send_descriptor(to, listener) != 0)
        return EXIT_UNWATCHED;
    close(listener);
    close(to);
    execvp(command[0], command);
    fprintf(stderr, "ckpt-watch: %s: %s\n", command[0], strerror(errno));
    return 127;
}

static char *read_whole(int file, size_t *size)
{
    size_t room = 1 << 16, done = 0;
    char *text = malloc(room + 1);
    while (text != NULL) {
        ssize_t got = read(file, text + done, room - done);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        done += (size_t)got;
        if (done == room) {
            room *= 2;
            text = realloc(text, room + 1);
        }
    }
    if (text != NULL)
        text[done] = '\0';
    *size = done;
    return text;
}

static int set(const char *name, const char *value)
{
    static size_t link_room, passing_room;
    if (strcmp(name, "root") == 0 || strcmp(name, "temporary") == 0) {
        paths_add_root(value, name[0] == 't');
    } else if (strcmp(name, "link") == 0) {
        settings.links = grow(settings.links, &link_room, settings.link_count, sizeof(char *));
        settings.links[settings.link_count++] = value;
    } else if (strcmp(name, "memory") == 0) {
        memory_open(value, value);
    } else if (strcmp(name, "objects") == 0) {
        the_objects = objects_open(value);
        if (the_objects == NULL)
            return -1;
        the_digests = objects_digests(the_objects);
    } else if (strcmp(name, "name") == 0) {
        return add_given_name(value);
    } else if (strcmp(name, "passing") == 0) {
        settings.passing =
            grow(settings.passing, &passing_room, settings.passing_count, sizeof(char *));
        settings.passing[settings.passing_count++] = value;
    } else if (strcmp(name, "pack") == 0) {
        return the_objects == NULL ? -1 : objects_add_pack(the_objects, value);
    } else if (strcmp(name, "pack_into") == 0) {
        pack_into = value;
    } else if (strcmp(name, "into") == 0) {
        memory_into = value;
    } else if (strcmp(name, "system") == 0) {
        paths_add_system(value);
    } else if (strcmp(name, "toolchain") == 0) {
        toolchain_into = value;
    } else if (strcmp(name, "report") == 0) {
        report_into = value;
    } else if (strcmp(name, "preload") == 0) {
        settings.preload = value;
    } else if (strcmp(name, "answer") == 0) {
        settings.answer = value;
    } else if (strcmp(name, "seed") == 0) {
        settings.seed = value;
    } else if (strcmp(name, "answers") == 0) {
        settings.answers = value[0] == '1';
    } else if (strcmp(name, "databases") == 0) {
        settings.puts_databases = value[0] == '1';
    } else if (strcmp(name, "shut_in") == 0) {
        settings.is_shut_in = value[0] == '1';
    } else {
        return -1;
    }
    return 0;
}

static int read_settings(int file)
{
    size_t size = 0;
    char *text = read_whole(file, &size);
    if (text == NULL)
        return -1;
    for (char *at = text; at < text + size;) {
        char *value = at + strlen(at) + 1;
        if (value >= text + size + 1 || set(at, value) != 0)
            return -1;
        at = value + strlen(value) + 1;
    }
    return 0;
}

static void pass_on(int number)
{
    if (child > 0)
        kill(child, number);
}

/* Each process that runs takes a few descriptors of ours. */
static void raise_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int watch(int settings_file, int socket_number, char **command)
{
    int pair[2];
    /* Whoever started us is to find nothing of the build when it is gone. */
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return EXIT_UNWATCHED;
    fcntl(settings_file, F_SETFD, FD_CLOEXEC);
    struct sigaction action = {.sa_handler = pass_on};
    sigaction(SIGTERM, &action, NULL);
    child = fork();
    if (child == 0) {
        signal(SIGTERM, SIG_DFL);
        if (pair[1] == socket_number)
            fcntl(pair[1], F_SETFD, 0);
        else if (dup2(pair[1], socket_number) < 0)
            _exit(EXIT_UNWATCHED);
        execvp(command[0], command);
        fprintf(stderr, "ckpt-watch: %s: %s\n", command[0], strerror(errno));
        _exit(127);
    }
    close(pair[1]);
    signal(SIGPIPE, SIG_IGN);
    raise_limit();
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int i = 0; i < 3; i++)
        dup2(nowhere, i); /* who reads the build's output has to see its end */
    paths_begin();
    int is_understood = read_settings(settings_file) == 0;
    close(settings_file);
    the_root_step = step_begin(NULL, 0);
    if (!is_understood)
        kill(child, SIGTERM);
    int listener = receive_descriptor(pair[0]);
    close(pair[0]);
    if (listener >= 0)
        listen_to(listener);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    child = 0;
    if (listener >= 0 && memory_into != NULL) {
        int error = memory_write(AT_FDCWD, memory_into);
        if (error == 0 && pack_into != NULL)
            error = memory_write_pack(pack_into);
        if (error == 0 && toolchain_into != NULL)
            error = memory_write_system(AT_FDCWD, toolchain_into);
        if (error != 0)
            step_incomplete(the_root_step, "its memory could not be written: %s", strerror(-error));
    }
    if (report_into != NULL) {
        if (listener < 0)
            step_incomplete(the_root_step, "it could not be watched");
        FILE *report = fopen(report_into, "we");
        if (report != NULL) {
            memory_report(report);
            fclose(report);
        }
    }
    if (the_digests != NULL)
        digests_save(the_digests);
    if (WIFSIGNALED(status)) {
        signal(WTERMSIG(status), SIG_DFL);
        kill(getpid(), WTERMSIG(status));
    }
    return WEXITSTATUS(status);
}

/* Whether all that a toolchain's file names is as it was; else the first path that isn't. */
static int check(const char *toolchain, const char *objects)
{
    paths_begin();
    paths_set_root(open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
    struct memory *seen = memory_open(toolchain, toolchain);
    if (seen == NULL || set("objects", objects) != 0) {
        fprintf(stderr, "ckpt-watch: %s can't be read\n", seen == NULL ? toolchain : objects);
        return EXIT_USAGE;
    }
    const char *differs = memory_differs(seen);
    digests_save(the_digests);
    if (differs == NULL)
        return 0;
    puts(differs);
    return 1;
}

int main(int count, char **arguments)
{
    if (count >= 4 && strcmp(arguments[1], "launch") == 0)
        return launch(atoi(arguments[2]), arguments + 3);
    if (count >= 5 && strcmp(arguments[1], "watch") == 0)
        return watch(atoi(arguments[2]), atoi(arguments[3]), arguments + 4);
    if (count == 4 && strcmp(arguments[1], "check") == 0)
        return check(arguments[2], arguments[3]);
    fputs("usage: ckpt-watch watch SETTINGS SOCKET COMMAND …\n"
          "       ckpt-watch launch SOCKET COMMAND …\n"
          "       ckpt-watch check TOOLCHAIN OBJECTS\n",
          stderr);
    return EXIT_USAGE;
}
