"""The process: routers assembled from a stack file, listeners, admin pages, and an orderly end."""
