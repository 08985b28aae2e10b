"""How commands find the API key that a person names."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q, QuerySet

from exchange.models import APIKey


def usable_keys() -> QuerySet[APIKey]:
    """Return the keys that are not revoked, the oldest first."""
    usable = APIKey.objects.filter(revoked_at__isnull=True)
    return usable.select_related("account").order_by("created_at", "pk")


def keys_named(name: str) -> Q:
    """Match keys by their label or, where the name is one, their id."""
    try:
        return Q(label=name) | Q(pk=UUID(name))
    except ValueError:
        return Q(label=name)


def only_one(keys: list[APIKey], name: str, *, of: str = "") -> APIKey:
    """Return the key that was meant; ValueError says that there is none, or names several by id."""
    if not keys:
        raise ValueError(f"no usable key{of} is called {name!r}")
    if len(keys) > 1:
        ids = ", ".join(str(one.pk) for one in keys)
        raise ValueError(f"several keys{of} are called {name!r}; choose by id: {ids}")
    return keys[0]
