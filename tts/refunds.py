"""How much of a job's charge is kept: one rule, whichever way the job ends and whoever ended it.

| the job      | what is kept                                                                                   |
|--------------|------------------------------------------------------------------------------------------------|
| completed    | everything, whether or not anybody listened; nothing when the text says nothing                |
| failed       | what was handed out of its stream                                                              |
| cancelled    | what was synthesised or what was handed out, whichever is more; nothing while the audio waits  |
|              | for the store and none of it was handed out                                                    |

Owns the arithmetic. `tts.services.lifecycle` applies it in the transaction that ends the job.
"""

from billing.money import format_credits
from tts.models import Job, JobStatus


def get_refund_microcredits(job: Job, *, status: JobStatus) -> int:
    """What goes back when `job` ends as `status`: from 0 to its whole cost. The caller holds the job's row.

    A completed job has synthesised all of its text, or nothing, because there was nothing to say.
    """
    kept_chars = min(_get_kept_chars(job, status), job.chars_charged)
    kept_microcredits = -(-job.cost_microcredits * kept_chars // job.chars_charged)  # rounded up
    return job.cost_microcredits - kept_microcredits


def describe_refund(job: Job, refund_microcredits: int) -> str:
    """A sentence for the owner of a failed job."""
    if refund_microcredits == job.cost_microcredits:
        return "Your credits were refunded."
    kept = format_credits(job.cost_microcredits - refund_microcredits)
    return f"You were charged {kept} credits for the audio that was already streamed."


def _get_kept_chars(job: Job, status: JobStatus) -> int:
    match status:
        case JobStatus.COMPLETED:
            return job.chars_charged if job.chars_done else 0
        case JobStatus.FAILED:
            return job.chars_handed_out
        case JobStatus.CANCELLED:
            was_lost = job.is_storing and job.chars_handed_out == 0
            return 0 if was_lost else max(job.chars_done, job.chars_handed_out)
    raise ValueError(f"A job with status {status} has not ended.")
