"""The admin server: its pages, and how they are served."""

from mesh.admin.index import add_index
from mesh.admin.liveness import liveness_pages
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
    "liveness_pages",
    "metrics_page",
    "prometheus_page",
    "site_service",
]
