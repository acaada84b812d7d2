# What each program is made of, and how: read by the Makefile here and by compiling.py, so there is
# nothing but assignments of words.
#
#   PROGRAM_sources    its sources, from this folder on
#   PROGRAM_flags      beside those for all, `flags`
#   PROGRAM_linked     how, where the C library is the one that it is compiled with
#   PROGRAM_portable   how, where it may be another one: in a wheel
#   PROGRAM_libraries  what it is linked with, behind the sources

programs = ckpt-watch libsee.so answer

# The same bytes wherever and whenever they are made: no id, no symbols, no paths.
flags = -std=gnu11 -O2 -I. -g0 -Wl,--build-id=none -Wl,-s

ckpt-watch_sources = \
    watcher/calls.c watcher/filter.c watcher/main.c watcher/notes.c watcher/notifications.c \
    watcher/peek.c watcher/processes.c watcher/report.c \
    steps/changes.c steps/databases.c steps/executions.c steps/lookups.c \
    steps/observations.c steps/open_files.c steps/programs.c steps/random.c steps/steps.c \
    streams/descriptors.c streams/prints.c streams/relays.c \
    files/digests.c files/objects.c files/paths.c files/states.c \
    memory/answers.c memory/dates.c memory/effects.c memory/output.c memory/packed.c memory/placeholders.c \
    memory/recall.c memory/remember.c \
    shared/digest.c shared/index.c shared/util.c
ckpt-watch_flags = -fPIE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
    -Wl,-z,relro -Wl,-z,now
ckpt-watch_linked = -pie
ckpt-watch_portable = -static-pie

# Loaded into every program of a build, among which are those that were compiled without any of it.
libsee.so_sources = preload/preload.c preload/spawn.c preload/temporary_names.c preload/restart.c
libsee.so_flags = -fPIC -fvisibility=hidden -U_FORTIFY_SOURCE -Wl,-z,now -Wl,--hash-style=gnu
libsee.so_linked = -shared
libsee.so_portable = -shared
libsee.so_libraries = -ldl

# Has no C library, and so nothing that a stack protector could call.
answer_sources = answer/answer.c
answer_flags = -ffreestanding -fno-stack-protector -fno-pie -U_FORTIFY_SOURCE
answer_linked = -nostdlib -static
answer_portable = -nostdlib -static
