"""git's object database: trees, commits, ranges, notes. Nothing here reads a work tree."""
