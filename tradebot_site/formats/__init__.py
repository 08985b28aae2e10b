"""How the admin writes dates, one package per language."""
