"""The admin server: its pages, and how they are served."""

from mesh.admin.documents import document_pages
from mesh.admin.index import add_index
from mesh.admin.liveness import liveness_pages
from mesh.admin.logging_page import logging_page
from mesh.admin.metrics_pages import metrics_page, prometheus_page
from mesh.admin.pages import HTML, JSON, TEXT, Page, PageReply, PageRequest, Site
from mesh.admin.security import Security
from mesh.admin.site_service import site_service

__all__ = [
    "HTML",
    "JSON",
    "TEXT",
    "Page",
    "PageReply",
    "PageRequest",
    "Security",
    "Site",
    "add_index",
    "document_pages",
    "liveness_pages",
    "logging_page",
    "metrics_page",
    "prometheus_page",
    "site_service",
]
