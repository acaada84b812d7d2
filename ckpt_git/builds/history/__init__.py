"""Builds of many commits, and what the newest build says about its commands."""
