"""`{% rows %}` prints what Django's own loop prints."""

from types import SimpleNamespace

import pytest
from django.template import TemplateSyntaxError, engines
from django.utils.safestring import SafeString

pytestmark = pytest.mark.once

ROWS = [
    SimpleNamespace(
        name="<b>Anna</b>", sign=SafeString("<i></i>"), count=3, is_new=True, inner=SimpleNamespace(x="a&b")
    ),
    SimpleNamespace(name="", sign=SafeString(), count=0, is_new=False, inner=SimpleNamespace(x="'")),
]


def draw(source, **context):
    return engines["django"].from_string("{% load rows %}" + source).render({"rows": ROWS, **context})


@pytest.mark.parametrize(
    "body",
    [
        "<td>{{ row.name }}</td>{{ row.sign }}{{ row.count }}",
        "{{ row.inner.x }}",
        "{{ label }}: {{ row.name }}{{ label }}",
        "{{ label|upper }}{{ missing }}",
        "{% if row.is_new %}new {{ row.name }}{% endif %}.",
        "{% if row.is_new %}new{% elif row.inner.x %}old {{ row.inner.x }}{% else %}none{% endif %}",
        "{% if not row.is_new %}{% if row.count %}a{% else %}b{{ label }}{% endif %}{% endif %}",
        "{% if shown %}{{ row.name }}{% else %}hidden{% endif %}{% if missing %}?{% endif %}",
    ],
)
@pytest.mark.parametrize("shown", [True, False])
def test_it_prints_what_a_for_prints(body, shown):
    context = {"label": "<Name>", "shown": shown}
    expected = draw(f"{{% for row in rows %}}{body}{{% endfor %}}", **context)
    assert draw(f"{{% rows row in rows %}}{body}{{% endrows %}}", **context) == expected


def test_no_rows_print_nothing():
    assert draw("{% rows row in rows %}x{% endrows %}{% rows row in nothing %}x{% endrows %}", rows=[]) == ""


def test_a_name_that_is_not_there_fails():
    with pytest.raises(AttributeError, match="nmae"):
        draw("{% rows row in rows %}{{ row.nmae }}{% endrows %}")


@pytest.mark.parametrize(
    "source",
    [
        "{% rows row of rows %}{% endrows %}",
        "{% rows row in rows %}{{ row.name|upper }}{% endrows %}",
        "{% rows row in rows %}{% if row.count > 1 %}{% endif %}{% endrows %}",
        "{% rows row in rows %}{% url 'sessions' %}{% endrows %}",
        "{% rows row in rows %}",
    ],
)
def test_what_it_cannot_do_is_refused_when_the_template_is_read(source):
    with pytest.raises(TemplateSyntaxError):
        draw(source)
