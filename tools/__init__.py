"""What makes documents: the reference, the man page, the recording. Nothing here is installed."""
