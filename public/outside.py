"""Every address that outsiders read without a credential."""

from django.urls import path, re_path

from public import views

urlpatterns = [
    path("changelog", views.change_log),
    re_path(r"^changelog\.(?P<form>json|atom|rss)$", views.change_log_feed),
    path("changelog/<int:pk>", views.change_log_note),
    path("public/look.css", views.look_css),
    path("public/look/logo", views.logo),
]
