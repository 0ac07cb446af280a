"""The channel of mails, over Django's e-mail backend."""

import smtplib
from typing import Any

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection

from medimic.outbox.registry import Message, Refused, Retry, Unreachable

# RFC 5322, section 2.1.1.
LONGEST_LINE = 998


class EmailChannel:
    """Takes a body of `subject`, `text`, `language` and perhaps `html` and `unsubscribe_url`."""

    def send(self, message: Message) -> None:
        try:
            # Django's SMTP backend waits for ever where no time is given.
            connection = get_connection(timeout=settings.EMAIL_TIMEOUT)
            sent = connection.send_messages([compose(message)])
        except smtplib.SMTPRecipientsRefused as error:
            raise _verdict(min(code for code, _ in error.recipients.values())) from error
        except smtplib.SMTPDataError as error:
            raise _verdict(error.smtp_code) from error
        except smtplib.SMTPSenderRefused as error:
            # The fault is in the set-up, and this mail will go out once it is mended, whatever the
            # code says.
            raise Retry(f"the mail server answered {error.smtp_code}") from error
        except smtplib.SMTPResponseException as error:
            # Greeting or sign-in: no mail at all goes out until that is mended.
            raise Unreachable(f"the mail server answered {error.smtp_code}") from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unreachable(f"the mail server was not reached: {type(error).__name__}") from error
        if not sent:
            raise Retry("the e-mail backend sent nothing")

    def masked(self, recipient: str) -> str:
        name, _, domain = recipient.rpartition("@")
        return f"{name[:1]}…@{domain}"


class Mail(EmailMultiAlternatives):
    """Has each header in one line: Python begins one with a long address by an empty line."""

    def message(self) -> Any:
        written = super().message()
        written.policy = written.policy.clone(max_line_length=LONGEST_LINE)
        return written


def compose(message: Message) -> EmailMultiAlternatives:
    body: dict[str, Any] = message.body
    mail = Mail(
        subject=body["subject"],
        body=body["text"],
        to=[message.recipient],
        headers={
            # The same for every attempt, so that mail programs show a repeated one once.
            "Message-ID": f"<{message.id}@{settings.PORTAL_HOST}>",
            "Auto-Submitted": "auto-generated",
            "Content-Language": body.get("language") or settings.LANGUAGE_CODE,
        },
    )
    if url := body.get("unsubscribe_url"):
        # RFC 8058: a mailbox's own button posts to it, without a page in between.
        mail.extra_headers["List-Unsubscribe"] = f"<{url}>"
        mail.extra_headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    if "html" in body:
        mail.attach_alternative(body["html"], "text/html")
    return mail


def _verdict(code: int) -> Exception:
    reason = f"the mail server answered {code}"
    return Refused(reason) if code >= 500 else Retry(reason)
