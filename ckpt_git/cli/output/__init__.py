"""What people read: the standard streams, the line of a running build, the wording."""
