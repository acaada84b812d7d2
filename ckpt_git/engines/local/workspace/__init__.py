"""The folder that a build runs in."""
