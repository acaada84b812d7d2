"""Repositories, surroundings and builds that mean no good: the program stays right, or refuses."""
