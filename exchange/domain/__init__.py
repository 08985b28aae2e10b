"""What a venue is, without Django and HTTP: types, rules, errors and the gateway protocol."""
