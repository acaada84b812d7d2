"""The commands, one module each, by their names: what they show, and how they end."""
