"""To a provider and back. Whatever goes wrong there ends in a page that says what to do."""

import logging
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.helpers import complete_social_login
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import ProviderException
from allauth.socialaccount.providers.base.constants import AuthProcess
from allauth.socialaccount.providers.base.utils import respond_to_login_on_get
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe
from joserfc.errors import JoseError
from requests import RequestException

from accounts.oidc.adapter import Adapter
from accounts.oidc.provider import OpenIdConnect
from medimic.audit.log import Origin, record

logger = logging.getLogger(__name__)

# What a provider's answer that is not in shape raises, beside what says so.
OUT_OF_SHAPE = (
    OAuth2Error, JoseError, ProviderException, PermissionDenied, KeyError, TypeError, ValueError,
)  # fmt: skip
PROCESSES = (AuthProcess.LOGIN, AuthProcess.CONNECT)


@require_http_methods(["GET", "HEAD", "POST"])
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """GET asks, since any site could link here; POST goes on to the provider."""
    return _answer(request, provider_id, Login)


@require_safe
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Where the provider sends people back to."""
    return _answer(request, provider_id, Callback)


def _answer(request: HttpRequest, provider_id: str, view: Any) -> HttpResponse:
    adapter = Adapter(request, provider_id)
    try:
        adapter.get_provider()
    except SocialApp.DoesNotExist:
        raise Http404 from None
    answer: HttpResponse = view.adapter_view(adapter)(request)
    return answer


class Login(OAuth2LoginView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        provider = self.get_provider()
        process = request.GET.get("process", AuthProcess.LOGIN)
        if process not in PROCESSES:
            raise Http404
        if process == AuthProcess.CONNECT and not request.user.is_authenticated:
            return redirect("account_login")
        asked: HttpResponse | None = respond_to_login_on_get(request, provider)
        if asked is not None or request.method != "POST":
            return asked or HttpResponse()
        try:
            onward = provider.redirect_from_request(request)
        except (RequestException, *OUT_OF_SHAPE) as error:
            return failed(request, provider, error)
        if not isinstance(onward, HttpResponseRedirect):
            return onward
        # The policy lets a form lead nowhere but here, so that it is the page that goes on.
        return render(request, "socialaccount/onward.html", {"provider": provider, "url": onward.url})


class Callback(OAuth2CallbackView):
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        provider = self.adapter.get_provider()
        state, refused = self._get_state(request, provider)
        if refused:
            return failed(request, provider, OAuth2Error("there is no such attempt in this browser"))
        if request.GET.get("error") == self.adapter.login_cancelled_error:
            return redirect("socialaccount_login_cancelled")
        try:
            found = self._fetch(request, provider, state)
        except (RequestException, *OUT_OF_SHAPE) as error:
            return failed(request, provider, error)
        return _complete(request, found)

    def _fetch(self, request: HttpRequest, provider: OpenIdConnect, state: dict[str, Any]) -> SocialLogin:
        """The provider's answer, over the network: outside of any transaction."""
        if "error" in request.GET or "code" not in request.GET:
            raise OAuth2Error(f"the provider refused: {request.GET.get('error', '')[:60]!r}")
        client = self.adapter.get_client(request, provider.app)
        answered = self.adapter.get_access_token_data(
            request, provider.app, client, pkce_code_verifier=state.get("pkce_code_verifier")
        )
        token = self.adapter.parse_token(answered)
        self.adapter.nonce = state.get("nonce", "")
        found = self.adapter.complete_login(request, provider.app, token, response=answered)
        found.token, found.state = token, state
        return found


def _complete(request: HttpRequest, found: SocialLogin) -> HttpResponse:
    """Sign in, up or connect: the person, the audit rows and the mails stand or fall together."""
    try:
        with transaction.atomic():
            answer: HttpResponse = complete_social_login(request, found)
            return answer
    except IntegrityError:
        # The same person, in the same instant, in another tab: now they are known.
        return redirect("account_login")
    except ImmediateHttpResponse as answered:
        return answered.response


def failed(request: HttpRequest, provider: OpenIdConnect, error: Exception) -> HttpResponse:
    """The page for what did not work; 503 where the provider does not answer, else 401."""
    is_away = isinstance(error, RequestException)
    # Never what the other side said: it may quote a code or a token.
    logger.warning("single sign-on by %s failed: %s", provider.app.provider_id, type(error).__name__)
    with transaction.atomic():
        record(
            "accounts.sign_on_failed",
            origin=Origin.of(request),
            person_id=request.user.pk if request.user.is_authenticated else None,
            details={"provider": provider.name, "answered": not is_away},
        )
    context = {"provider": provider, "is_away": is_away}
    return render(request, "socialaccount/authentication_error.html", context, status=503 if is_away else 401)
