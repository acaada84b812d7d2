"""Tests of the project's own files: what is installed, what is written about it, the demo."""
