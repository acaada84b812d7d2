# What each program is made of, and how: read by the Makefile here and by compiling.py, so there is
# nothing but assignments of words.
#
#   PROGRAM_sources    its sources, in this folder
#   PROGRAM_flags      beside those for all, `flags`
#   PROGRAM_linked     how, where the C library is the one that it is compiled with
#   PROGRAM_portable   how, where it may be another one: in a wheel
#   PROGRAM_libraries  what it is linked with, behind the sources

programs = ckpt-watch libsee.so answer

# The same bytes wherever and whenever they are made: no id, no symbols, no paths.
flags = -std=gnu11 -O2 -g0 -Wl,--build-id=none -Wl,-s

ckpt-watch_sources = main.c filter.c listen.c calls.c looks.c changes.c prints.c random.c \
    programs.c begins.c descriptors.c relays.c answers.c processes.c peek.c notes.c paths.c states.c databases.c held.c \
    steps.c placeholders.c seen.c recall.c order.c remember.c effects.c output.c report.c util.c digest.c digests.c \
    objects.c
ckpt-watch_flags = -fPIE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong \
    -Wl,-z,relro -Wl,-z,now
ckpt-watch_linked = -pie
ckpt-watch_portable = -static-pie

# Loaded into every program of a build, among which are those that were compiled without any of it.
libsee.so_sources = see.c spawn.c names.c again.c
libsee.so_flags = -fPIC -fvisibility=hidden -U_FORTIFY_SOURCE -Wl,-z,now -Wl,--hash-style=gnu
libsee.so_linked = -shared
libsee.so_portable = -shared
libsee.so_libraries = -ldl

# Has no C library, and so nothing that a stack protector could call.
answer_sources = answer.c
answer_flags = -ffreestanding -fno-stack-protector -fno-pie -U_FORTIFY_SOURCE
answer_linked = -nostdlib -static
answer_portable = -nostdlib -static
