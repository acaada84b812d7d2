"""The repository: trees, snapshots, diffs, hooks, notes. Only here are git and GitPython called."""
