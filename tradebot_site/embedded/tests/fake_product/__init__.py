"""A stand-in for the product: same command lines, no Django. Copied into a scratch checkout."""
