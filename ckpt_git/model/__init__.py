"""Frozen values, without IO: what the rest of the program passes around."""
