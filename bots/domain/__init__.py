"""Deciding, without Django, clock or network: everything here is a pure function of its inputs."""
