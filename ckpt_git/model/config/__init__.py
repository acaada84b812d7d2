"""``ckpt.toml``: what it may say, as frozen values. Pure; the caller reads files."""
