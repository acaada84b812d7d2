"""Every change that git can hold, in every way of building: docs/explanation/design.md."""
