"""One request for speech, as a program in three languages. The key is in the environment, never in the code."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

MAX_TEXT_CHARS = 2_000  # a page holds the text three times

_CURL = """curl {url} \\
  -H "Authorization: Bearer $UTTERANCE_KEY" \\
  -H "Content-Type: application/json" \\
  -d {body}"""

_PYTHON = """import os, requests

response = requests.post(
    "{url}",
    headers={{"Authorization": "Bearer " + os.environ["UTTERANCE_KEY"]}},
    json={body},
    timeout=30,
)
response.raise_for_status()
print(response.json()["data"]["{result}"])"""

_NODE = """const response = await fetch("{url}", {{
  method: "POST",
  headers: {{
    Authorization: `Bearer ${{process.env.UTTERANCE_KEY}}`,
    "Content-Type": "application/json",
  }},
  body: JSON.stringify({body}),
}});
if (!response.ok) throw new Error(await response.text());
const {{ data }} = await response.json();
console.log(data.{result});"""


def code_samples(body: Mapping[str, Any], *, base_url: str, is_streamed: bool) -> dict[str, str]:
    """Language → program. A text that is too long for a page is cut, and ends with an ellipsis."""
    url = f"{base_url}/api/v1/tts" + ("/stream" if is_streamed else "")
    result = "stream_url" if is_streamed else "job_id"
    text = str(body.get("text", ""))
    if len(text) > MAX_TEXT_CHARS:
        body = {**body, "text": text[:MAX_TEXT_CHARS] + "…"}
    as_json = json.dumps(body, ensure_ascii=False, indent=2)
    as_python = "{\n" + "".join(f"        {name!r}: {value!r},\n" for name, value in body.items()) + "    }"
    return {
        "curl": _CURL.format(url=url, body=shlex.quote(as_json)),
        "python": _PYTHON.format(url=url, body=as_python, result=result),
        "node": _NODE.format(url=url, body=as_json.replace("\n", "\n  "), result=result),
    }
