"""The demo's C project: what is in it, and the changes that the demo makes to it.

Writes files below the folder it is given and nothing else; runs nothing.
"""
