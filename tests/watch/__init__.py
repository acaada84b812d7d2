"""Tests of what sees a build, and of what was seen."""
