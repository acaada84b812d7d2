"""The builder in the background: who starts it, what it builds, and what it tells afterwards."""
