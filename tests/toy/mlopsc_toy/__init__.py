"""A back end in a package of its own: what CONTRIBUTING.md, "Add a back end", describes."""
