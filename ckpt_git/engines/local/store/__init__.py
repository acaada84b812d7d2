"""What is kept: memories, outputs, what ``fetch`` brought, the watcher's programs.

store.py     the store itself: entries are published by a rename and don't change after
seal.py      how damage to an entry is noticed
size.py      how much room the store takes, known without a walk
eviction.py  what goes: what serves nobody, and what is cheapest to lack
"""
