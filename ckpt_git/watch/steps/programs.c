/* What the kernel does with a program's file, execve(2), and what is known of some programs. */

#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "shared/util.h"
#include "watcher/calls.h"

/* The loader of the C library that our library is for, wherever it lies: elf(5), PT_INTERP. */
#if defined __x86_64__
#define LOADER "ld-linux-x86-64.so.2"
enum { MACHINE = EM_X86_64 };
#else
#define LOADER "ld-linux-aarch64.so.1"
enum { MACHINE = EM_AARCH64 };
#endif

static const char *last_name(const char *path)
{
    const char *name = strrchr(path, '/');
    return name == NULL ? path : name + 1;
}

static int is_one_of(const char *name, const char *const names[])
{
    for (; *names != NULL; names++)
        if (strcmp(name, *names) == 0)
            return 1;
    return 0;
}

/* What can't be seen of programs, and is known of these, where they are the system's.
 *
 * What a shell or a build tool asks of a file's size: nothing (0), whether it is empty (1), or as
 * much as any other program may (2). Without this, each edit of a source that `test -f`, make or
 * Meson looks at would have it run again. GNU make and Ninja have no question about sizes; neither
 * has go, which asks for that of all files in a package's folder, for an index of its own; shells
 * have `test -s`; Meson has fs.size(), which is the one that would go unseen.
 *
 * These shells save a descriptor by a copy while it leads elsewhere, and write to no copy.
 *
 * CMake names its checks by four bytes of /dev/urandom. Perl takes the seeds of its hashes and of
 * rand from there, by which it names temporary files, and so do OCaml's tools; GCC takes what makes
 * names in an object unlike those in others. None of them reads as much as they are given. */
int know_program(struct step *step, const struct path *program)
{
    static const char *const without_sizes[] = {"make", "gmake", "ninja", "samu", "go", NULL};
    static const char *const with_emptiness[] = {"sh", "dash", "bash", "meson", NULL};
    static const char *const shells[] = {"sh", "dash", "bash", NULL};
    static const char *const seeding[] = {"cmake",    "ctest",      "cpack",   "perl",
                                          "cc1",      "cc1plus",    "lto1",    "f951",
                                          "dune",     "ocamlc",     "ocamlopt",
                                          "ocamlc.opt", "ocamlopt.opt", NULL};
    const char *name = last_name(program->text);
    int is_systems = program->zone == ZONE_SYSTEM;
    step->seeds_itself = (uint8_t)(is_systems && is_one_of(name, seeding));
    step->is_go = (uint8_t)(is_systems && strcmp(name, "go") == 0);
    step->is_shell = (uint8_t)(is_systems && is_one_of(name, shells));
    step->counts_sizes = !is_systems                        ? 2
                         : is_one_of(name, without_sizes)   ? 0
                         : is_one_of(name, with_emptiness) ? 1
                                                            : 2;
    return step->seeds_itself || step->is_shell || step->counts_sizes < 2;
}

static int is_sanitized(int file, const Elf64_Phdr *headers, size_t count)
{
    static const char *const names[] = {"libasan.so", "libtsan.so",  "libhwasan.so", "liblsan.so",
                                        "__asan_init", "__tsan_init", "__msan_init"};
    Elf64_Addr table = 0;
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        if (headers[i].p_type != PT_DYNAMIC)
            continue;
        Elf64_Dyn entries[64];
        ssize_t got = pread(file, entries, sizeof entries, (off_t)headers[i].p_offset);
        for (ssize_t k = 0; got > 0 && k < got / (ssize_t)sizeof entries[0]; k++) {
            if (entries[k].d_tag == DT_STRTAB)
                table = entries[k].d_un.d_ptr;
            if (entries[k].d_tag == DT_STRSZ)
                size = entries[k].d_un.d_val;
        }
    }
    for (size_t i = 0; i < count; i++) {
        const Elf64_Phdr *header = &headers[i];
        if (header->p_type != PT_LOAD || table < header->p_vaddr || size > 1 << 24 ||
            table >= header->p_vaddr + header->p_filesz)
            continue;
        char *text = malloc(size + 1);
        if (text == NULL)
            return 0;
        ssize_t got = pread(file, text, size, (off_t)(header->p_offset + table - header->p_vaddr));
        int found = 0;
        for (size_t n = 0; got > 0 && n < sizeof names / sizeof names[0]; n++)
            found |= memmem(text, (size_t)got, names[n], strlen(names[n])) != NULL;
        free(text);
        return found;
    }
    return 0;
}

static void look_at_elf(int file, const char *head, size_t size, struct path *path,
                        struct program *program)
{
    const Elf64_Ehdr *elf = (const void *)head;
    if (size < sizeof *elf || elf->e_ident[EI_CLASS] != ELFCLASS64 || elf->e_machine != MACHINE) {
        program->what = RUNS_UNSEEN;
        program->incomplete = "it ran under another ABI";
        return;
    }
    size_t count = elf->e_phnum;
    if (elf->e_phentsize != sizeof(Elf64_Phdr) || elf->e_phoff > size ||
        count * sizeof(Elf64_Phdr) > size - elf->e_phoff) {
        program->incomplete = "what the kernel loads isn't known";
        return;
    }
    const Elf64_Phdr *headers = (const void *)(head + elf->e_phoff);
    for (size_t i = 0; i < count; i++) {
        if (headers[i].p_type != PT_INTERP)
            continue;
        char loader[PATH_MAX];
        size_t length = headers[i].p_filesz;
        if (length == 0 || length > sizeof loader ||
            pread(file, loader, length, (off_t)headers[i].p_offset) != (ssize_t)length ||
            loader[length - 1] != '\0')
            program->incomplete = "what the kernel loads isn't known";
        else
            program->interpreter = take_text(loader, length - 1);
        break;
    }
    if (program->interpreter == NULL)
        return;
    if (strcmp(last_name(program->interpreter), LOADER) != 0)
        program->what = RUNS_UNSEEN;
    else if (strncmp(path->text, "/usr/", 5) != 0 && is_sanitized(file, headers, count))
        program->what = RUNS_UNSEEN;
}

static struct program read_program(int file, struct path *path)
{
    struct program program = {RUNS, NULL, NULL};
    _Alignas(16) char head[4097];
    ssize_t size = pread(file, head, sizeof head - 1, 0);
    head[size > 0 ? size : 0] = '\0';
    if (size >= 4 && memcmp(head, ELFMAG, SELFMAG) == 0) {
        look_at_elf(file, head, (size_t)size, path, &program);
    } else if (size > 2 && head[0] == '#' && head[1] == '!') {
        char *from = head + 2 + strspn(head + 2, " \t");
        size_t length = strcspn(from, " \t\n");
        program.interpreter = take_text(from, length);
        program.what = RUNS_OTHERWISE;
    } else {
        program.what = NO_PROGRAM;
    }
    return program;
}

/* Programs of the system are looked at once. */
static struct {
    struct path *path;
    struct program program;
} known[256];

struct program look_at_program(struct path *path)
{
    size_t slot = path->hash % (sizeof known / sizeof known[0]);
    if (path->zone == ZONE_SYSTEM && known[slot].path == path)
        return known[slot].program;
    int file = path_open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
    if (file < 0)
        return (struct program){RUNS, NULL, "its program can't be read"};
    struct program program = read_program(file, path);
    close(file);
    if (path->zone == ZONE_SYSTEM) {
        known[slot].path = path;
        known[slot].program = program;
    }
    return program;
}
