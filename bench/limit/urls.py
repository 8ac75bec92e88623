"""The limit's three addresses."""

from django.urls import path

from bench.limit import views

urlpatterns = [
    path("deploys", views.deploys),
    path("list", views.page),
]
