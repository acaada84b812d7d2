"""The builder in the background, as real processes; only the build itself is a stand-in."""
