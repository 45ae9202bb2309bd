"""Which content coding a client wants: `accept-encoding`, with its preferences. Source: RFC 9110 section 12.5.3."""

from functools import lru_cache

OFFERED = ("gzip", "deflate")  # the better one first: some old clients take `deflate` for something else
_ALIASES = {"x-gzip": "gzip"}
LONGEST = 1024  # bytes of a field that is read at all


@lru_cache(maxsize=256)
def preferred(accepted: bytes) -> str:
    """Return what of `OFFERED` a client likes best, empty if it would rather have the content as it is."""
    if len(accepted) > LONGEST:
        return ""
    weights: dict[str, float] = {}
    for item in accepted.decode("latin-1").lower().split(","):
        name, *parameters = (part.strip() for part in item.split(";"))
        if name:
            weights[_ALIASES.get(name, name)] = _weight(parameters)
    best = max(OFFERED, key=lambda coding: weights.get(coding, weights.get("*", 0.0)))
    weight = weights.get(best, weights.get("*", 0.0))
    return best if weight > 0 and weight >= weights.get("identity", 0.0) else ""


def _weight(parameters: list[str]) -> float:
    """Return the weight among the parameters of a coding; one that cannot be read refuses it."""
    for parameter in parameters:
        name, _equals, value = parameter.partition("=")
        if name.strip() == "q":
            value = value.strip()
            digits = value.replace(".", "", 1)
            return min(float(value), 1.0) if digits.isascii() and digits.isdigit() and len(value) <= 5 else 0.0
    return 1.0
