"""Addresses of templates: pages and the API."""

from django.urls import path, re_path

from changes.preapproved import api, views

NAME = "(?P<slug>[-a-zA-Z0-9_]+)"

page_urls = [
    path("templates", views.templates),
    path("templates/new", views.new_template),
    path("templates/<slug:slug>", views.template),
    path("templates/<slug:slug>/edit", views.edit_template),
    path("templates/<slug:slug>/approve", views.approve_template),
    path("templates/<slug:slug>/retire", views.retire_template),
]

api_urls = [
    re_path(r"^templates/?$", api.Templates.as_view()),
    re_path(rf"^templates/{NAME}/?$", api.OneTemplate.as_view()),
    re_path(rf"^templates/{NAME}/approve/?$", api.TemplateApproved.as_view()),
    re_path(rf"^templates/{NAME}/retire/?$", api.TemplateRetired.as_view()),
]
