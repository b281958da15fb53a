"""`POST /api/v1/tts/quote`: returns what a request would cost, without submitting it."""

from django.http import HttpResponse
from rest_framework.request import Request

from accounts.api.key_auth import KEY_ERRORS, KeyView, get_request_key
from billing.money import format_credits
from config.api import success
from config.errors import PayloadTooLarge, UnsupportedMediaType, ValidationFailed
from config.schema import described
from tts.api.jobs import check_webhook_url
from tts.api.schema import SpeechQuote
from tts.api.serializers import SpeechSerializer
from tts.services.submit import quote_job
from voices.errors import InvalidVoice


class JobQuote(KeyView):
    """Counts as `read` and requires only speech:read, because it creates nothing."""

    @described(
        name="quoteSpeech",
        summary="Get a quote",
        tag="Speech",
        request=SpeechSerializer,
        success={200: SpeechQuote},
        errors=[*KEY_ERRORS, ValidationFailed, InvalidVoice, PayloadTooLarge, UnsupportedMediaType],
    )
    def post(self, request: Request) -> HttpResponse:
        """Accepts the body of `POST /tts` and returns what it would cost. Nothing is charged.

        The checks and errors are the same, except that insufficient credits are not an error: the response says
        whether the account can afford the request.
        """
        speech = SpeechSerializer(data=request.data).speech_request()
        check_webhook_url(speech, self.account)
        quote = quote_job(account=self.account, api_key=get_request_key(request), request=speech)
        data = {
            "voice_id": quote.voice.voice_id,
            "model_type": quote.voice.model_type,
            "chars_charged": quote.chars,
            "credits_charged": format_credits(quote.cost_microcredits),
            "credits_available": format_credits(quote.remaining_microcredits),
            "is_affordable": quote.is_affordable,
        }
        return success(data, headers={"Cache-Control": "no-store"})
