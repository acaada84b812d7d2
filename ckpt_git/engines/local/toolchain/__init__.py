"""What a result depends on besides its sources: the compilers and libraries of this machine.

fingerprint.py     lists them, and makes one digest of the list
compiler_cache.py  which compilers a build finds, and whether ccache stands before them
"""
