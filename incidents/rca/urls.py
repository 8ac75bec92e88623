"""Addresses of analyses and promises: the API and pages."""

from django.urls import path, re_path

from incidents.rca import api, views

_RCA, _ACTION = r"^rcas/(?P<rca>[^/.]+)", r"^actions/(?P<action>[^/]+)"

api_urls = [
    re_path(r"^rcas/?$", api.Rcas.as_view()),
    re_path(rf"{_RCA}/?$", api.OneRca.as_view()),
    re_path(rf"{_RCA}\.md/?$", api.RcaText.as_view()),
    re_path(rf"{_RCA}/whys/?$", api.Whys.as_view()),
    re_path(rf"{_RCA}/whys/(?P<why>[0-9]{{1,18}})/?$", api.OneWhy.as_view()),
    re_path(rf"{_RCA}/submit/?$", api.RcaSubmission.as_view()),
    re_path(rf"{_RCA}/review/?$", api.RcaReview.as_view()),
    re_path(rf"{_RCA}/publish/?$", api.RcaPublication.as_view()),
    re_path(rf"{_RCA}/waive/?$", api.RcaWaiver.as_view()),
    re_path(r"^actions/?$", api.Actions.as_view()),
    re_path(rf"{_ACTION}/?$", api.OneAction.as_view()),
    re_path(rf"{_ACTION}/start/?$", api.ActionStart.as_view()),
    re_path(rf"{_ACTION}/done/?$", api.ActionDone.as_view()),
    re_path(rf"{_ACTION}/verify/?$", api.ActionProof.as_view()),
    re_path(rf"{_ACTION}/ineffective/?$", api.ActionFailure.as_view()),
    re_path(rf"{_ACTION}/wont-do/?$", api.ActionDrop.as_view()),
]

page_urls = [
    path("rcas", views.rcas),
    path("rcas/<str:ref>", views.rca),
    path("rcas/<str:ref>/whys", views.ask),
    path("rcas/<str:ref>/whys/<int:pk>", views.why),
    path("rcas/<str:ref>/share", views.share),
    path("rcas/<str:ref>/promise", views.promise),
    path("rcas/<str:ref>/do/<slug:verb>", views.decide),
    path("incidents/<str:ref>/rca", views.begin),
    path("actions", views.board),
    path("actions.csv", views.export),
    path("actions/<str:ref>", views.action),
    path("actions/<str:ref>/do/<slug:verb>", views.act_on),
    path("causes", views.causes),
]
