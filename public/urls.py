"""Addresses of the pages on which people write what outsiders read; those of outsiders are in `public.outside`."""

from django.urls import path

from public.changelog import views
from public.subscriptions import views as subscription_views

page_urls = [
    path("subscribe", subscription_views.subscribe),
    path("subscription/<str:token>", subscription_views.subscription),
    path("subscription/<str:token>/leave", subscription_views.leave),
    path("public/notes", views.queue),
    path("public/notes/<str:ref>", views.edit_note),
    path("public/notes/<str:ref>/withdraw", views.withdraw_note),
]
