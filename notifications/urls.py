"""Addresses of the delivery log."""

from django.urls import path

from notifications import views

urlpatterns = [
    path("delivery", views.delivery, name="delivery"),
    path("delivery/<int:pk>/retry", views.retry, name="delivery_retry"),
    path("delivery/<int:pk>/cancel", views.cancel, name="delivery_cancel"),
]
