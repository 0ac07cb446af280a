"""All samples, by name and in the order of their apps."""

from medimic.gallery import accounts, billing, devices, organizations, sessions  # noqa: F401 they register
from medimic.gallery.registry import SAMPLES

__all__ = ["SAMPLES"]
