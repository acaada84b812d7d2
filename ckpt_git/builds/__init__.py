"""The actions: build, verify, and the builder in the background. They join git and an engine."""
