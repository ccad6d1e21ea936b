"""What derivatives cost, as ratios to the plain value of the same program."""
