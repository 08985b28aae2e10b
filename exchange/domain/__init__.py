"""What a venue is, without Django and without HTTP: types, rules, errors and the gateway protocol."""
