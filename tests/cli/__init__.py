"""The command line as its users see it: programs, exit codes, lines, terminals."""
