"""Work trees: snapshots of one, trees written out as one, and what git is doing in one."""
