/* Does one thing to files or processes, named by its first argument: what a build's programs may
 * do, in each way that there is. Part of the tests of watching. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static void need(int holds, const char *what)
{
    if (holds)
        return;
    dprintf(2, "probe: %s: %s\n", what, strerror(errno));
    _exit(9);
}

static void put(int from, int to)
{
    char bytes[4096];
    ssize_t got;
    while ((got = read(from, bytes, sizeof bytes)) > 0)
        need(write(to, bytes, (size_t)got) == got, "write");
    need(got == 0, "read");
}

static void print(const char *name)
{
    int file = open(name, O_RDONLY);
    need(file >= 0, name);
    put(file, 1);
    close(file);
}

static void save(const char *name, int flags, const char *text)
{
    int file = open(name, flags, 0644);
    need(file >= 0, name);
    need(write(file, text, strlen(text)) == (ssize_t)strlen(text), "write");
    close(file);
}

static void wait_for(pid_t child)
{
    int status;
    need(child > 0 && waitpid(child, &status, 0) == child, "child");
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0)
        _exit(WEXITSTATUS(status));
}

struct open_manner {
    uint64_t flags, mode, resolve;
};

static void *print_in_thread(void *name)
{
    int file = open(name, O_RDONLY);
    need(file >= 0, name);
    char *bytes = calloc(1, 4096);
    need(read(file, bytes, 4095) >= 0, "read");
    close(file);
    return bytes;
}

static int do_it(int count, char **a)
{
    const char *what = a[1];
#define IS(name, number) (strcmp(what, name) == 0 && count >= 2 + (number))
    if (IS("read", 1)) {
        print(a[2]);
    } else if (IS("stdin", 0)) {
        put(0, 1);
    } else if (IS("stdin-bytes", 1)) {
        char bytes[64];
        size_t size = (size_t)atoi(a[2]);
        need(read(0, bytes, size) >= 0 && write(1, bytes, size) > 0, "stdin");
    } else if (IS("openat2", 1)) {
        struct open_manner how = {.flags = O_RDONLY};
        int file = (int)syscall(437, AT_FDCWD, a[2], &how, sizeof how);
        need(file >= 0, a[2]);
        put(file, 1);
    } else if (IS("at", 2)) { /* relative to a folder's descriptor */
        int folder = open(a[2], O_RDONLY | O_DIRECTORY);
        int file = openat(folder, a[3], O_RDONLY);
        need(file >= 0, a[3]);
        put(file, 1);
    } else if (IS("fchdir", 2)) {
        int folder = open(a[2], O_RDONLY | O_DIRECTORY);
        need(fchdir(folder) == 0, "fchdir");
        print(a[3]);
    } else if (IS("mmap", 1)) {
        int file = open(a[2], O_RDONLY);
        struct stat found;
        need(file >= 0 && fstat(file, &found) == 0, a[2]);
        char *bytes = mmap(NULL, (size_t)found.st_size, PROT_READ, MAP_PRIVATE, file, 0);
        need(bytes != MAP_FAILED, "mmap");
        need(write(1, bytes, (size_t)found.st_size) > 0, "write");
    } else if (IS("stat", 1)) {
        struct stat found;
        if (stat(a[2], &found) != 0)
            printf("missing\n");
        else
            printf("%o %lld\n", found.st_mode, (long long)found.st_size);
    } else if (IS("fstat", 1)) {
        struct stat found;
        int file = open(a[2], O_RDONLY);
        need(file >= 0 && fstat(file, &found) == 0, a[2]);
        printf("%o %lld\n", found.st_mode, (long long)found.st_size);
#ifdef STATX_TYPE /* musl hasn't */
    } else if (IS("statx", 1)) {
        struct statx found;
        if (statx(AT_FDCWD, a[2], 0, STATX_BASIC_STATS, &found) != 0)
            printf("missing\n");
        else
            printf("%o %lld\n", found.stx_mode, (long long)found.stx_size);
#endif
    } else if (IS("access", 1)) {
        printf("%d\n", access(a[2], X_OK) == 0);
    } else if (IS("eaccess", 1)) {
        printf("%d\n", eaccess(a[2], X_OK) == 0);
    } else if (IS("readlink", 1)) {
        char target[4096] = "";
        need(readlink(a[2], target, sizeof target - 1) >= 0, a[2]);
        printf("%s\n", target);
    } else if (IS("write", 2)) {
        save(a[2], O_WRONLY | O_CREAT | O_TRUNC, a[3]);
    } else if (IS("append", 2)) {
        save(a[2], O_WRONLY | O_CREAT | O_APPEND, a[3]);
    } else if (IS("overwrite", 2)) {
        save(a[2], O_RDWR, a[3]);
    } else if (IS("mmap-write", 2)) {
        int file = open(a[2], O_RDWR | O_CREAT, 0644);
        size_t size = strlen(a[3]);
        need(file >= 0 && ftruncate(file, (off_t)size) == 0, a[2]);
        char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        need(bytes != MAP_FAILED, "mmap");
        close(file);
        memcpy(bytes, a[3], size);
    } else if (IS("unnamed", 3)) { /* O_TMPFILE, which gets a name later */
        int file = open(a[2], O_TMPFILE | O_RDWR, 0644);
        need(file >= 0 && write(file, a[4], strlen(a[4])) > 0, a[2]);
        char name[64];
        snprintf(name, sizeof name, "/proc/self/fd/%d", file);
        need(linkat(AT_FDCWD, name, AT_FDCWD, a[3], AT_SYMLINK_FOLLOW) == 0, a[3]);
    } else if (IS("exchange", 2)) {
        need(syscall(SYS_renameat2, AT_FDCWD, a[2], AT_FDCWD, a[3], 2) == 0, "renameat2");
    } else if (IS("link", 2)) {
        need(link(a[2], a[3]) == 0, "link");
    } else if (IS("chmod", 2)) {
        need(chmod(a[3], (mode_t)strtol(a[2], NULL, 8)) == 0, "chmod");
    } else if (IS("run-spawn", 1)) {
        pid_t child = 0;
        need(posix_spawnp(&child, a[2], NULL, NULL, a + 2, environ) == 0, a[2]);
        wait_for(child);
    } else if (IS("run-spawn-path", 1)) {
        pid_t child = 0;
        need(posix_spawn(&child, a[2], NULL, NULL, a + 2, environ) == 0, a[2]);
        wait_for(child);
    } else if (IS("run-vfork", 1)) {
        pid_t child = vfork();
        if (child == 0) {
            execvp(a[2], a + 2);
            _exit(127);
        }
        wait_for(child);
    } else if (IS("run-fork", 1)) {
        pid_t child = fork();
        if (child == 0) {
            execvp(a[2], a + 2);
            _exit(127);
        }
        wait_for(child);
    } else if (IS("run-execve", 1)) { /* by a whole path */
        pid_t child = fork();
        if (child == 0) {
            execve(a[2], a + 2, environ);
            _exit(127);
        }
        wait_for(child);
    } else if (IS("run-system", 1)) {
        int status = system(a[2]);
        need(status != -1, "system");
        return WEXITSTATUS(status);
    } else if (IS("run-popen", 1)) {
        FILE *from = popen(a[2], "r");
        need(from != NULL, "popen");
        for (int c; (c = getc(from)) != EOF;)
            putchar(c == 'a' ? 'A' : c);
        return WEXITSTATUS(pclose(from));
    } else if (IS("exec", 1)) {
        execvp(a[2], a + 2);
        need(0, a[2]);
    } else if (IS("fork-read", 1)) { /* a child that executes nothing */
        pid_t child = fork();
        if (child == 0) {
            print(a[2]);
            _exit(0);
        }
        wait_for(child);
    } else if (IS("fork-both", 2)) { /* parent and child go on and look at the same time */
        int go[2];
        need(pipe(go) == 0, "pipe");
        pid_t child = fork();
        if (child == 0) {
            char byte;
            need(read(go[0], &byte, 1) == 1, "pipe");
            print(a[3]);
            _exit(0);
        }
        for (int i = 0; i < 20; i++) { /* noted, each of them */
            char name[64];
            snprintf(name, sizeof name, "not-there-%d", i);
            access(name, F_OK);
        }
        print(a[2]);
        need(write(go[1], "x", 1) == 1, "pipe");
        wait_for(child);
    } else if (IS("fork-twice", 2)) { /* a grandchild that nobody waits for, but by a pipe */
        int done[2];
        need(pipe(done) == 0, "pipe");
        pid_t child = fork();
        if (child == 0) {
            if (fork() != 0)
                _exit(0);
            close(done[0]);
            int from = open(a[2], O_RDONLY), to = open(a[3], O_WRONLY | O_CREAT, 0644);
            put(from, to);
            _exit(0);
        }
        wait_for(child);
        close(done[1]);
        char byte;
        need(read(done[0], &byte, 1) == 0, "pipe");
    } else if (IS("fork-then-exec", 3)) { /* the child looks when its parent is another program */
        int go[2];
        need(pipe(go) == 0, "pipe");
        if (fork() == 0) {
            char byte;
            close(go[1]);
            need(read(go[0], &byte, 1) == 0, "pipe"); /* ends with the parent's exec */
            int from = open(a[2], O_RDONLY), to = open(a[3], O_WRONLY | O_CREAT, 0644);
            put(from, to);
            _exit(0);
        }
        fcntl(go[1], F_SETFD, FD_CLOEXEC);
        close(go[0]);
        execvp(a[4], a + 4);
        need(0, a[4]);
    } else if (IS("daemon", 3)) { /* goes on for so many ms, then writes */
        if (fork() == 0) {
            setsid();
            usleep((useconds_t)atoi(a[2]) * 1000);
            save(a[3], O_WRONLY | O_CREAT, a[4]);
            _exit(0);
        }
    } else if (IS("kill", 1)) { /* reads, then dies of a signal */
        int file = open(a[2], O_RDONLY);
        char byte = 'n';
        need(file >= 0 && read(file, &byte, 1) >= 0, a[2]);
        if (byte == 'k')
            raise(SIGKILL);
        if (byte == 's')
            raise(SIGSEGV);
    } else if (IS("exit", 1)) { /* past libc, by the call that ends a thread */
        print(a[2]);
        syscall(SYS_exit, 0);
    } else if (IS("close-all", 1)) {
        for (int i = 3; i < 1024; i++)
            close(i);
        print(a[2]);
    } else if (IS("close-and-write", 2)) { /* 0, 1 and 2 as well */
        for (int i = 0; i < 1024; i++)
            close(i);
        save(a[2], O_WRONLY | O_CREAT, a[3]);
    } else if (IS("say-elsewhere", 1)) { /* through another descriptor */
        int copy = dup(1);
        need(dprintf(copy, "%s\n", a[2]) > 0, "write");
    } else if (IS("say-by-name", 2)) {
        save(a[2], O_WRONLY, a[3]);
    } else if (IS("say-sendfile", 1)) {
        int file = open(a[2], O_RDONLY);
        if (sendfile(1, file, NULL, 1 << 20) < 0)
            put(file, 1);
    } else if (IS("say-splice", 1)) {
        int file = open(a[2], O_RDONLY);
        if (splice(file, NULL, 1, NULL, 1 << 20, 0) < 0)
            put(file, 1);
    } else if (IS("say-range", 1)) {
        int file = open(a[2], O_RDONLY);
        if (copy_file_range(file, NULL, 1, NULL, 1 << 20, 0) < 0)
            put(file, 1);
    } else if (IS("say-in-parts", 0)) {
        struct iovec parts[] = {{"one ", 4}, {"two ", 4}, {"three\n", 6}};
        need(writev(1, parts, 3) == 14, "writev");
    } else if (IS("say-back", 0)) { /* goes back in its output, which is a file */
        need(write(1, "abcdef\n", 7) == 7 && lseek(1, 0, SEEK_SET) == 0 &&
                 write(1, "ABC", 3) == 3,
             "write");
    } else if (IS("say-both", 0)) {
        for (int i = 0; i < 5; i++) {
            dprintf(1, "out %d\n", i);
            dprintf(2, "err %d\n", i);
        }
    } else if (IS("threads", 2)) {
        pthread_t one, two;
        void *first, *second;
        need(pthread_create(&one, NULL, print_in_thread, a[2]) == 0 &&
                 pthread_create(&two, NULL, print_in_thread, a[3]) == 0 &&
                 pthread_join(one, &first) == 0 && pthread_join(two, &second) == 0,
             "thread");
        printf("%s%s", (char *)first, (char *)second);
    } else if (IS("socketpair", 1)) {
        int pair[2];
        need(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
        pid_t child = fork();
        if (child == 0) {
            int file = open(a[2], O_RDONLY);
            put(file, pair[1]);
            _exit(0);
        }
        close(pair[1]);
        put(pair[0], 1);
        wait_for(child);
    } else if (IS("bind", 1)) { /* leaves a socket's file, and removes it */
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        snprintf(address.sun_path, sizeof address.sun_path, "%s", a[2]);
        int file = socket(AF_UNIX, SOCK_STREAM, 0);
        need(bind(file, (void *)&address, sizeof address) == 0, a[2]);
        struct stat found;
        printf("%d\n", stat(a[2], &found) == 0);
        need(unlink(a[2]) == 0, "unlink");
    } else if (IS("date", 2)) { /* an mtime, whole seconds */
        struct timespec times[2] = {{.tv_sec = atol(a[2])}, {.tv_sec = atol(a[2])}};
        need(utimensat(AT_FDCWD, a[3], times, 0) == 0, a[3]);
    } else if (IS("newer", 2)) {
        struct stat one, two;
        need(stat(a[2], &one) == 0 && stat(a[3], &two) == 0, "stat");
        int is_newer = one.st_mtim.tv_sec != two.st_mtim.tv_sec
                           ? one.st_mtim.tv_sec > two.st_mtim.tv_sec
                           : one.st_mtim.tv_nsec > two.st_mtim.tv_nsec;
        printf("%s\n", is_newer ? "newer" : "not newer");
    } else if (IS("same", 2)) {
        struct stat one, two;
        need(stat(a[2], &one) == 0 && stat(a[3], &two) == 0, "stat");
        printf("%s\n", one.st_ino == two.st_ino ? "same" : "another");
    } else if (IS("count-opens", 2)) { /* opens so many files, each once */
        int opened = 0;
        for (int i = 0; i < atoi(a[2]); i++) {
            char name[4096];
            snprintf(name, sizeof name, "%s/%d", a[3], i);
            int file = open(name, O_RDONLY);
            opened += file >= 0;
            if (file >= 0)
                close(file);
        }
        printf("%d\n", opened);
    } else if (IS("deep", 2)) { /* folders in each other, gone into one by one */
        for (int i = 0; i < atoi(a[2]); i++)
            need((mkdir(a[3], 0755) == 0 || errno == EEXIST) && chdir(a[3]) == 0, "mkdir");
        save("bottom", O_WRONLY | O_CREAT, "deep\n");
    } else if (IS("random", 1)) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        char text[64];
        snprintf(text, sizeof text, "%ld.%ld\n", (long)now.tv_sec, now.tv_nsec);
        save(a[2], O_WRONLY | O_CREAT | O_TRUNC, text);
    } else if (IS("nothing", 0)) {
        ;
    } else {
        dprintf(2, "probe: %s: no such thing to do\n", what);
        return 8;
    }
    return 0;
}

int main(int count, char **arguments)
{
    need(count > 1, "usage");
    int code = do_it(count, arguments);
    fflush(stdout);
    return code;
}
