"""The front door: one command that installs, starts, supervises and stops the product.

Standard library only, because it runs before anything is installed.
"""
