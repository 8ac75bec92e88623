"""Addresses of change management: pages and the API."""

from django.urls import path, re_path

from changes import api as changes_api
from changes import views
from changes.audit import views as audit
from changes.calendar import urls as calendar
from changes.freezes import urls as freezes
from changes.insights import urls as insights
from changes.pipelines import api, gate_api, registration_api
from changes.pipelines import views as pipelines
from changes.preapproved import urls as preapproved
from changes.tickets import urls as tickets
from changes.tickets.api import VERBS

page_urls = [
    path("changes", views.changes),
    path("changes.csv", views.changes_csv),
    *tickets.page_urls,
    path("changes/<str:ref>", views.change),
    path("changes/<str:ref>/proof", views.supply_proof),
    *calendar.page_urls,
    *insights.page_urls,
    path("pipelines", pipelines.pipelines),
    path("pipelines/new", pipelines.new_pipeline),
    path("pipelines/<slug:slug>", pipelines.pipeline),
    path("pipelines/<slug:slug>/deploys", pipelines.pipeline),
    path("pipelines/<slug:slug>/edit", pipelines.edit_pipeline),
    path("pipelines/<slug:slug>/confirm", pipelines.confirm_pipeline),
    *preapproved.page_urls,
    *freezes.page_urls,
    path("audit", audit.audit),
    path("audit/<int:pk>", audit.pack),
    path("audit/<int:pk>/again", audit.ask_again),
    path("audit/<int:pk>/download", audit.download),
    path("policy", views.rules),
    path("policy/<slug:name>", views.rule),
]

api_urls = [
    re_path(r"^deployments/?$", api.Deployments.as_view()),
    re_path(r"^deployments/bulk/?$", api.BulkDeployments.as_view()),
    re_path(r"^deployments/(?P<ref>[^/]+)/?$", api.OneDeployment.as_view()),
    re_path(r"^deployments/(?P<ref>[^/]+)/evidence/?$", api.DeploymentEvidence.as_view()),
    re_path(r"^changes/?$", changes_api.Changes.as_view()),
    re_path(r"^changes/(?P<ref>[^/]+)/?$", changes_api.OneChange.as_view()),
    re_path(r"^changes/(?P<ref>[^/]+)/timeline/?$", changes_api.ChangeTimeline.as_view()),
    *(re_path(rf"^changes/(?P<ref>[^/]+)/{verb}/?$", view.as_view()) for verb, view in VERBS.items()),
    re_path(r"^gate/?$", gate_api.Gate.as_view()),
    re_path(r"^pipelines/?$", registration_api.Pipelines.as_view()),
    re_path(r"^pipelines/(?P<slug>[-a-zA-Z0-9_]+)/?$", registration_api.OnePipeline.as_view()),
    re_path(r"^pipelines/(?P<slug>[-a-zA-Z0-9_]+)/confirm/?$", registration_api.PipelineConfirmation.as_view()),
    *calendar.api_urls,
    *preapproved.api_urls,
    *freezes.api_urls,
    *insights.api_urls,
]
