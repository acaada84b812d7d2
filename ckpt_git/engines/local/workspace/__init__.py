"""The folder that a build works in: how it starts on a layer, and what was done there.

layers.py             puts a build on the layers of a checkpoint and on the new sources
flatten.py            makes a deep chain of layers a shallow one
rewritten_sources.py  which source files the build itself rewrote
object_count.py       how many object files it wrote anew
"""
