"""Seeing what a build does: a library that is preloaded, the arena it notes into, the trace.

Of all ways to see this it is the one that costs least: a process more or less, a store to memory
for each path. ptrace(2), which strace uses, takes two context switches for each call and adds
half of a build's time; seccomp's notifications (seccomp_unotify(2)) as much for each; fanotify(7)
needs a privilege and doesn't tell of what is looked for in vain. What it can't see it notes: see
``Blind``.
"""
