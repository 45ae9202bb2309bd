"""The admin server: its pages, and how they are served."""

from mesh.admin.index import add_index as add_index
from mesh.admin.liveness import liveness_pages as liveness_pages
from mesh.admin.metrics_pages import metrics_page as metrics_page
from mesh.admin.metrics_pages import prometheus_page as prometheus_page
from mesh.admin.pages import HTML as HTML
from mesh.admin.pages import JSON as JSON
from mesh.admin.pages import TEXT as TEXT
from mesh.admin.pages import Page as Page
from mesh.admin.pages import PageReply as PageReply
from mesh.admin.pages import PageRequest as PageRequest
from mesh.admin.pages import Site as Site
from mesh.admin.security import Security as Security
from mesh.admin.site_service import site_service as site_service

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
