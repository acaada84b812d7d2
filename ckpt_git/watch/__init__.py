"""Watching a build and remembering its commands: three programs in C, and what speaks to them.

``ckpt-watch`` runs a build, sees all that it does, and answers what it can from earlier builds'
memories (main.c, and all that has no other place). ``libsee.so`` is preloaded into the build's
programs, which makes seeing cheap (see.c, spawn.c). ``answer`` runs in the place of a command that
is answered (answer.c). ``programs.mk`` lists the sources of each.

``program`` finds the programs, or has ``compiling`` make them; ``session`` is one watched run.
"""
