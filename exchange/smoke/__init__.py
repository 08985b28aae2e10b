"""A short walk through everything a bot asks of a venue. Places nothing, changes nothing.

The steps are reads and one order that the venue checks without placing it, so that the walk may
be taken on a live account, too.
"""
