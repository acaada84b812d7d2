"""What is checked of a build: against a clean one, before a push, before a hook runs it."""
