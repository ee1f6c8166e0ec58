"""The Plan's steps and their data, drawn."""
