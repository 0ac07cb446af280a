"""An organization's patients, as those who care for them see them: its providers and admins.

Whoever else asks is told that there is nothing, as of an organization that does not exist.
"""

import dataclasses
import uuid

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.recent import recent_authentication_required
from devices import actions
from devices.models import DeviceAuthorization
from devices.permissions import LinkRight, link_right
from devices.views_authentication import authenticate
from medimic.audit.log import Origin
from medimic.flows import patient_facts
from medimic.formatting import Dates
from medimic.pagination import page_of
from orgs import patients
from orgs.access import managed, workplace
from orgs.forms_patients import PatientForm, PatientSearch
from orgs.models import Membership, Organization
from orgs.standing import SignedInRequest, standing_in

# There may be very many: an index gives them in this order.
NEWEST_FIRST = ("-created_at", "id")


@login_required
@require_safe
def patients_page(request: SignedInRequest, slug: str) -> HttpResponse:
    """The list, the latest added first; found by name or by a whole phone number."""
    organization = workplace(request, slug)
    search = PatientSearch(request.GET, label_suffix="")
    page = page_of(patients.search(organization, search.words), request, order=NEWEST_FIRST)
    context = {
        "organization": organization,
        "page": page,
        "rows": patient_facts.rows(page.rows, slug, Dates.of(request.user)),
        "search": search,
    }
    return render(request, "patients/patients.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def patient_new(request: SignedInRequest, slug: str) -> HttpResponse:
    """Add somebody by name and number; who is there already is offered instead."""
    organization = workplace(request, slug)
    form = PatientForm(request.POST if request.method == "POST" else None)
    context: dict[str, object] = {"organization": organization, "form": form}
    if form.is_valid():
        try:
            membership = patients.add(
                organization=organization,
                by=request.user,
                origin=Origin.of(request),
                is_another="is_another" in request.POST,
                **form.cleaned_data,
            )
        except patients.LookAlikes as found:
            dates = Dates.of(request.user)
            context |= {"look_alikes": patient_facts.rows(found.found, slug, dates), "is_same": found.is_same}
        else:
            messages.success(request, _("%(name)s is added.") % {"name": membership.person.name})
            return redirect("organization_patient", slug, membership.person_id)
    return render(request, "patients/new.html", context)


@login_required
@require_safe
def patient(request: SignedInRequest, slug: str, person_id: uuid.UUID) -> HttpResponse:
    """What is known of one patient: facts, devices, questionnaires and that they were answered."""
    organization, membership = resolve(request, slug, person_id)
    is_admin = standing_in(request).is_admin_of(organization)
    context = {
        "organization": organization,
        "is_admin": is_admin,
        "right": link_right(request.user, membership.person),
        **patient_facts.of(membership, viewer=request.user, with_email=is_admin, may_revoke=is_admin),
    }
    return render(request, "patients/patient.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def patient_details(request: SignedInRequest, slug: str, person_id: uuid.UUID) -> HttpResponse:
    """Put name and number right, of a patient who has nobody else to do it: no sign-in, no other place."""
    organization, membership = resolve(request, slug, person_id)
    person = membership.person
    right = link_right(request.user, person)
    if right is None or not right.may_see:
        raise PermissionDenied
    form = PatientForm(
        request.POST if request.method == "POST" else None,
        initial={
            "first_name": person.first_name,
            "last_name": person.last_name,
            "phone_number": patients.readable(person.phone_number),
        },
    )
    context: dict[str, object] = {"organization": organization, "patient": person, "form": form}
    if form.is_valid():
        try:
            patients.correct(membership=membership, origin=Origin.of(request), **form.cleaned_data)
        except patients.LookAlikes as found:
            context["look_alikes"] = patient_facts.rows(found.found, slug, Dates.of(request.user))
        else:
            messages.success(request, _("The details are saved."))
            return redirect("organization_patient", slug, person_id)
    return render(request, "patients/details.html", context)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@recent_authentication_required
def patient_authentication(request: SignedInRequest, slug: str, person_id: uuid.UUID) -> HttpResponse:
    """Authenticate Device, for a patient."""
    organization, membership = resolve(request, slug, person_id)
    return authenticate(request, _link_right(request, organization, membership))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def patient_revocation(
    request: SignedInRequest, slug: str, person_id: uuid.UUID, authorization_id: uuid.UUID
) -> HttpResponse:
    """An admin ends a patient's device, or cancels a link that nobody has used."""
    organization = managed(request, slug)
    _organization, membership = resolve(request, slug, person_id)
    theirs = DeviceAuthorization.objects.visible_to(membership.person).listed().with_state()
    authorization = get_object_or_404(theirs, pk=authorization_id)
    if request.method == "POST":
        ended = actions.revoke(
            authorization=authorization,
            by=request.user,
            origin=Origin.of(request),
            reason=DeviceAuthorization.RevokedReason.ORGANIZATION,
            organization=organization,
        )
        names = {"device": authorization.title}
        told = (
            _("%(device)s is revoked and signed out.") if ended else _("%(device)s had no access any more.")
        )
        messages.success(request, told % names)
        return redirect("organization_patient", slug, person_id)
    context = {
        "organization": organization,
        "patient": membership.person,
        "row": patient_facts.device_row(authorization, organization, Dates.of(request.user)),
    }
    return render(request, "patients/revocation.html", context)


@login_required
@require_POST
def patient_allowance(
    request: SignedInRequest, slug: str, person_id: uuid.UUID, authorization_id: uuid.UUID
) -> HttpResponse:
    """An admin lets a patient sign in again on a device whose access the organization ended."""
    organization = managed(request, slug)
    _organization, membership = resolve(request, slug, person_id)
    theirs = DeviceAuthorization.objects.visible_to(membership.person).listed()
    authorization = get_object_or_404(theirs, pk=authorization_id)
    if actions.allow_again(
        authorization=authorization, organization=organization, by=request.user, origin=Origin.of(request)
    ):
        told = _("%(device)s may sign in again, by a new link or by the patient's own sign-in.")
        messages.success(request, told % {"device": authorization.title})
    return redirect("organization_patient", slug, person_id)


def resolve(request: SignedInRequest, slug: str, person_id: uuid.UUID) -> tuple[Organization, Membership]:
    """A patient of the organization that the address names, to somebody who works there."""
    organization = workplace(request, slug)
    return organization, get_object_or_404(patients.patients_of(organization), person=person_id)


def _link_right(request: SignedInRequest, organization: Organization, membership: Membership) -> LinkRight:
    right = link_right(request.user, membership.person)
    if right is None:
        raise Http404
    if right.is_own:
        raise PermissionDenied
    # In the name of the organization whose page it is, where both are in several.
    return dataclasses.replace(right, organization=organization)
