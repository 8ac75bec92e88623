"""Addresses of filed changes: pages."""

from django.urls import path

from changes.tickets import views

page_urls = [
    path("changes/new", views.new_change),
    path("changes/preview", views.preview),
    path("changes/<str:ref>/edit", views.edit_change),
    *(path(f"changes/<str:ref>/{verb}", views.carry_out, {"verb": verb}) for verb in views.VERBS),
]
