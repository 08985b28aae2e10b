"""Who may sign in. Knows nothing of venues or bots."""
