"""Every change that git can hold, in every way of building: DESIGN.md, "What never breaks", 2."""
