"""How the browser reaches every page that the portal has.

A route of the URL resolver that stands in neither table fails the run.
"""

# Who asks for it, and the address: a dash stands for the route itself. Names in braces are
# looked up on the page that links there; see `linked`.
VISITS: dict[str, tuple[str, str]] = {}

# Routes that show no page of their own, and why.
NO_PAGE: dict[str, str] = {}
