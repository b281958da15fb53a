// Makes play links play on the page instead of opening the audio, and colours the part of the waveform already played.
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;
const sounds = new WeakMap();
const draw = (player, audio) => {
  const length = audio.duration || 0;
  const [all, heard] = player.querySelectorAll("path");
  if (heard) {
    const bars = all.getAttribute("d").split(/(?=M)/);
    heard.setAttribute("d", bars.slice(0, length ? Math.ceil((bars.length * audio.currentTime) / length) : 0).join(""));
  }
  if (!length) return;
  player.querySelector(".player__time").textContent = `${clock(audio.currentTime)} / ${clock(length)}`;
  const slider = player.querySelector(".seek");
  if (!slider) return;
  slider.value = (100 * audio.currentTime) / length;
  slider.setAttribute("aria-valuetext", `${clock(audio.currentTime)} of ${clock(length)}`);
};
const seek = (audio, share) => {
  const go = () => { audio.currentTime = share * audio.duration; };
  if (audio.duration) go();
  else audio.addEventListener("loadedmetadata", go, { once: true });
};
// Adds seeking to the waveform once there is audio: arrow keys, Home, End and touch.
const addSlider = (player, audio) => {
  const wave = player.querySelector(".wave");
  if (!wave) return;
  const slider = document.createElement("input");
  Object.assign(slider, { type: "range", className: "seek", max: 100, value: 0, ariaLabel: "Position in the audio" });
  slider.addEventListener("input", () => seek(audio, slider.value / 100));
  slider.addEventListener("click", () => audio.play());
  wave.before(slider);
};
const soundOf = (player, link) => {
  if (sounds.has(player)) return sounds.get(player);
  const audio = new Audio(link.href);
  const icon = link.querySelector("use");
  const show = () => {
    icon.setAttribute("href", icon.getAttribute("href").replace(/#.*/, audio.paused ? "#play" : "#pause"));
    link.classList.toggle("play--on", !audio.paused);
    link.setAttribute("aria-pressed", String(!audio.paused));
  };
  for (const name of ["play", "pause", "ended"]) audio.addEventListener(name, show);
  audio.addEventListener("timeupdate", () => draw(player, audio));
  audio.addEventListener("seeked", () => draw(player, audio));
  link.setAttribute("role", "button");
  player.append(audio);
  addSlider(player, audio);
  sounds.set(player, audio);
  return audio;
};
const toggle = (link) => {
  const audio = soundOf(link.closest("[data-player]"), link);
  if (audio.paused) audio.play();
  else audio.pause();
};
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-player] .play");
  if (link && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    toggle(link);
    return;
  }
  const wave = event.target.closest("[data-player] .wave");
  if (!wave) return;
  const player = wave.closest("[data-player]");
  const audio = soundOf(player, player.querySelector(".play"));
  const box = wave.getBoundingClientRect();
  seek(audio, (event.clientX - box.left) / box.width);
  if (audio.paused) audio.play();
});
// One audio at a time. Media events do not bubble, but can be captured.
document.addEventListener("play", (event) => {
  for (const audio of document.querySelectorAll("audio")) if (audio !== event.target) audio.pause();
}, true);
document.addEventListener("keydown", (event) => {
  if (event.key !== " " || !event.target.matches?.("[data-player] .play")) return;
  event.preventDefault();
  toggle(event.target);
});
