"""What ``init`` finds out about a repository, and what it writes."""
