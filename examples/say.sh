#!/bin/sh
# Text in, audio out, with curl (7.71 or newer).
#
#   export UTTERANCE_URL=http://127.0.0.1:8000 UTTERANCE_KEY=tts_...
#   ./say.sh "Good morning." morning.wav [REQUEST_ID]
#
# UTTERANCE_VOICE names another voice than Kokoro's Heart.
# A request repeated with the same REQUEST_ID is the same job, and is paid for once. Without one, each run is a new job.
set -eu

text=$1
file=$2
request_id=${3:-$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')}

# Tries again when the network or the server fails, and waits as long as a Retry-After says.
call() {
  curl --silent --show-error --retry 5 --retry-all-errors --max-time 60 -H "Authorization: Bearer $UTTERANCE_KEY" "$@"
}

# One field of an answer. Enough for ids, states and numbers; use a real JSON parser for texts.
field() {
  printf '%s' "$answer" | sed -n "s/.*\"$1\": *\"\{0,1\}\([^\",}]*\).*/\1/p"
}

# The text as JSON: backslashes and quotes escaped, line ends as \n, other control characters as spaces.
json_text=$(printf '%s' "$text" | tr '\001-\011\013-\037' ' ' | sed -e 's/[\\"]/\\&/g' -e '$!s/$/\\n/' | tr -d '\n')

answer=$(printf '{"voice_id": "%s", "text": "%s"}' "${UTTERANCE_VOICE:-kokoro:en-US-Kokoro-Heart}" "$json_text" |
  call "$UTTERANCE_URL/api/v1/tts" -H "Content-Type: application/json" -H "Idempotency-Key: $request_id" --data-binary @-)
job_id=$(field job_id)

while [ "$(field status)" = pending ] || [ "$(field status)" = processing ]; do
  sleep 0.5
  answer=$(call "$UTTERANCE_URL/api/v1/tts/$job_id")
done
if [ "$(field status)" != completed ]; then
  printf '%s\n' "$answer" >&2
  exit 1
fi

call --fail --location --output "$file" "$UTTERANCE_URL/api/v1/tts/$job_id/audio"
echo "job $job_id: $(field duration_seconds) seconds in $file"
