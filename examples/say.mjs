#!/usr/bin/env node
// Text in, audio out, with Node 18 or newer and nothing else.
//
//   export UTTERANCE_URL=http://127.0.0.1:8000 UTTERANCE_KEY=tts_...
//   node say.mjs "Good morning." morning.wav [REQUEST_ID]
//
// UTTERANCE_VOICE names another voice than Kokoro's Heart.
// A request repeated with the same REQUEST_ID is the same job, and is paid for once. Without one, each run is a new job.
import { randomUUID } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const { UTTERANCE_URL, UTTERANCE_KEY, UTTERANCE_VOICE = "kokoro:en-US-Kokoro-Heart" } = process.env;
const [text, file, requestId = randomUUID()] = process.argv.slice(2);
const ATTEMPTS = 6;

// Tries again when the network or the server fails, and waits as long as a Retry-After says.
// fetch follows redirects and keeps the key from other servers on the way.
async function call(path, body) {
  const headers = { Authorization: `Bearer ${UTTERANCE_KEY}` };
  if (body) Object.assign(headers, { "Content-Type": "application/json", "Idempotency-Key": requestId });
  const options = { method: body ? "POST" : "GET", headers, body: body && JSON.stringify(body) };
  for (let attempt = 1; ; attempt++) {
    let seconds = 2 ** attempt;
    try {
      const response = await fetch(UTTERANCE_URL + path, { ...options, signal: AbortSignal.timeout(60_000) });
      const content = Buffer.from(await response.arrayBuffer());
      if (response.ok) return content;
      const retryAfter = response.headers.get("Retry-After");
      if (attempt === ATTEMPTS || (response.status < 500 && !retryAfter)) fail(`HTTP ${response.status}: ${content}`);
      seconds = Number(retryAfter ?? seconds);
    } catch (error) {
      if (attempt === ATTEMPTS) fail(`${path}: ${error.cause ?? error}`);
    }
    await sleep(seconds * 1000);
  }
}

function fail(message) {
  console.error(message);
  process.exit(1);
}

let job = JSON.parse(await call("/api/v1/tts", { text, voice_id: UTTERANCE_VOICE })).data;
const pollUrl = job.poll_url;
while (["pending", "processing"].includes(job.status)) {
  await sleep(500);
  job = JSON.parse(await call(pollUrl)).data;
}
if (job.status !== "completed") fail(`job ${job.job_id} ${job.status}: ${JSON.stringify(job.error)}`);

await writeFile(file, await call(job.audio_endpoint));
console.log(`job ${job.job_id}: ${job.duration_seconds} seconds in ${file}`);
