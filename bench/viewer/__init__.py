"""The page of a table: its figures, its plots, and every image of every method under the same lens."""
