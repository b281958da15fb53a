"""The form of the playground, and the filters of the list of jobs."""

from datetime import UTC, datetime, time, timedelta
from typing import Any

from django import forms

from config.errors import DomainError
from speech.audio.formats import SAMPLE_RATES_HERTZ
from tts.api.serializers import SpeechSerializer
from tts.models import JobStatus
from tts.requests import SpeechRequest

OUTPUT_FORMATS = [("mp3", "MP3, plays anywhere"), ("wav", "WAV, lossless"), ("ogg_opus", "Ogg Opus, smallest")]
TEXT_FORMATS = [("text", "Plain text"), ("ssml", "SSML"), ("markup", "Markup, with pauses in brackets")]
RATES = [("", "Default of the voice"), *((str(rate), f"{rate:,} Hz") for rate in SAMPLE_RATES_HERTZ)]
NOT_A_CHOICE = {"invalid_choice": "Choose an option from the list."}


class SpeechForm(forms.Form):
    """A request for speech.

    Validation against the voice is the API's: `speech_request` turns this form into the fields of the API's body.
    """

    text = forms.CharField(
        strip=False,
        widget=forms.Textarea(attrs={"rows": 12}),
        error_messages={"required": "Enter a text."},
    )
    voice_id = forms.CharField(max_length=160, label="Voice", error_messages={"required": "Choose a voice."})
    output_format = forms.ChoiceField(
        label="Audio format", choices=OUTPUT_FORMATS, initial="mp3", error_messages=NOT_A_CHOICE
    )
    speed = forms.FloatField(
        initial=1.0,
        widget=forms.NumberInput(attrs={"type": "range", "min": "0.25", "max": "4", "step": "0.05"}),
        error_messages={"invalid": "Enter a number from 0.25 to 4.", "required": "Enter a number from 0.25 to 4."},
    )
    stream = forms.BooleanField(required=False)
    format = forms.ChoiceField(label="Text format", choices=TEXT_FORMATS, initial="text", error_messages=NOT_A_CHOICE)
    sample_rate_hertz = forms.ChoiceField(
        label="Sample rate", choices=RATES, required=False, error_messages=NOT_A_CHOICE
    )
    prompt = forms.CharField(
        label="Style", required=False, help_text="How the voice should speak. Billed with the text."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""

    def clean_text(self) -> str:
        """Keeps the text as typed. Browsers send every line break as two characters, which would both be billed."""
        text: str = self.cleaned_data["text"].replace("\r\n", "\n")
        if not text.strip():
            raise forms.ValidationError("Enter a text.")
        return text

    def speech_request(self) -> SpeechRequest:
        """Converts a valid form. Raises ValidationFailed, like the API."""
        data = self.cleaned_data
        body: dict[str, Any] = {name: data[name] for name in ("text", "voice_id", "output_format", "speed", "format")}
        if data["sample_rate_hertz"]:
            body["sample_rate_hertz"] = int(data["sample_rate_hertz"])
        if data["prompt"]:
            body["prompt"] = data["prompt"]
        return SpeechSerializer(data=body).speech_request(is_streamed=data["stream"])

    def refuse(self, error: DomainError) -> None:
        """Shows the error at its field, or above the form."""
        names = {"delivery_mode": "stream", "output_bitrate_kbps": "output_format"}
        for field, problems in error.details.items():
            name = names.get(field, field)
            self.add_error(name if name in self.fields else None, problems)
        if not error.details:
            self.add_error("voice_id" if error.code == "INVALID_VOICE" else None, error.message)


class JobFilterForm(forms.Form):
    """The query of the list of jobs. Invalid values show an error and do not filter."""

    q = forms.CharField(label="Search", required=False, max_length=200, empty_value="")
    status = forms.ChoiceField(
        required=False, choices=[("", "Any"), *((value, value.capitalize()) for value in JobStatus.values)]
    )
    voice = forms.CharField(required=False, max_length=160, empty_value="")
    key = forms.ChoiceField(label="Created by", required=False)
    since = forms.DateField(
        label="From",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": "Enter a date such as 2026-01-31."},
    )
    until = forms.DateField(
        label="To",
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        error_messages={"invalid": "Enter a date such as 2026-01-31."},
    )

    def __init__(self, *args: Any, key_choices: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.label_suffix = ""
        key: Any = self.fields["key"]
        key.choices = [("", "Anyone"), ("none", "Dashboard, without a key"), *key_choices]
        self.fields["q"].widget.attrs["placeholder"] = "Words in the text, or a job ID"
        self.fields["q"].widget.attrs["type"] = "search"

    def filters(self) -> dict[str, Any]:
        """Returns the arguments of `tts.selectors.search_jobs`."""
        self.is_valid()
        data = self.cleaned_data
        found = {name: data[name] for name in ("q", "status", "voice", "key") if data.get(name)}
        if data.get("since"):
            found["created_from"] = datetime.combine(data["since"], time(), UTC)
        if data.get("until"):
            found["created_before"] = datetime.combine(data["until"] + timedelta(days=1), time(), UTC)
        return found
