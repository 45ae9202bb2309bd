"""Which pages of the admin server may be asked for. Source: linkerd, admin, SecurityFilter.scala."""

import re

from mesh.admin.pages import plain
from mesh.settings import AdminSecurity

_UI = re.compile(
    r"/|/files/.*|/admin/files/.*|/config[.]json|/metrics[.]json|/admin/metrics[.]json|/admin/metrics"
    r"|/delegator|/delegator[.]json|/logging|/help|/favicon[.]ico"
)
_CONTROL = re.compile(r"/admin/shutdown|/admin/reload|/admin/breakers/reset|/logging[.]json")


class Security:
    """Says of every path whether it is shown: a blacklisted one never, a whitelisted one always, others by their category.

    Categories are linkerd's, by path: pages for people, pages that change something, and all else, which are diagnostics.
    """

    def __init__(self, settings: AdminSecurity) -> None:
        self._settings = settings
        self._white = [re.compile(pattern) for pattern in settings.path_whitelist]
        self._black = [re.compile(pattern) for pattern in settings.path_blacklist]

    def allows(self, path: str) -> bool:
        """Return whether a decoded path may be asked for; a `/` at its end makes no difference, as with pages."""
        path = plain(path)
        if any(pattern.fullmatch(path) for pattern in self._black):
            return False
        return self._is_enabled(path) or any(pattern.fullmatch(path) for pattern in self._white)

    def _is_enabled(self, path: str) -> bool:
        if _UI.fullmatch(path):
            return self._settings.ui_enabled
        if _CONTROL.fullmatch(path):
            return self._settings.control_enabled
        return self._settings.diagnostics_enabled
