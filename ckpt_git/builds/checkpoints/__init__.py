"""Checkpoints: which one a build starts from, when it moves, and which are kept."""
