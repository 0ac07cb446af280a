"""Static files under names that hold their content's hash."""

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedStaticFiles(CompressedManifestStaticFilesStorage):
    """Also where a script imports another one: a page never runs files of two versions."""

    support_js_module_import_aggregation = True
