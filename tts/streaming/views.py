"""`GET /stream/…`: streams a job's audio while it is generated, once, without a key.

Handles only HTTP. `tts.streaming.job_stream` decides what is sent, and when it ends.
"""

import uuid

from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.views.decorators.csrf import csrf_exempt

from config.errors import DomainError, MethodNotAllowed, error_envelope
from speech.audio.formats import FORMATS
from tts.models import Job
from tts.streaming.job_stream import begin, is_kept_back, listen
from tts.streaming.services import check_stream, open_stream

# Pages of other origins may play it: the URL is the secret, and it works once.
ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
PREFLIGHT = ANY_ORIGIN | {
    "Access-Control-Allow-Methods": "GET, HEAD",
    "Access-Control-Allow-Headers": "Range",
    "Access-Control-Max-Age": "86400",
}


@csrf_exempt
def stream_audio(request: HttpRequest, job_id: uuid.UUID, token: str) -> HttpResponseBase:
    """Sends the audio to the first GET; HEAD only returns the headers. Errors have the API's format."""
    try:
        match request.method:
            case "OPTIONS":
                return HttpResponse(status=204, headers=PREFLIGHT)
            case "HEAD":
                return HttpResponse(headers=_headers(check_stream(job_id=job_id, token=token)))
            case "GET":
                job = open_stream(job_id=job_id, token=token)
                chunks = listen(job, is_counted=not is_kept_back(request))
                return StreamingHttpResponse(begin(chunks, request), headers=_headers(job))
            case _:
                raise MethodNotAllowed("Streams support GET only.")
    except DomainError as error:
        headers = ANY_ORIGIN | {"Cache-Control": "no-store"} | error.headers
        return JsonResponse(error_envelope(error, request), status=error.status, headers=headers)


def _headers(job: Job) -> dict[str, str]:
    return ANY_ORIGIN | {
        "Content-Type": FORMATS[job.output_format].content_type,
        "Cache-Control": "no-store",
        "Accept-Ranges": "none",
        "X-Accel-Buffering": "no",  # tells nginx not to buffer
    }
