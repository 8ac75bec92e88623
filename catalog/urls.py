"""The addresses of services and environments."""

from django.urls import path

from catalog import views

settings_urls = [
    path("settings/services", views.services, name="settings_services"),
    path("settings/services/new", views.new_service, name="settings_new_service"),
    path("settings/services/<slug:slug>", views.edit_service, name="settings_edit_service"),
    path("settings/environments", views.environments, name="settings_environments"),
    path("settings/environments/new", views.new_environment, name="settings_new_environment"),
    path("settings/environments/<slug:slug>", views.edit_environment, name="settings_edit_environment"),
]
