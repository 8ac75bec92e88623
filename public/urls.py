"""Addresses of the pages on which people write what outsiders read; those of outsiders are in `public.outside`."""

from django.urls import path

from public.changelog import views

page_urls = [
    path("public/notes", views.queue),
    path("public/notes/<str:ref>", views.edit_note),
    path("public/notes/<str:ref>/withdraw", views.withdraw_note),
]
