"""Running the jobs that apps registered. Of workers side by side one runs a job that is due;
should that worker die, the job falls due again."""

import datetime as dt
import logging

from django.utils import timezone

from medimic.outbox import registry
from medimic.outbox.models import JobRun

logger = logging.getLogger(__name__)

# When a job that failed, or whose worker died, is tried again.
RETRY_AFTER = dt.timedelta(minutes=10)


def prepare() -> None:
    """Make the row of each job that has none."""
    JobRun.objects.bulk_create([JobRun(name=name) for name in registry.job_names()], ignore_conflicts=True)


def run_next() -> bool:
    """Run the job that has been due for longest; False where none is."""
    now = timezone.now()
    due = JobRun.objects.filter(name__in=registry.job_names(), due_at__lte=now).order_by("due_at", "name")
    name = due.values_list("name", flat=True).first()
    if name is None:
        return False
    job = registry.job(name)
    taken = JobRun.objects.filter(name=name, due_at__lte=now).update(
        started_at=now, due_at=now + min(RETRY_AFTER, job.every)
    )
    if taken:
        _run(job, now)
    return True


def _run(job: registry.Job, started_at: dt.datetime) -> None:
    ours = JobRun.objects.filter(name=job.name, started_at=started_at)
    try:
        job.run()
    except Exception as error:
        logger.exception("job %s failed", job.name)
        ours.update(last_error=type(error).__name__[:200])
    else:
        ours.update(finished_at=timezone.now(), due_at=started_at + job.every, last_error="")
