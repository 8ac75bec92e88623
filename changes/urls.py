"""Addresses of change management in the API."""

from django.urls import re_path

from changes.pipelines import api

api_urls = [
    re_path(r"^deployments/?$", api.Deployments.as_view()),
    re_path(r"^deployments/bulk/?$", api.BulkDeployments.as_view()),
    re_path(r"^deployments/(?P<ref>[^/]+)/evidence/?$", api.DeploymentEvidence.as_view()),
]
