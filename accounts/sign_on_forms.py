"""allauth's form for those who come from a provider that does not tell all. Apart, as `allauth_forms` is."""

from allauth.socialaccount import forms

from accounts.forms import PlainWords


class SignUpBySignOn(PlainWords, forms.SignupForm):
    pass
