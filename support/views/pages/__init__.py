"""Pages for people who come by with a browser; those of the support desk are for agents."""

from support.views.pages.home import HomePage

__all__ = ["HomePage"]
