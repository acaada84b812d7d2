"""What is kept: memories, outputs, what ``fetch`` brought, the watcher's programs.

store.py         the store itself: entries are published by a rename and don't change after
entries.py       an entry's files, and what it says of itself; outputs.py: what was installed
toolchains.py    what builds read of the system
fixed_inputs.py  what is the same in all builds, dates and random bytes
workspaces.py    the folders that builds run in; locks.py: who uses what
seal.py          how damage to an entry is noticed
size.py          how much room the store takes, known without a walk
eviction.py      what goes: what serves nobody, and what is cheapest to lack
objects.py       the contents that memories name
"""
