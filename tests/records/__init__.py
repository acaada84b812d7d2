"""What is kept in ``.git/ckpt``: state, queue, locks."""
