"""Decides how much of a job's charge is kept. The same rule applies no matter how or by whom the job is ended.

| the job      | what is kept                                                                                   |
|--------------|------------------------------------------------------------------------------------------------|
| completed    | everything, whether or not the audio was played; nothing if the text contains nothing to say   |
| failed       | what was sent to the listener of its stream                                                    |
| cancelled    | what was synthesized or what was sent, whichever is more; nothing if the audio is still        |
|              | waiting to be stored and none of it was sent                                                   |

`tts.services.lifecycle` applies the rule in the transaction that ends the job.
"""

from billing.money import format_credits
from tts.models import Job, JobStatus


def get_refund_microcredits(job: Job, *, status: JobStatus) -> int:
    """Returns the refund when `job` ends as `status`: from 0 to its whole cost. The caller has locked the job's row.

    A completed job has synthesized all of its text, or none because the text contains nothing to say.
    """
    kept_chars = min(_get_kept_chars(job, status), job.chars_charged)
    kept_microcredits = -(-job.cost_microcredits * kept_chars // job.chars_charged)  # rounded up
    return job.cost_microcredits - kept_microcredits


def describe_refund(job: Job, refund_microcredits: int) -> str:
    """Returns a sentence for the owner of a failed job."""
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
