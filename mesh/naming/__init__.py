"""Names: paths, name trees, dtabs, and what rewrites and draws them."""
