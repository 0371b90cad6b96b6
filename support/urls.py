"""The routes of the app, as a table one can read from top to bottom."""

from __future__ import annotations

from django.urls import path

from support.views import pages

urlpatterns = [
    path("", pages.HomePage.as_view(), name="home"),
]
