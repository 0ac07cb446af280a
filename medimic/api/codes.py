"""Every `code` that a problem document of the API can carry, and what to do about it.

A code never changes its meaning; `/api/docs#<code>` is its `type`. A test reads
the source for `Problem(…)` and finds none that is missing here, and none too many.
"""

from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Code:
    """One code: its statuses, and what it says to whoever calls."""

    statuses: tuple[int, ...]
    meaning: str | Promise


# What any call can meet.
GENERAL: dict[str, Code] = {
    "bad_request": Code((400,), _("The request could not be read. Check its address and headers.")),
    "malformed_json": Code((400,), _("The body is not JSON in UTF-8. Numbers such as NaN are not JSON.")),
    "not_signed_in": Code((401,), _("This call needs a sign-in. Send a token, or sign in first.")),
    "not_allowed": Code((403,), _("The caller is known, and may not do this.")),
    "csrf_failed": Code(
        (403,), _("A call with the portal's cookie must carry the token of the page in X-CSRFToken.")
    ),
    "not_found": Code((404,), _("There is nothing at this address, or nothing that the caller may see.")),
    "method_not_allowed": Code((405,), _("The address exists, for other methods. Allow names them.")),
    "length_required": Code((411,), _("Send the body with a Content-Length; it is not taken in chunks.")),
    "body_too_large": Code((413,), _("The body is larger than any call needs.")),
    "unsupported_type": Code((415,), _("The body must be of the type that the call asks for.")),
    "invalid_content": Code(
        (422,), _("The body or a parameter has a wrong member. “errors” names each one.")
    ),
    "too_many_requests": Code((429,), _("Too many calls in a short time. Retry-After says when to go on.")),
    "internal_error": Code((500,), _("A fault of the portal. It was logged. A later try may succeed.")),
    "unavailable": Code(
        (503,),
        _("The portal cannot reach its database or its cache. Try again after the time in Retry-After."),
    ),
}

# What an operation says for itself, by what it is about.
SPECIFIC: dict[str, Code] = {
    "token_missing": Code((401,), _("Send a token of this device as “Authorization: Bearer …”.")),
    "token_unknown": Code((401,), _("The token is not one of ours, or not of the kind that the call takes.")),
    "token_expired": Code((401,), _("Its time is over. Exchange the refresh token, or sign in again.")),
    "token_ended": Code(
        (401,), _("The device was signed out, on itself or everywhere. Sign in on it again.")
    ),
    "token_reused": Code(
        (401,), _("A spent refresh token came a second time. All tokens that follow from it ended.")
    ),
    "token_bound": Code(
        (401,), _("The token is bound to a key. Send it as “Authorization: DPoP …” with a proof in DPoP.")
    ),
    "token_unbound": Code(
        (401,), _("The token is bound to no key. Send it as “Authorization: Bearer …” without a proof.")
    ),
    "dpop_missing": Code(
        (401,), _("The token is bound to a key, and no proof of it came in the header DPoP.")
    ),
    "dpop_malformed": Code(
        (401,),
        _(
            "The header DPoP holds no proof of RFC 9449: one JWT of the type dpop+jwt, signed with ES256, "
            "with the public key alone in “jwk”, and jti, htm, htu and iat of their types."
        ),
    ),
    "dpop_bad_signature": Code((401,), _("The proof is not signed by the key that stands in it.")),
    "dpop_other_key": Code((401,), _("The proof is by another key than the one that the token is bound to.")),
    "dpop_wrong_method": Code((401,), _("“htm” of the proof is not the method of the call.")),
    "dpop_wrong_address": Code((401,), _("“htu” of the proof is not the address of the call.")),
    "dpop_wrong_time": Code(
        (401,),
        _(
            "“iat” of the proof lies more than 60 seconds back or more than 5 ahead. “server_time” says what "
            "time it is here."
        ),
    ),
    "dpop_wrong_token": Code((401,), _("“ath” of the proof is not the hash of the token that came with it.")),
    "dpop_replayed": Code((401,), _("The proof was used before. Each call needs a new one.")),
    "device_revoked": Code((401,), _("The device's access to the account was revoked. Sign in on it again.")),
    "device_blocked": Code(
        (403,), _("An organization or support ended the device's access, and alone can allow it again.")
    ),
    "pool_closed": Code(
        (403,),
        _("The device is in an organization's pool, whose plan takes no further accounts on it."),
    ),
    "device_limit": Code(
        (409,),
        _(
            "The plan allows no further device. “limit” and “plan” say how many, “devices” what can be "
            "revoked, longest unused first, and “revoke_at” where."
        ),
    ),
    "account_inactive": Code((403,), _("The account is closed.")),
    "reauthentication_required": Code(
        (403,), _("Making a link needs a sign-in of the last 15 minutes. Sign in again.")
    ),
    "person_unknown": Code(
        (404,), _("There is no such person, or none whose devices the caller may see or register.")
    ),
    "no_verified_address": Code(
        (409,), _("The person has no verified address, and the caller may not see the link.")
    ),
    "draft_taken": Code((409,), _("The id that was chosen for the row is taken. Leave it out.")),
    "poll_unknown": Code((404,), _("The poll token is not known here. Open a new link.")),
    "confirmation_refused": Code(
        (403,), _("Another pair of digits was picked, or the sign-in was refused. Open a new link.")
    ),
    "confirmation_expired": Code(
        (410,), _("Nobody confirmed the sign-in within 10 minutes. Open a new link.")
    ),
    "sign_in_unknown": Code((401,), _("The sign-in has ended, or never was. Sign in again.")),
    "sign_in_used": Code((410,), _("The sign-in was used already. Sign in again.")),
    "second_factor_needed": Code((403,), _("The sign-in waits for the code of the second factor.")),
    "single_sign_on_required": Code(
        (403,), _("An organization of the account's lets its provider alone sign it in. Use a link.")
    ),
    "second_factor_required": Code(
        (403,), _("An organization of the account's asks for a second factor, and it has none yet.")
    ),
    "email_unverified": Code((403,), _("The sign-in waits for the code that was mailed to the address.")),
    "registration_unknown": Code((404,), _("The token of the link is not known here.")),
    "registration_expired": Code((410,), _("The link's time is over. Make a new one.")),
    "registration_used": Code((410,), _("The link was used already. Make a new one.")),
    "registration_cancelled": Code((410,), _("The link was cancelled. Make a new one.")),
    "patients_cannot_create": Code(
        (403,), _("A patient can take part in sessions. A provider has to start them.")
    ),
    "quota_exceeded": Code(
        (409,),
        _("The plan's sessions are used up. “plan”, “quota” and “used” say how many; upgrade the plan."),
    ),
    "payment_required": Code(
        (402,),
        _(
            "An invoice is more than 14 days overdue: no new session or device until it is paid, at "
            "“pay_at”. Reading, exporting and revoking go on."
        ),
    ),
    "idempotency_mismatch": Code(
        (422,), _("This Idempotency-Key was used for another body. Use a new key for a new session.")
    ),
    "organization_unknown": Code(
        (422,), _("The account does not work in that organization. Leave it out, or name one of its own.")
    ),
    "answer_received": Code(
        (409,), _("A guest's call can be repeated once, and not after the tokens of its answer were used.")
    ),
    "account_needed": Code((403,), _("A guest cannot do this. Sign in on the device first.")),
    "guest_token_refused": Code(
        (403,), _("The token is not one of a guest on this device, is over, or its sessions are another's.")
    ),
    "host_only": Code((403,), _("The caller takes part in the session, and does not host it.")),
    "code_unknown": Code(
        (404,), _("The code opens no session: it is unknown, or the session is over or full. Check it.")
    ),
    "too_many_guesses": Code(
        (429,),
        _("Too many codes from the same address or account were wrong. Retry-After says when to go on."),
    ),
    "role_refused": Code(
        (422,), _("Only somebody who works with an account of their own can be the provider. Choose a role.")
    ),
    "already_host": Code((409,), _("The device hosts the session, and need not join it.")),
    "handshake_step": Code(
        (409,),
        _("The step was taken before with other content, or is not due. Read the state; or join anew."),
    ),
    "commitment_mismatch": Code(
        (409,), _("The revealed key and nonce are not those of the commitment. Join anew.")
    ),
    "host_stays": Code((409,), _("The host cannot leave. End the session instead.")),
    "shared_device_only": Code((409,), _("Further speakers are for sessions in the mode Shared Device.")),
    "speaker_taken": Code((409,), _("The id is taken by another speaker. Make another one.")),
    "session_full": Code((409,), _("Nobody else fits into the session.")),
    "session_over": Code((409,), _("The session has ended or expired.")),
    "part_over": Code(
        (410,), _("The browser took part, and left, was refused or removed: “reason” says which.")
    ),
    "envelope_exists": Code((409,), _("The session has a key, which stays. Nobody can give it another.")),
    "envelope_missing": Code(
        (404,), _("The session's key was not wrapped for this device. Ask another one of the person's.")
    ),
    "own_request": Code((409,), _("The device asked itself. Another one of the person's answers.")),
    "key_request_over": Code(
        (409,), _("The key request is decided, or older than 10 minutes. Ask anew, with a new nonce.")
    ),
    "browser_unknown": Code(
        (403,), _("The browser is none of the account's devices. Open the portal's page for it first.")
    ),
    "not_admitted": Code((403,), _("The host has yet to admit the caller to the session.")),
    "session_token_needed": Code(
        (403,), _("The session is active: its transcript is for those who call with its token.")
    ),
    "sequence_taken": Code(
        (409,), _("“participant_id” has used “sequence” for another segment. Count on, and send it anew.")
    ),
    "sequence_unreserved": Code(
        (409,),
        _("“sequence” is higher than “reserved_up_to”. Send the earlier segments of the participant first."),
    ),
    "nonce_repeated": Code(
        (409,), _("The nonce of “sequence” was used before in the session. Encrypt it with a fresh one.")
    ),
    "transcript_full": Code((409,), _("The session holds as many segments as it can. Start another one.")),
    "guest_device_needed": Code(
        (422,), _("A call without a token must describe its device, and one with a token must not.")
    ),
    "cursor_unknown": Code(
        (410,), _("The cursor is not one of ours, or of a time that was lost. Begin anew, without one.")
    ),
    "questionnaire_unknown": Code(
        (404,), _("There is no such version of a questionnaire, or the account is not enrolled for it.")
    ),
    "answers_rejected": Code(
        (422,), _("The answers do not fit their questionnaire. “errors” names each by its linkId.")
    ),
    "response_taken": Code(
        (409,), _("Other answers came with this id before. Use a new one for other answers.")
    ),
}

CODES = GENERAL | SPECIFIC
