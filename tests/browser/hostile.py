"""Texts that would run if a page took them for markup, planted into everything that people can type.

`plant` runs in the process of a portal's `manage.py`; `Detector` sits in a browser and hears of
everything that one of these texts could do.
"""

import json
import re
import uuid
from collections import Counter
from collections.abc import Iterable
from typing import Any

from allauth.account.models import EmailAddress
from django.apps import apps
from django.conf import settings
from django.db import models, transaction
from playwright.sync_api import BrowserContext, Page

from medimic.audit.log import canonical, mac
from medimic.audit.models import AuditEvent

# What is loaded from here was loaded by a text.
PATH = "/planted/"
PAYLOADS = (
    "<script src=/planted/{0}></script>",
    "<img src=/planted/{0} onerror=hit()>",
    '"><svg onload=hit()>',
    "' autofocus onfocus=hit() x='",
    '" onmouseover=hit() style=color:red x="',
    "</script><script>hit()</script>",
    "--></title></textarea></template></select></style><script>hit()</script>",
    "<iframe srcdoc='<script src=/planted/{0}></script>'></iframe><details open ontoggle=hit()>",
    "javascript:hit()//{0}",
    "<a href=javascript:hit()>x</a>",
    '{{{{7*7}}}}{{% now "Y" %}}${{7*7}}`${{hit()}}`%(name)s%s',
    "&lt;script&gt;&#60;b&#x3e;&amp;",
    "\u202eright to left\u202c\u2066<b>\u2069\u200b",
    "\\u003cscript>\\x3cimg src=/planted/{0}>\\",
    "<math><mtext><style><img src=/planted/{0} onerror=hit()></style></mtext></math>",
)
# Quoted, these are addresses.
ADDRESS = '"<img/src=/planted/{0}/onerror=hit()>"@people.example'
AGENT = "Mozilla/5.0 {0}<script src=/planted/{0}></script>\"'><img/src=/planted/{0} onerror=hit()>"

# Every field that holds what somebody typed or a device told, and that pages show. How long it may be
# says the model, if anything.
TYPED = (
    "accounts.Person.first_name",
    "accounts.Person.last_name",
    "accounts.Person.display_name",
    "accounts.Person.email",
    "orgs.Organization.name",
    "orgs.Invitation.email",
    "orgs.QuestionnaireVersion.title",
    "orgs.QuestionnaireVersion.items",
    "orgs.QuestionnaireResponse.content",
    "devices.Device.place",
    "devices.Device.model",
    "devices.Device.os_version",
    "devices.Device.app_version",
    "devices.DeviceAuthorization.name",
    "devices.PoolRequest.place",
    "sessions_app.Visit.name",
    "sessions_app.Participant.name",
    "sessions_app.SessionInvitation.email",
    "outbox.Delivery.recipient_masked",
    "outbox.Delivery.last_error",
    "audit.AuditEvent.details",
    "billing.Subscription.bill_to_name",
    "billing.Subscription.bill_to_address",
    "billing.Subscription.bill_to_tax_id",
)
# In the audit log, these are people's own words.
DETAILS = {"asking", "before", "device", "model", "organization", "place", "title", "to"}
# More than one page of any list shows.
ROWS = 400


class Planter:
    """Writes texts into rows, each with a tag of its own, and remembers which it wrote where."""

    def __init__(self) -> None:
        self.texts: dict[str, tuple[str, str]] = {}
        self.counts: Counter[str] = Counter()

    def text(self, field: str, longest: int | None = None, shape: str = "") -> str:
        number = self.counts[field]
        self.counts[field] += 1
        tag = f"q{TYPED.index(field):02}n{number}z"
        fitting = [one for one in PAYLOADS if not longest or len(one) + 8 + 8 * one.count("{0}") <= longest]
        value = shape.format(tag) if shape else f"{tag} {fitting[number % len(fitting)].format(tag)}"
        self.texts[tag] = field, value
        return value

    def column(self, field: str, rows: Iterable[models.Model] | None = None, shape: str = "") -> None:
        """Into this field of these rows, or of the newest ones."""
        label, name = field.rsplit(".", 1)
        model = apps.get_model(label)
        longest = model._meta.get_field(name).max_length
        chosen = list(model._default_manager.order_by("-pk")[:ROWS] if rows is None else rows)
        for row in chosen:
            setattr(row, name, self.text(field, longest, shape))
        model._default_manager.bulk_update(chosen, [name], batch_size=100)


@transaction.atomic
def plant() -> None:
    """Into everything that is there; prints what was written: `{tag: [field, text]}`."""
    planter = Planter()
    for field in TYPED[:5]:
        if not field.endswith("email"):
            planter.column(field)
    _people(planter)
    planter.column("orgs.Invitation.email", shape=ADDRESS)
    _questionnaires(planter)
    devices = list(apps.get_model("devices.Device").objects.all())
    for name in ("model", "os_version", "app_version"):
        planter.column(f"devices.Device.{name}", devices)
    planter.column("devices.Device.place", [one for one in devices if one.owner_organization_id])
    named = apps.get_model("devices.DeviceAuthorization").objects.order_by("pk")
    # The others are called by their models.
    planter.column("devices.DeviceAuthorization.name", list(named)[::2])
    planter.column("devices.PoolRequest.place")
    hosts = apps.get_model("sessions_app.Visit").objects.order_by("-started_at")[:ROWS]
    planter.column("sessions_app.Visit.name", hosts)
    present = apps.get_model("sessions_app.Participant").objects.filter(visit__in=[one.pk for one in hosts])
    planter.column("sessions_app.Participant.name", present)
    _invitations(planter)
    planter.column("outbox.Delivery.recipient_masked")
    planter.column("outbox.Delivery.last_error")
    for name in ("bill_to_name", "bill_to_address", "bill_to_tax_id"):
        planter.column(f"billing.Subscription.{name}")
    _audit_log(planter)
    print(json.dumps(planter.texts))


def _people(planter: Planter) -> None:
    for address in EmailAddress.objects.select_related("user"):
        address.email = address.user.email = planter.text("accounts.Person.email", shape=ADDRESS).lower()
        address.save()
        address.user.save(update_fields=["email"])


def _invitations(planter: Planter) -> None:
    """To every session that goes on."""
    invitations = apps.get_model("sessions_app.SessionInvitation").objects
    for visit in apps.get_model("sessions_app.Visit").objects.filter(ended_at=None, host__isnull=False):
        invitations.create(
            visit=visit,
            email=planter.text("sessions_app.SessionInvitation.email", shape=ADDRESS),
            email_hash=uuid.uuid4().hex,
            token_hash=uuid.uuid4().hex,
            invited_by_id=visit.host_id,
        )


def _questionnaires(planter: Planter) -> None:
    versions = list(apps.get_model("orgs.QuestionnaireVersion").objects.all())
    planter.column("orgs.QuestionnaireVersion.title", versions)
    for version in versions:
        for item in version.items:
            item["text"] = planter.text("orgs.QuestionnaireVersion.items")
            for option in item.get("answerOption", []):
                option["valueCoding"]["display"] = planter.text("orgs.QuestionnaireVersion.items", 200)
        version.save(update_fields=["items"])
    for response in apps.get_model("orgs.QuestionnaireResponse").objects.all():
        content = json.loads(response.content)
        for answer in (answer for item in content["item"] for answer in item["answer"]):
            if "valueString" in answer:
                answer["valueString"] = planter.text("orgs.QuestionnaireResponse.content")
        response.content = json.dumps(content)
        response.save(update_fields=["content"])


def _audit_log(planter: Planter) -> None:
    """Each row once more, signed like it: what is there nobody changes."""
    for event in list(AuditEvent.objects.all()):
        details = json.loads(event.details)
        for key in DETAILS & details.keys():
            details[key] = planter.text("audit.AuditEvent.details", 300)
        event.pk = uuid.uuid4()
        # The sealer has not come by yet.
        event.batch = event.position = event.person_position = event.organization_position = None
        event.details = canonical(details)
        event.agent = AGENT.format(event.pk)
        event.mac = mac(event, settings.AUDIT_KEYS[0])
        models.Model.save(event, force_insert=True)


WATCH = """
globalThis.hit = () => console.error("a text ran");
addEventListener("securitypolicyviolation", (violation) =>
    console.error(`policy: ${violation.effectiveDirective} ${violation.blockedURI} ${violation.sample}`));
"""
# What a text would have made of itself, and all texts of the page: each node's, each attribute's and field's.
LOOK = r"""() => {
    const made = [], texts = [];
    const roots = [document, ...[...document.querySelectorAll("template")].map((one) => one.content)];
    for (const root of roots) {
        for (const one of root.querySelectorAll("*")) {
            if (one.matches("iframe, math, base, object, embed")) made.push(one.outerHTML);
            for (const {name, value} of one.attributes) {
                const isAddress = /^(href|src|srcset|action|formaction|data|xlink:href|poster)$/.test(name);
                if (name.startsWith("on") || (name === "style" && value.includes("red")))
                    made.push(one.outerHTML);
                if (!isAddress) texts.push(value);
                else if (/^\s*javascript:|^[^?]*planted/i.test(value)) made.push(one.outerHTML);
            }
            if ("value" in one && typeof one.value === "string") texts.push(one.value);
        }
        const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            const {data, parentElement} = walker.currentNode;
            if (!parentElement?.matches("script, style")) texts.push(data);
        }
    }
    return {made, texts: [...new Set(texts)].filter((text) => /q\d\dn\d+z/.test(text))};
}"""
TAG = re.compile(r"q\d\dn\d+z")


class Detector:
    """Hears what texts do in a browser, and reads where they stand as texts."""

    def __init__(self, texts: dict[str, tuple[str, str]]) -> None:
        self.texts = dict(texts)
        self.did: list[str] = []
        self.violations: list[str] = []
        self.mangled: list[str] = []
        self.shown: Counter[str] = Counter()

    def text(self, field: str, payload: str) -> str:
        """One more to look out for, which the test itself types."""
        tag = f"q99n{len(self.texts)}z"
        value = f"{tag} {payload.format(tag)}"
        self.texts[tag] = field, value
        return value

    def watch(self, context: BrowserContext) -> None:
        context.add_init_script(WATCH)
        context.on("console", lambda message: self._hear(message.text, message.location.get("url", "")))
        context.on(
            "request", lambda request: PATH in request.url and self.did.append(f"loaded {request.url}")
        )
        context.on("dialog", lambda dialog: (self.did.append("a dialog"), dialog.dismiss()))

    def _hear(self, text: str, url: str) -> None:
        if text == "a text ran":
            self.did.append(f"{text} on {url}")
        elif text.startswith("policy: "):
            self.violations.append(f"{text} on {url}")

    def look(self, page: Page) -> None:
        """Take note of the page as it stands."""
        found = page.evaluate(LOOK)
        self.did += [f"made {one[:200]} on {page.url}" for one in found["made"]]
        for text in found["texts"]:
            for tag in set(TAG.findall(text)) & self.texts.keys():
                field, value = self.texts[tag]
                if _plain(value) in _plain(text):
                    self.shown[field] += 1
                else:
                    self.mangled.append(f"{value!r} is {text!r} on {page.url}")

    @property
    def faults(self) -> list[str]:
        return list(dict.fromkeys(self.did + self.violations + self.mangled))


def _plain(text: str) -> str:
    return " ".join(text.split())


def fields_of(labels: Iterable[str]) -> dict[str, Any]:
    """The text fields of these apps that are not chosen from a list."""
    texts = (models.CharField, models.TextField, models.JSONField)
    return {
        f"{model._meta.label}.{field.name}": field
        for label in labels
        for model in apps.get_app_config(label).get_models()
        for field in model._meta.get_fields()
        if isinstance(field, texts) and not field.choices and field.editable
    }
