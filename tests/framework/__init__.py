"""Hook managers, the real ones, that call ckpt-git."""
