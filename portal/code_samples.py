"""Builds sample programs in three languages that request speech and save it. They read the key from the environment."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from speech.audio.formats import FORMATS

MAX_TEXT_CHARS = 2_000  # a page contains the text three times

_CURL = """ANSWER=$(curl --fail-with-body -sS {url} \\
  -H "Authorization: Bearer $UTTERANCE_KEY" \\
  -H "Content-Type: application/json" \\
  -d {body})
echo "$ANSWER"
"""
_CURL_JOB = """JOB={base_url}/api/v1/tts/$(echo "$ANSWER" | grep -o '"job_id":"[^"]*' | cut -d'"' -f4)
while curl --fail-with-body -sS "$JOB" -H "Authorization: Bearer $UTTERANCE_KEY" \\
  | grep -qE '"status":"(pending|processing)"'; do sleep 1; done
curl --fail-with-body -sSL -o {file} "$JOB/audio" -H "Authorization: Bearer $UTTERANCE_KEY\""""
_CURL_STREAM = """STREAM_URL=$(echo "$ANSWER" | grep -o '"stream_url":"[^"]*' | cut -d'"' -f4)
curl --fail-with-body -sS -o {file} "$STREAM_URL\""""

_PYTHON = """import os, time, requests

headers = {{"Authorization": "Bearer " + os.environ["UTTERANCE_KEY"]}}
response = requests.post(
    "{url}",
    headers=headers,
    json={body},
    timeout=30,
)
response.raise_for_status()
job = response.json()["data"]
"""
_PYTHON_JOB = """poll_url = "{base_url}" + job["poll_url"]
while job["status"] in ("pending", "processing"):
    time.sleep(0.5)
    response = requests.get(poll_url, headers=headers, timeout=30)
    response.raise_for_status()
    job = response.json()["data"]
if job["status"] != "completed":
    raise SystemExit(job)
"""
_PYTHON_SAVE = """audio = requests.get(job["{link}"], timeout=600)
audio.raise_for_status()
with open("{file}", "wb") as file:
    file.write(audio.content)"""

_NODE = """import {{ writeFile }} from "node:fs/promises";

const headers = {{
  Authorization: `Bearer ${{process.env.UTTERANCE_KEY}}`,
  "Content-Type": "application/json",
}};
const fetchOk = async (url, options) => {{
  const response = await fetch(url, options);
  if (!response.ok) throw new Error(await response.text());
  return response;
}};
const response = await fetchOk("{url}", {{
  method: "POST",
  headers,
  body: JSON.stringify({body}),
}});
let job = (await response.json()).data;
"""
_NODE_JOB = """const pollUrl = "{base_url}" + job.poll_url;
while (["pending", "processing"].includes(job.status)) {{
  await new Promise((resolve) => setTimeout(resolve, 500));
  job = (await (await fetchOk(pollUrl, {{ headers }})).json()).data;
}}
if (job.status !== "completed") throw new Error(JSON.stringify(job));
"""
_NODE_SAVE = """const audio = await fetchOk(job.{link});
await writeFile("{file}", Buffer.from(await audio.arrayBuffer()));"""

PROGRAMS = {
    True: {"curl": _CURL + _CURL_STREAM, "python": _PYTHON + _PYTHON_SAVE, "node": _NODE + _NODE_SAVE},
    False: {
        "curl": _CURL + _CURL_JOB,
        "python": _PYTHON + _PYTHON_JOB + _PYTHON_SAVE,
        "node": _NODE + _NODE_JOB + _NODE_SAVE,
    },
}


def code_samples(body: Mapping[str, Any], *, base_url: str, is_streamed: bool) -> dict[str, str]:
    """Returns language → program. A text that is too long for the page is truncated with an ellipsis."""
    text = str(body.get("text", ""))
    if len(text) > MAX_TEXT_CHARS:
        body = {**body, "text": text[:MAX_TEXT_CHARS] + "…"}
    as_json = json.dumps(body, ensure_ascii=False, indent=2)
    bodies = {
        "curl": shlex.quote(as_json),
        "python": "{\n" + "".join(f"        {name!r}: {value!r},\n" for name, value in body.items()) + "    }",
        "node": as_json.replace("\n", "\n  "),
    }
    values = {
        "base_url": base_url,
        "url": f"{base_url}/api/v1/tts" + ("/stream" if is_streamed else ""),
        "link": "stream_url" if is_streamed else "audio_url",
        "file": "speech" + _file_extension(body, is_streamed=is_streamed),
    }
    return {
        language: program.format(body=bodies[language], **values) for language, program in PROGRAMS[is_streamed].items()
    }


def _file_extension(body: Mapping[str, Any], *, is_streamed: bool) -> str:
    default = "ogg_opus" if is_streamed else "wav"
    spec = FORMATS.get(str(body.get("output_format") or default), FORMATS[default])
    return spec.file_extension
