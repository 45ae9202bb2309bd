"""The page that shows and sets the levels of loggers, with linkerd's names for them. Source: linkerd, LoggingHandler.scala."""

import logging
from urllib.parse import parse_qs

from mesh.admin.pages import Page, PageReply, PageRequest

logger = logging.getLogger(__name__)

OFF = logging.CRITICAL + 50
LEVELS = {
    "OFF": OFF,
    "FATAL": logging.CRITICAL,
    "CRITICAL": logging.CRITICAL,
    "ERROR": logging.ERROR,
    "WARNING": logging.WARNING,
    "INFO": logging.INFO,
    "DEBUG": logging.DEBUG,
    "TRACE": 5,
    "ALL": 1,
}
ROOT = "root"
MOST_FIELDS = 10


def logging_page() -> Page:
    """Return `/logging.json`: a GET lists the loggers, a POST of a form with `logger` and `level` sets a level."""
    return Page(
        "/logging.json",
        "the levels of all loggers; POST logger=<its name>&level=<DEBUG, INFO, WARNING, …> sets one",
        _handle,
        methods=("GET", "POST"),
    )


def _handle(request: PageRequest) -> PageReply:
    if request.method != "POST":
        return PageReply.of_json([{"logger": name, "level": shown(known)} for name, known in loggers().items()])
    form = parse_qs(request.body.decode("latin-1"), max_num_fields=MOST_FIELDS) | dict(request.query)
    name, level = (form.get(field, [""])[0] for field in ("logger", "level"))
    known, number = loggers().get(name or ROOT), LEVELS.get(level.upper())
    if known is None:
        return PageReply.of_text(f"There is no logger {name}; /logging.json lists them\n", 400)
    if number is None:
        return PageReply.of_text(f"There is no level {level}; there are: {', '.join(LEVELS)}\n", 400)
    known.setLevel(number)
    logger.warning("the logger %s logs from the level %s on now", name or ROOT, level.upper())
    return PageReply.of_json({"logger": name or ROOT, "level": shown(known)})


def loggers() -> dict[str, logging.Logger]:
    """Return every logger by its name; the first is the one above all."""
    known = logging.root.manager.loggerDict
    return {ROOT: logging.root} | {name: one for name, one in sorted(known.items()) if isinstance(one, logging.Logger)}


def shown(known: logging.Logger) -> str:
    """Return the name of the level that is in force for a logger: the strictest that lets as much through."""
    level = known.getEffectiveLevel()
    return next((name for name, number in LEVELS.items() if number <= level and name != "FATAL"), "ALL")
