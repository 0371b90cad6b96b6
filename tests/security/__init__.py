"""Who may do what, and what an attacker gets: tests over the whole service."""
