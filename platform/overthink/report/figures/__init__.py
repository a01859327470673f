"""Figures: a file a family, with the numbers that a figure shows and the function that draws them."""
