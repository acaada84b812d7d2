"""What is told of a build: messages of compilers, paths, names. Pure."""
