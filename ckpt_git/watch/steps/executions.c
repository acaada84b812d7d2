/* Programs that begin: what they are given, by which they are known, and whether they are
 * answered. */

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "memory/placeholders.h"
#include "memory/remember.h"
#include "shared/notes.h"
#include "shared/settings.h"
#include "shared/util.h"
#include "watcher/calls.h"

enum { MOST_ARGUMENTS = 1 << 20, MOST_INTERPRETERS = 5 };

/* --- what it is given ------------------------------------------------------------------------ */

struct given {
    const char *path; /* as it was named */
    char *arguments;
    size_t arguments_size, arguments_room;
    struct hashing variables; /* in their order */
    const char *jobs;     /* how make's job server is named; NULL: there is none */
    uint64_t preloading;  /* address of the variable LD_PRELOAD */
    const char *others;   /* that variable without our library */
    int lists_libraries;  /* ldd(1): the loader tells what it would load, and runs nothing */
};

static void add_variable(struct given *given, const char *text)
{
    text = text_as_kept(text);
    digest_add(&given->variables, text, strlen(text) + 1);
}

static int is_told_to_pass(const char *variable)
{
    size_t length = strcspn(variable, "=");
    for (size_t i = 0; i < settings.passing_count; i++)
        if (strncmp(settings.passing[i], variable, length) == 0 &&
            settings.passing[i][length] == '\0')
            return 1;
    return 0;
}

/* Variables that differ from run to run and that no program's result hangs on. */
static int is_passing(const char *variable)
{
    return strncmp(variable, "_=", 2) == 0 || strncmp(variable, "MAKE_TERMOUT=", 13) == 0 ||
           strncmp(variable, "MAKE_TERMERR=", 13) == 0 || is_told_to_pass(variable);
}

static int is_of_jobs(const char *flag, size_t length)
{
    return strncmp(flag, "--jobserver", 11) == 0 ||
           (length >= 2 && strncmp(flag, "-j", 2) == 0 &&
            strspn(flag + 2, "0123456789") == length - 2);
}

/* Flags without make's job server and number of jobs: the GNU make manual, "POSIX Jobserver". */
static char *without_jobs(const char *variable)
{
    size_t length = strcspn(variable, "=") + 1;
    char *shorter = malloc(strlen(variable) + 2);
    if (shorter == NULL)
        abort();
    memcpy(shorter, variable, length);
    for (const char *flag = variable + length; *flag != '\0';) {
        size_t size = strcspn(flag, " "), more = strspn(flag + size, " ");
        if (!is_of_jobs(flag, size)) {
            memcpy(shorter + length, flag, size);
            length += size;
            shorter[length++] = ' ';
        }
        flag += size + more;
    }
    while (shorter[length - 1] == ' ')
        length--;
    shorter[length] = '\0';
    return shorter;
}

static void take_flags(struct given *given, const char *variable)
{
    const char *jobs = strstr(variable, "--jobserver");
    if (jobs != NULL && given->jobs == NULL)
        given->jobs = take_text(jobs, strcspn(jobs, " "));
    char *shorter = without_jobs(variable);
    add_variable(given, shorter);
    free(shorter);
}

/* LD_PRELOAD without our own library. */
static void take_preload(struct given *given, const char *variable, uint64_t address)
{
    const char *own = settings.preload, *at = strchr(variable, '=') + 1;
    size_t rest = strlen(at);
    given->preloading = address;
    if (own != NULL && strncmp(at, own, strlen(own)) == 0 && strchr(": ", at[strlen(own)]) != NULL) {
        at += strlen(own);
        rest = strspn(at, ": ");
        at += rest;
        rest = strlen(at);
    }
    given->others = compose("LD_PRELOAD=%s", at);
    if (rest > 0)
        add_variable(given, given->others);
}

static void take_variable(struct given *given, const char *variable, uint64_t address)
{
    if (is_passing(variable))
        return;
    given->lists_libraries |= strncmp(variable, "LD_TRACE_LOADED_OBJECTS=", 24) == 0;
    if (strncmp(variable, "MAKEFLAGS=", 10) == 0 || strncmp(variable, "MFLAGS=", 7) == 0 ||
        strncmp(variable, "CARGO_MAKEFLAGS=", 16) == 0) /* it is one, too: the Cargo book */
        take_flags(given, variable);
    else if (strncmp(variable, "LD_PRELOAD=", 11) == 0)
        take_preload(given, variable, address);
    else
        add_variable(given, variable);
}

static void take_argument(struct given *given, const char *argument)
{
    size_t size = strlen(argument) + 1;
    if (given->arguments_size + size > given->arguments_room) {
        given->arguments_room = (given->arguments_size + size) * 2;
        given->arguments = realloc(given->arguments, given->arguments_room);
        if (given->arguments == NULL)
            abort();
    }
    memcpy(given->arguments + given->arguments_size, argument, size);
    given->arguments_size += size;
}

/* A row of addresses, a null at its end. How many they are, or -1 where it can't be read. */
static long read_row(struct process *process, uint64_t row, uint64_t **addresses)
{
    static uint64_t *read;
    static size_t room;
    size_t count = 0;
    *addresses = NULL;
    for (uint64_t address = 0; row != 0; row += sizeof address) {
        if (count > MOST_ARGUMENTS || peek_word(process, row, &address) != 0)
            return -1;
        if (address == 0)
            break;
        read = grow(read, &room, count, sizeof *read);
        read[count++] = address;
    }
    *addresses = read;
    return (long)count;
}

/* The texts that such a row names. 0, or -1 where they can't be read. */
static int read_texts(struct process *process, uint64_t row, struct given *given, int are_variables)
{
    uint64_t *addresses;
    long count = read_row(process, row, &addresses);
    if (count < 0)
        return -1;
    peek_ahead(process, addresses, (size_t)count);
    for (long i = 0; i < count; i++) {
        const char *text = peek_text(process, addresses[i]);
        if (text == NULL)
            return -1;
        if (are_variables)
            take_variable(given, text, addresses[i]);
        else
            take_argument(given, text);
    }
    return 0;
}

/* --- by what it is known --------------------------------------------------------------------- */

static void add_as_kept(struct hashing *hashing, const char *bytes, size_t size)
{
    const char *kept = bytes_as_kept(bytes, size, &size);
    digest_add(hashing, kept, size);
}

static void add_descriptor(struct hashing *hashing, const struct descriptor *own)
{
    int is_printed_to = own->number == 1 || own->number == 2;
    digest_add(hashing, &own->number, sizeof own->number);
    digest_add(hashing, &own->kind, sizeof own->kind);
    if (own->kind == 'c')
        digest_add(hashing, &own->inode, sizeof own->inode);
    if (own->kind == 'h') {
        digest_add(hashing, &own->size, sizeof own->size);
        digest_add(hashing, &own->held, sizeof own->held);
    }
    if (own->path != NULL && !(is_printed_to && own->kind == 'f')) {
        add_as_kept(hashing, own->path->text, own->path->length + 1);
        digest_add(hashing, &own->is_written, sizeof own->is_written);
        if (!own->is_written)
            digest_add(hashing, &own->offset, sizeof own->offset);
    }
}

/* Limits that a command has and the build hasn't: `ulimit`. */
static void add_limits(struct hashing *hashing, const struct process *process)
{
    static struct rlimit usual[RLIM_NLIMITS];
    static int are_known;
    for (int i = 0; i < RLIM_NLIMITS; i++) {
        struct rlimit own;
        if (prlimit(process->id, i, NULL, &own) != 0)
            continue;
        if (!are_known)
            usual[i] = own;
        if (own.rlim_cur == usual[i].rlim_cur && own.rlim_max == usual[i].rlim_max)
            continue;
        digest_add(hashing, &i, sizeof i);
        digest_add(hashing, &own, sizeof own);
    }
    are_known = 1;
}

/* What a process inherits besides: signals that are blocked or ignored, processors that it may run
 * on, and what the kernel pretends to be. */
static void add_inherited(struct hashing *hashing, struct process *process)
{
    static const char *const names[] = {"\nSigBlk:", "\nSigIgn:", "\nCpus_allowed:"};
    const char *status = read_status(process->id);
    for (size_t i = 0; status != NULL && i < sizeof names / sizeof names[0]; i++) {
        const char *at = strstr(status, names[i]);
        if (at != NULL)
            digest_add(hashing, at, strcspn(at + 1, "\n") + 1);
    }
    add_limits(hashing, process);
    char text[32];
    int length = process->has_personality
                     ? read_proc(process->id, "personality", text, sizeof text)
                     : 0;
    process->has_personality = length > 0 && strtoul(text, NULL, 16) != 0;
    if (process->has_personality)
        digest_add(hashing, text, (size_t)length);
}

static digest key_of(struct process *process, const struct step *step, digest variables)
{
    struct hashing hashing;
    digest_begin(&hashing);
    add_as_kept(&hashing, step->program, strlen(step->program) + 1);
    add_as_kept(&hashing, step->arguments, step->arguments_size);
    add_as_kept(&hashing, step->folder, strlen(step->folder) + 1);
    digest_add(&hashing, &variables, sizeof variables);
    digest_add(&hashing, &process->mask, sizeof process->mask);
    add_inherited(&hashing, process);
    const struct descriptor *out = &step->standard[1], *error = &step->standard[2];
    uint8_t is_one = out->device == error->device && out->inode == error->inode &&
                     (out->kind != 'f' || process_has_one_file(process, 1, 2));
    digest_add(&hashing, &is_one, sizeof is_one);
    for (int i = 0; i < 3; i++)
        add_descriptor(&hashing, &step->standard[i]);
    for (size_t i = 0; i < step->inherited_count; i++)
        add_descriptor(&hashing, &step->inherited[i]);
    return digest_end(&hashing);
}

/* --- beginning ------------------------------------------------------------------------------- */

/* Have the kernel execute another program: its path is written over the one it was asked for. That
 * has to be memory that nobody looks at again: a place of the library's, a copy that go made for it,
 * or a forked process' own. */
static int put_in_place(struct process *process, uint64_t address, const char *old, const char *new)
{
    size_t length = strlen(new) + 1;
    int is_copied = process->step->parent != NULL && process->step->parent->is_go;
    uint64_t mark[2] = {0, 0};
    int is_place = peek(process, address - sizeof mark, mark, sizeof mark) == 0 &&
                   mark[0] == PLACE_MARK_1 && mark[1] == PLACE_MARK_2;
    if (length > (is_place ? PLACE_ROOM : strlen(old) + 1) ||
        (!is_place && !is_copied && process_shares_memory(process)) || !call_is_valid())
        return -1;
    return poke(process, address, new, length);
}

/* What the kernel reads of the program's file, and of what that names. */
static struct program saw_program(struct process *process, struct path *path)
{
    struct step *step = process->step;
    struct program program = look_at_program(path);
    int is_known = know_program(step, path);
    saw_path(process, path, SAW_CONTENT | SAW_EXISTS, 0);
    struct program last = program;
    for (int depth = 0; last.interpreter != NULL && depth < MOST_INTERPRETERS; depth++) {
        struct path *next = named_path(process, AT_FDCWD, last.interpreter, 1);
        if (next == NULL)
            break;
        saw_path(process, next, SAW_CONTENT | SAW_EXISTS, 0);
        if (last.what != RUNS_OTHERWISE)
            break;
        if (depth == 0 && !is_known)
            know_program(step, next);
        last = look_at_program(next);
        program.what = last.what == RUNS_OTHERWISE ? RUNS : last.what;
        if (last.incomplete != NULL)
            program.incomplete = last.incomplete;
    }
    if (program.incomplete != NULL)
        step_incomplete(step, "%s: %s", path->text, program.incomplete);
    return program;
}

static struct step *begin(struct process *process, int folder, struct path *path,
                          struct given *given)
{
    process_register_children(process);
    struct step *step = step_begin(process->step, process->id);
    const char *whole = *given->path == '\0' ? NULL : absolute(process, folder, given->path);
    step->program = whole == NULL ? path->text : take_text(whole, strlen(whole));
    step->arguments = take_text(given->arguments == NULL ? "" : given->arguments,
                                given->arguments_size);
    step->arguments_size = (uint32_t)given->arguments_size;
    const char *own_folder = folder_of(process);
    if (own_folder != NULL)
        step->folder = own_folder;
    else
        step_uncacheable(step, "it runs in a folder that is gone");
    if (process->is_elsewhere)
        step_incomplete(step, "it runs in another root or namespace");
    descriptors_begin(process, step, given->jobs);
    step->key = key_of(process, step, digest_end(&given->variables));
    process_enter(process, step);
    process->is_first = 1;
    process->is_checked = 0;
    if (*given->path != '\0')
        named_path(process, folder, given->path, 1); /* the links on the way are this step's, too */
    return step;
}

static void saw_descriptors(struct process *process, const struct step *step)
{
    if (step->standard[0].kind == 'f')
        saw_path(process, step->standard[0].path, SAW_CONTENT, 0);
    for (size_t i = 0; i < step->inherited_count; i++)
        if (step->inherited[i].kind == 'f' && !step->inherited[i].is_written)
            saw_path(process, step->inherited[i].path, SAW_CONTENT, 0);
}

static int is_answered(struct process *process, struct step *step, uint64_t address,
                       const char *old)
{
    struct memory *memory;
    uint32_t entry;
    if (!settings.answers || settings.answer == NULL || step->uncacheable != NULL ||
        step->incomplete != NULL || !memory_find(step, &memory, &entry))
        return 0;
    if (!can_answer(memory, entry)) {
        step->missed_by = "what it made is gone from the store";
        return 0;
    }
    if (put_in_place(process, address, old, settings.answer) != 0) {
        step->missed_by = "nothing could be put in its place";
        return 0;
    }
    answers_begin(process, memory, entry);
    return 1;
}

int begins(struct process *process, int folder, uint64_t path_address, uint64_t arguments,
           uint64_t variables)
{
    static struct given given;
    char named[PATH_MAX];
    if (database_read != NULL)
        return -EIO; /* the build is done for, and soon over */
    notes_read(process);
    const char *text = peek_text(process, path_address);
    if (text == NULL || strlen(text) >= sizeof named)
        return 0; /* EFAULT, ENAMETOOLONG */
    given = (struct given){.path = strcpy(named, text),
                           .arguments = given.arguments,
                           .arguments_room = given.arguments_room};
    digest_begin(&given.variables);
    struct path *path = *named == '\0' ? descriptor_path(process, folder)
                                       : named_path(process, folder, named, 1);
    if (path == NULL || path->zone == ZONE_KERNEL) {
        step_incomplete(process->step, "it executes a program that has no name");
        return 0;
    }
    const struct state *state = path_state(path, 1);
    if (state->kind != KIND_FILE || (state->mode & 0111) == 0) {
        saw_path(process, path, SAW_EXISTS, 0);
        return 0;
    }
    if (look_at_program(path).what == NO_PROGRAM) {
        saw_path(process, path, SAW_CONTENT, 0);
        return 0;
    }
    int is_read = read_texts(process, arguments, &given, 0) == 0 &&
                  read_texts(process, variables, &given, 1) == 0;
    if (!call_is_valid())
        return 0;
    struct step *step = begin(process, folder, path, &given);
    if (!is_read)
        step_incomplete(step, "its arguments can't be read");
    struct program program = saw_program(process, path);
    saw_descriptors(process, step);
    if (is_answered(process, step, path_address, named))
        return 0;
    wait_for_clock();
    descriptors_replace(process, step);
    /* A parent whose memory this is loses the library with it: that is slower, and no less seen. */
    if ((program.what == RUNS_UNSEEN || given.lists_libraries) && given.preloading != 0 &&
        call_is_valid())
        poke(process, given.preloading, given.others, strlen(given.others) + 1);
    return 0;
}

void fails_to_begin(struct process *process)
{
    if (process->is_first && process->step->process == process->id)
        step_uncacheable(process->step, "its program could not be executed");
}
