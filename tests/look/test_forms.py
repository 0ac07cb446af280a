"""How forms are drawn."""

from django import forms


class Letter(forms.Form):
    name = forms.CharField(help_text="As on the badge.")
    nickname = forms.CharField(required=False)
    urgent = forms.BooleanField(required=False, help_text="Tonight.")
    way = forms.ChoiceField(choices=[("post", "Post"), ("mail", "Mail")], widget=forms.RadioSelect)

    def clean(self):
        raise forms.ValidationError("Something as a whole.")


def test_errors_are_summed_up_and_linked():
    page = str(Letter({}))

    assert 'class="message is-danger error-summary" tabindex="-1" autofocus role="alert"' in page
    assert '<a href="#id_name">This field is required.</a>' in page
    assert "Something as a whole." in page


def test_field_points_at_its_help_and_its_error():
    page = str(Letter({"name": ""}))

    assert 'aria-describedby="id_name_helptext id_name_error"' in page
    assert 'id="id_name_helptext"' in page
    assert 'id="id_name_error"' in page
    assert 'aria-invalid="true"' in page


def test_what_may_be_left_out_is_marked_in_words():
    page = str(Letter())

    assert page.count("(optional)") == 1


def test_choices_are_a_group_with_a_legend_to_jump_to():
    page = str(Letter({}))

    assert '<a href="#id_way_0">' in page
    assert page.count('id="id_way_0"') == 1
    assert "<legend>Way</legend>" in page


def test_without_errors_there_is_no_summary():
    assert "error-summary" not in str(Letter())
