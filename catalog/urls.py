"""The addresses of services and environments."""

from django.urls import path, re_path

from catalog import api, views

settings_urls = [
    path("settings/services", views.services, name="settings_services"),
    path("settings/services/new", views.new_service, name="settings_new_service"),
    path("settings/services/<slug:slug>", views.edit_service, name="settings_edit_service"),
    path("settings/environments", views.environments, name="settings_environments"),
    path("settings/environments/new", views.new_environment, name="settings_new_environment"),
    path("settings/environments/<slug:slug>", views.edit_environment, name="settings_edit_environment"),
]

api_urls = [
    re_path(r"^services/?$", api.Services.as_view()),
    re_path(r"^environments/?$", api.Environments.as_view()),
    re_path(r"^teams/?$", api.Teams.as_view()),
]
