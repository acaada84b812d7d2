"""The hooks: put in place, taken away, and run by a real git."""
