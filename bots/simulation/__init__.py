"""Engine, demo exchange, clock and faults in one process under one seed."""
