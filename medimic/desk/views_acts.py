"""Support's acts: a page that says what will happen and asks why, and then does it."""

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from allauth.account.decorators import reauthentication_required
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.models import Person
from accounts.requests import SignedInRequest
from devices import blocks
from devices.models import DeviceAuthorization
from medimic.audit.log import Origin
from medimic.desk import acts
from medimic.desk.forms import IdentityForm, ReasonForm
from sessions_app import sole_keys

View = Callable[..., HttpResponse]


ASK_AND_DO = ("GET", "HEAD", "POST")


def desk_view(permission: str, methods: Sequence[str] = ASK_AND_DO) -> Callable[[View], View]:
    """For staff with a verified second factor who may do that; GET asks, POST does."""

    def decorate(view: View) -> View:
        def checked(request: SignedInRequest, **found: Any) -> HttpResponse:
            if not request.user.has_perm(permission):
                raise PermissionDenied
            return view(request, **found)

        def behind_the_door(request: HttpRequest, **found: Any) -> HttpResponse:
            # When it is called: the site is there only once all apps are.
            guarded: View = admin.site.admin_view(require_http_methods(list(methods))(checked))
            return guarded(request, **found)

        return behind_the_door

    return decorate


def ask(
    request: SignedInRequest,
    form: ReasonForm,
    *,
    question: str,
    happens: list[str],
    button: str,
    back: str,
    refusal: str = "",
    is_danger: bool = True,
) -> HttpResponse:
    """The page of an act; with a `refusal` it says why it cannot be done, and has no form."""
    context = {
        **admin.site.each_context(request),
        "title": question,
        "form": form,
        "happens": happens,
        "button": button,
        "back": back,
        "refusal": refusal,
        "is_danger": is_danger,
    }
    return render(request, "admin/desk/act.html", context, status=400 if form.errors else 200)


def person_page(person_id: uuid.UUID | None) -> str:
    if person_id is None:
        return reverse("admin:index")
    return reverse("admin:accounts_person_change", args=[person_id])


def form_of(request: HttpRequest, kind: type[ReasonForm] = ReasonForm) -> ReasonForm:
    return kind(request.POST if request.method == "POST" else None)


@desk_view("desk.revoke_device")
def device_revocation(request: SignedInRequest, authorization_id: uuid.UUID) -> HttpResponse:
    authorization = _authorization(authorization_id)
    back, names = person_page(authorization.account_id), {"device": authorization.title}
    form = form_of(request)
    if form.is_valid() and not authorization.revoked_at:
        acts.revoke_device(
            authorization=authorization,
            by=request.user,
            reason=form.cleaned_data["reason"],
            origin=Origin.staff(request),
        )
        messages.success(request, _("%(device)s is revoked and signed out.") % names)
        return redirect(back)
    happens = [
        _("From the very next request on nothing that this device holds for the account works."),
        _("Only support can let it be used again. Sessions and transcripts stay."),
        _("The person is told by mail, and reads your reason in their Activity."),
    ]
    alone = sole_keys.on(authorization) if authorization.is_active else 0
    if alone:
        happens.append(_("Transcripts that can be read on this device alone: %(count)d.") % {"count": alone})
    return ask(
        request,
        form,
        question=_("Revoke %(device)s?") % names,
        happens=happens,
        button=_("Revoke device"),
        back=back,
        refusal=_("It has no access any more.") if authorization.revoked_at else "",
    )


@desk_view("desk.revoke_device")
def device_allowance(request: SignedInRequest, authorization_id: uuid.UUID) -> HttpResponse:
    authorization = _authorization(authorization_id)
    back, names = person_page(authorization.account_id), {"device": authorization.title}
    form = form_of(request)
    try:
        refusal = "" if blocks.may_lift(authorization) else _("Nothing blocks it.")
    except blocks.AskThem as theirs:
        refusal = _(
            "%(organization)s ended its access, and the person works there. An admin of %(organization)s "
            "can allow it again, on the page of the device. Support does not overrule them."
        ) % {"organization": theirs.organization}
    if not refusal and form.is_valid():
        acts.lift_block(
            authorization=authorization,
            by=request.user,
            reason=form.cleaned_data["reason"],
            origin=Origin.staff(request),
        )
        messages.success(request, _("%(device)s can be used again, after a sign-in on it.") % names)
        return redirect(back)
    return ask(
        request,
        form,
        question=_("Let %(device)s be used again?") % names,
        happens=[
            _("The person can sign in on it again, or use a new link. Nothing of before comes back."),
            _("The person is told by mail, and reads your reason in their Activity."),
        ],
        button=_("Lift the block"),
        back=back,
        refusal=refusal,
    )


@desk_view("desk.end_sign_ins")
def sign_outs(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    person = get_object_or_404(Person, pk=person_id)
    form = form_of(request)
    if form.is_valid():
        acts.end_sign_ins(person=person, reason=form.cleaned_data["reason"], origin=Origin.staff(request))
        messages.success(request, _("%(person)s is signed out everywhere.") % {"person": person})
        return redirect(person_page(person.pk))
    return ask(
        request,
        form,
        question=_("End all sign-ins of %(person)s?") % {"person": person},
        happens=[
            _("Every browser is signed out, every trusted browser forgotten, every device's tokens end."),
            _("The devices stay connected, and work again after a sign-in on them."),
            _("The person reads your reason in their Activity."),
        ],
        button=_("End all sign-ins"),
        back=person_page(person.pk),
    )


@desk_view("desk.resend_verification")
def verification(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    person = get_object_or_404(Person, pk=person_id)
    address = acts.unverified_address(person)
    form = form_of(request)
    if address and form.is_valid():
        acts.resend_verification(
            person=person, reason=form.cleaned_data["reason"], origin=Origin.staff(request)
        )
        messages.success(request, _("A mail is on its way to %(address)s.") % {"address": address})
        return redirect(person_page(person.pk))
    return ask(
        request,
        form,
        question=_("Ask %(person)s again to verify their address?") % {"person": person},
        happens=[
            _("A mail goes to %(address)s. It says how to verify the address; it holds no code.")
            % {"address": address},
        ],
        button=_("Send the mail"),
        back=person_page(person.pk),
        refusal="" if address else _("No address of theirs waits to be verified."),
        is_danger=False,
    )


@desk_view("desk.remove_factors")
@reauthentication_required
def factor_removal(request: SignedInRequest, person_id: uuid.UUID) -> HttpResponse:
    """A sign-in of long ago does not do: whoever finds staff's browser open could let a stranger in."""
    person = get_object_or_404(Person, pk=person_id)
    form = form_of(request, IdentityForm)
    if not person.is_staff and form.is_valid():
        number = acts.remove_factors(person=person, origin=Origin.staff(request), **form.cleaned_data)
        told = _("The second factors of %(person)s are removed.") if number else _("There was none.")
        messages.success(request, told % {"person": person})
        return redirect(person_page(person.pk))
    return ask(
        request,
        form,
        question=_("Remove the second factors of %(person)s?") % {"person": person},
        happens=[
            _("Authenticator app, passkeys and recovery codes stop working; the password stays as it is."),
            _("The person is signed out everywhere, and their next sign-in asks for the password alone."),
            _("They are told by mail at once, with a link that locks the account if it was not them."),
        ],
        button=_("Remove second factors"),
        back=person_page(person.pk),
        refusal=_("Not for staff: an administrator of the server does that.") if person.is_staff else "",
    )


def _authorization(authorization_id: uuid.UUID) -> DeviceAuthorization:
    rows = DeviceAuthorization.objects.select_related("account", "device", "revoked_in")
    return get_object_or_404(rows.defer("phone_number", "account__phone_number"), pk=authorization_id)
