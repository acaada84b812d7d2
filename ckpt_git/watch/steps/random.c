/* Random bytes, which are made of the command that asks for them.
 *
 * mkdtemp(3), Python's tempfile, Meson and CMake name things by random bytes: what is done below
 * such a name would never be the same command twice. So each command gets bytes of its own that are
 * the same in each build with this store: of the store's secret, the command's key, which of the
 * commands of that key it is, and how many bytes it had. Nobody without the store can foretell
 * them; and what a remembered command made of random bytes is put back all the same.
 *
 * The kernel's own bytes still go to other programs that read its devices, and to who takes them
 * from the vDSO. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "shared/settings.h"
#include "shared/util.h"
#include "watcher/calls.h"

enum { MOST = 4096, SEED_FILE = 4096 };

/* How often each key was seen. */
static struct seen_key {
    digest key;
    uint32_t count;
} *keys;
static size_t key_count, key_room;

static struct seen_key *slot_of(struct seen_key *in, size_t room, const digest *key)
{
    size_t at;
    memcpy(&at, key->bytes, sizeof at);
    while (in[at & (room - 1)].count > 0 && !digest_equal(in[at & (room - 1)].key, *key))
        at++;
    return &in[at & (room - 1)];
}

/* Which of the commands of its key a step is. */
static uint32_t occurrence(const struct step *step)
{
    if (key_count * 2 >= key_room) {
        size_t room = key_room == 0 ? 1 << 10 : key_room * 2;
        struct seen_key *larger = zeroed(room, sizeof *larger);
        for (size_t i = 0; i < key_room; i++)
            if (keys[i].count > 0)
                *slot_of(larger, room, &keys[i].key) = keys[i];
        free(keys);
        keys = larger;
        key_room = room;
    }
    struct seen_key *slot = slot_of(keys, key_room, &step->key);
    key_count += slot->count == 0;
    slot->key = step->key;
    return ++slot->count;
}

static void make_bytes(struct step *step, char *into, size_t size)
{
    if (step->occurrence == 0)
        step->occurrence = occurrence(step);
    for (size_t done = 0; done < size;) {
        struct hashing hashing;
        digest_begin(&hashing);
        digest_add(&hashing, settings.seed, strlen(settings.seed) + 1);
        digest_add(&hashing, &step->key, sizeof step->key);
        digest_add(&hashing, &step->occurrence, sizeof step->occurrence);
        digest_add(&hashing, &step->random_parts, sizeof step->random_parts);
        step->random_parts++;
        digest part = digest_end(&hashing);
        size_t length = size - done < sizeof part ? size - done : sizeof part;
        memcpy(into + done, &part, length);
        done += length;
    }
}

static int give_bytes(struct process *process, const __u64 *args)
{
    char bytes[MOST];
    size_t size = (size_t)args[1];
    if (size > MOST)
        return 0;
    make_bytes(process->step, bytes, size);
    if (!call_is_valid() || (size > 0 && poke(process, args[0], bytes, size) != 0))
        return 0;
    reply((int64_t)size, 0);
    return 1;
}

/* A file of a few bytes, in place of the device. */
static int give_file(struct process *process, uint64_t flags)
{
    char bytes[SEED_FILE];
    int file = memfd_create("urandom", MFD_CLOEXEC);
    if (file < 0)
        return 0;
    make_bytes(process->step, bytes, sizeof bytes);
    int is_written = pwrite(file, bytes, sizeof bytes, 0) == sizeof bytes;
    if (is_written)
        reply_descriptor(file, (uint32_t)(flags & O_CLOEXEC));
    close(file);
    return is_written;
}

int gives_random(struct process *process, const struct seccomp_data *call)
{
    if (settings.seed == NULL || process->answering != NULL)
        return 0;
    if (call->nr == SYS_getrandom)
        return give_bytes(process, call->args);
    if (call->nr != SYS_openat || !process->step->seeds_itself ||
        (call->args[2] & O_ACCMODE) != O_RDONLY)
        return 0;
    const char *path = peek_text(process, call->args[1]);
    return path != NULL && strcmp(path, "/dev/urandom") == 0 && give_file(process, call->args[2]);
}
