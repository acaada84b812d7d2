"""git's hooks: ours are put in place, and those that were there before still run."""
