"""What the program is worth on real projects: times beside other ways to build, and equality.

Nothing here is installed; `python -m benchmarks` runs it from a checkout (README.md beside this).
It drives `git ckpt` by its command line alone, as a user would, and imports of ``ckpt_git`` only
the process runner, the errors and the names of the phases.
"""
