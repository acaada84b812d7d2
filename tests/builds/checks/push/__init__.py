"""Pre-push: what is pushed through a real hook, to real remotes."""
