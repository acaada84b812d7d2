"""Watching a build and remembering its commands: three programs in C, and what speaks to them.

``ckpt-watch`` runs a build, sees all that it does, and answers what it can from earlier builds'
memories. ``libsee.so`` is preloaded into the build's programs, which makes seeing cheap. ``answer``
runs in the place of a command that is answered. ``programs.mk`` lists the sources of each:

    watcher/   processes and their system calls, as the kernel tells of them; the program's start
    steps/     what each program of a build was given, looked at, changed
    streams/   the descriptors that it was given, and what it prints
    files/     paths, what is there, the store of contents
    memory/    known commands: how they are recalled, answered, written down
    preload/   ``libsee.so``
    answer/    ``answer``
    shared/    what the three programs agree on, and helpers

``program`` finds the programs, or has ``compiling`` make them; ``session`` is one watched run.
``memory_file`` reads a memory, whose form ``memory_form`` has, into ``commands``; ``concern`` says
what follows from them.
"""
