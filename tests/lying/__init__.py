"""Builds that lie: what a build tool left to itself would get wrong, and what a memory could.

Each is built commit upon commit from its checkpoint, and from nothing in a repository of its own,
by the command line alone; what both gave has to be the same. ``cases`` are written by hand,
``growing`` makes builds at random; ``python -m tests.lying -h`` does that for as long as asked.
"""
