"""Addresses of the gallery."""

from django.urls import path

from medimic.gallery import views

urlpatterns = [
    path("", views.mails, name="mail_gallery"),
    path("<slug:name>/", views.mail, name="mail_sample"),
    path("<slug:name>/html/", views.html, name="mail_sample_html"),
]
