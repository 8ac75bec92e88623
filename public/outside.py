"""Every address that outsiders read without a credential."""

from django.urls import path, re_path

from public import views

urlpatterns = [
    path("status", views.status),
    re_path(r"^status\.(?P<form>json|atom|rss)$", views.status_feed),
    path("status/history", views.status_history),
    path("status/incidents/<slug:key>", views.status_incident),
    path("maintenance.ics", views.maintenance),
    path("changelog", views.change_log),
    re_path(r"^changelog\.(?P<form>json|atom|rss)$", views.change_log_feed),
    path("changelog/<int:pk>", views.change_log_note),
    path("public/look.css", views.look_css),
    path("public/look/logo", views.logo),
]
