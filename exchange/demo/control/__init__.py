"""The control door: clock, prices, faults and the truth, for this machine alone."""
