"""The same project as the background's tests have."""

from tests.background.conftest import project

__all__ = ["project"]
