"""Steps of a sign-in that differ from allauth's."""

from allauth.core.internal.httpkit import is_headless_request
from allauth.mfa.stages import AuthenticateStage
from django.http import HttpRequest

from accounts import trusted_browsers


class SecondFactor(AuthenticateStage):
    """Asked for, unless it was shown in this browser before, which is trusted. On a phone always."""

    def _should_handle(self, request: HttpRequest) -> bool:
        if not super()._should_handle(request):
            return False
        return is_headless_request(request) or not trusted_browsers.spares_prompt(request, self.login.user)
