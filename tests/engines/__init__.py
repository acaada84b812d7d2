"""Tests of the engines: what every one must do, and how the local one does it."""
