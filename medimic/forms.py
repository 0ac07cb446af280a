"""How forms are drawn: one renderer for all of them, allauth's too."""

from django.forms.renderers import TemplatesSetting


class PortalRenderer(TemplatesSetting):
    """`{{ form }}` with an error summary, and `{{ field.as_field_group }}` with label, help and error.

    Widgets stay Django's own: the admin draws them as well.
    """

    form_template_name = "components/form.html"
    field_template_name = "components/field.html"
