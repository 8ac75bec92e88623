"""The addresses of how people are reached."""

from django.urls import path, re_path

from accounts.contacts import api, views

settings_urls = [
    path("settings/notifications", views.notifications, name="settings_notifications"),
    path("settings/notifications/contacts", views.add_contact, name="settings_add_contact"),
    path("settings/notifications/contacts/<int:pk>/verify", views.verify_contact, name="settings_verify_contact"),
    path("settings/notifications/contacts/<int:pk>/code", views.send_code, name="settings_send_code"),
    path("settings/notifications/contacts/<int:pk>/remove", views.remove_contact, name="settings_remove_contact"),
    path("settings/notifications/test", views.send_test, name="settings_send_test"),
    path("unsubscribe/<str:token>", views.stop_mails, name="unsubscribe"),
]
api_urls = [re_path(r"^me/notifications/?$", api.MyNotifications.as_view())]
