"""A first spec from a data file: look at the columns, choose a target, fit a quick baseline, write the text."""
