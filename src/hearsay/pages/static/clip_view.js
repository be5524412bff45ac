// A clip as a card: player, pictures, and its sound over time under a moving playhead.
//
// clipView.card(clip) takes plain JSON and returns an element; all but clip_id may be absent or null:
//   clip_id, title, link: {href, text}, badges: [{text, kind: right | wrong | note}],
//   captions: [text], audio: address, pictures: [address or {src, time_s}], duration_s,
//   spectrogram: {src: address of a grey picture, low pitch at the bottom}
//             or {data: base64 of uint8 [T, F], num_bins: F, frame_shift_s},
//   segments: [{phrase, onsets_s, offsets_s}],
//   activity: [{phrase, label, scores from 0 to 1, times_s or (first_s, step_s), threshold}]
// An activity is drawn over the segments of its phrase, or on a strip of its own.
// Data become text and attributes, never markup.
"use strict";

const clipView = (() => {
  const NUM_COLOURS = 8; // .line-0 to .line-7 in style.css
  const STEP_S = 0.5; // of an arrow key
  // Of the colour map magma, evenly spaced; between them colours are interpolated.
  const MAGMA = [[0, 0, 4], [28, 16, 68], [79, 18, 123], [129, 37, 129], [181, 54, 122],
    [229, 80, 100], [251, 135, 97], [254, 194, 135], [252, 253, 191]];

  function element(name, attributes = {}, ...children) {
    const made = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...children.filter((child) => child !== null && child !== undefined));
    return made;
  }

  function drawn(name, attributes) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    return made;
  }

  function seconds(value) {
    return value.toFixed(1) + " s";
  }

  // An address that a link may have; a data set may name anything as its source.
  function isWebAddress(href) {
    try {
      return ["http:", "https:"].includes(new URL(href, document.baseURI).protocol);
    } catch {
      return false;
    }
  }

  function timesOf(line) {
    if (line.times_s) return line.times_s;
    return line.scores.map((_, place) => (line.first_s || 0) + place * line.step_s);
  }

  function endOf(clip) {
    if (clip.duration_s > 0) return clip.duration_s;
    const view = clip.spectrogram;
    if (view && view.data && view.frame_shift_s) {
      return (atob(view.data).length / view.num_bins) * view.frame_shift_s;
    }
    const ends = (clip.segments || []).flatMap((segment) => segment.offsets_s)
      .concat((clip.activity || []).map((line) => timesOf(line).at(-1) || 0));
    return Math.max(0, ...ends);
  }

  // --- spectrogram

  function magma(level) {
    const place = (level / 255) * (MAGMA.length - 1);
    const below = Math.min(Math.floor(place), MAGMA.length - 2);
    return MAGMA[below].map((c, i) => c + (place - below) * (MAGMA[below + 1][i] - c));
  }

  function colourise(canvas, width, height, levelAt) {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d");
    const picture = context.createImageData(width, height);
    const colours = Array.from({length: 256}, (_, level) => magma(level));
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = 4 * (y * width + x);
        picture.data.set(colours[levelAt(x, y)], at);
        picture.data[at + 3] = 255;
      }
    }
    context.putImageData(picture, 0, 0);
  }

  function spectrogram(view, title) {
    const canvas = element("canvas", {role: "img", "aria-label": "Spectrogram of " + title});
    if (view.data) {
      const bytes = atob(view.data);
      const numFrames = Math.floor(bytes.length / view.num_bins);
      if (numFrames > 0) {
        colourise(canvas, numFrames, view.num_bins,
          (x, y) => bytes.charCodeAt(x * view.num_bins + view.num_bins - 1 - y));
      }
      return canvas;
    }
    const grey = new Image();
    grey.addEventListener("load", () => {
      const copy = element("canvas");
      copy.width = grey.naturalWidth;
      copy.height = grey.naturalHeight;
      const context = copy.getContext("2d");
      context.drawImage(grey, 0, 0);
      const {data} = context.getImageData(0, 0, copy.width, copy.height);
      colourise(canvas, copy.width, copy.height, (x, y) => data[4 * (y * copy.width + x)]);
    });
    grey.src = view.src;
    return canvas;
  }

  // --- strips of phrases

  function strip(name, segments, lines, end_s, colourOf) {
    const svg = drawn("svg", {viewBox: "0 0 100 100", preserveAspectRatio: "none", role: "img"});
    const heard = segments.map(([on, off]) => seconds(on) + " to " + seconds(off));
    svg.setAttribute("aria-label",
      name + (heard.length ? ", heard from " + heard.join(", from ") : ", no labelled time"));
    for (const [on, off] of segments) {
      const from = Math.max(0, Math.min(on, end_s)), to = Math.max(0, Math.min(off, end_s));
      svg.append(drawn("rect",
        {x: (100 * from) / end_s, width: (100 * (to - from)) / end_s, y: 0, height: 100}));
    }
    for (const line of lines) {
      if (typeof line.threshold === "number") {
        const y = 100 * (1 - line.threshold);
        svg.append(drawn("line", {x1: 0, x2: 100, y1: y, y2: y}));
      }
      const points = timesOf(line).map((time_s, place) =>
        ((100 * time_s) / end_s).toFixed(2) + "," + (97 - 94 * line.scores[place]).toFixed(1));
      svg.append(drawn("polyline", {points: points.join(" "), class: colourOf(line.label)}));
    }
    return element("div", {class: "track"}, element("span", {class: "track-name"}, name), svg);
  }

  function strips(clip, end_s, colourOf) {
    const tracks = new Map();
    const track = (name) => {
      if (!tracks.has(name)) tracks.set(name, {segments: [], lines: []});
      return tracks.get(name);
    };
    for (const {phrase, onsets_s, offsets_s} of clip.segments || []) {
      track(phrase).segments.push(...onsets_s.map((on, place) => [on, offsets_s[place]]));
    }
    for (const line of clip.activity || []) {
      track(line.phrase === undefined ? line.label : line.phrase).lines.push(line);
    }
    return [...tracks].map(([name, {segments, lines}]) =>
      strip(name, segments, lines, end_s, colourOf));
  }

  function legend(clip, labels, colourOf) {
    const entries = [...labels].map((label) => element("li", {},
      element("span", {class: "swatch " + colourOf(label), "aria-hidden": "true"}), label));
    if ((clip.segments || []).some((segment) => segment.onsets_s.length)) {
      entries.unshift(element("li", {},
        element("span", {class: "swatch heard", "aria-hidden": "true"}), "labelled as heard"));
    }
    return entries.length ? element("ul", {class: "legend"}, ...entries) : null;
  }

  // --- time

  function axis(end_s) {
    const step = [0.5, 1, 2, 5, 10, 20, 30, 60, 120, 300, 600].find((s) => end_s / s <= 6) || 3600;
    const marks = [];
    for (let at = 0; at < end_s - step / 2; at += step) marks.push(at);
    const made = element("div", {class: "axis", "aria-hidden": "true"});
    for (const at of [...marks, end_s]) {
      const mark = element("span", {}, at === 0 ? "0" : at === end_s ? seconds(at) : String(at));
      mark.style.left = (100 * at) / end_s + "%";
      made.append(mark);
    }
    return made;
  }

  function timeline(clip, title, audio) {
    const end_s = endOf(clip);
    const labels = new Set((clip.activity || []).map((line) => line.label));
    const places = new Map([...labels].map((label, place) => [label, place % NUM_COLOURS]));
    const colourOf = (label) => "line-" + places.get(label);
    if (!(end_s > 0)) return [];
    const made = element("div", {class: "timeline"});
    if (clip.spectrogram) made.append(spectrogram(clip.spectrogram, title));
    made.append(...strips(clip, end_s, colourOf));
    if (!made.childElementCount) return [];
    const head = element("div", {class: "playhead"});
    made.append(axis(end_s), head);
    if (audio) follow(made, head, audio, end_s, title);
    else head.hidden = true;
    return [made, legend(clip, labels, colourOf)];
  }

  // Moves the playhead with the sound, and the sound with pointer and keys.
  function follow(line, head, audio, end_s, title) {
    line.setAttribute("role", "slider");
    line.setAttribute("tabindex", "0");
    line.setAttribute("aria-label", "Position in " + title);
    line.setAttribute("aria-valuemin", "0");
    line.setAttribute("aria-valuemax", end_s.toFixed(1));
    const show = () => {
      const at = Math.min(audio.currentTime, end_s);
      head.style.left = (100 * at) / end_s + "%";
      line.setAttribute("aria-valuenow", at.toFixed(1));
      line.setAttribute("aria-valuetext", seconds(at) + " of " + seconds(end_s));
    };
    const run = () => {
      show();
      if (!audio.paused && line.isConnected) requestAnimationFrame(run);
    };
    const seek = (at) => {
      audio.currentTime = Math.max(0, Math.min(at, end_s));
      show();
    };
    audio.addEventListener("play", run);
    for (const event of ["seeked", "pause", "ended", "loadedmetadata"]) {
      audio.addEventListener(event, show);
    }
    line.addEventListener("click", (event) => {
      const box = line.getBoundingClientRect();
      seek(((event.clientX - box.left) / box.width) * end_s);
    });
    line.addEventListener("keydown", (event) => {
      const steps = {ArrowRight: STEP_S, ArrowUp: STEP_S, ArrowLeft: -STEP_S, ArrowDown: -STEP_S};
      if (event.key in steps) seek(audio.currentTime + steps[event.key]);
      else if (event.key === "Home") seek(0);
      else if (event.key === "End") seek(end_s);
      else if (event.key === " " || event.key === "Enter") toggle(audio);
      else return;
      event.preventDefault();
    });
    show();
  }

  function toggle(audio) {
    if (audio.paused) audio.play().catch(() => {}); // the player itself shows what failed
    else audio.pause();
  }

  // Of all players of a page one plays at a time.
  function playAlone(event) {
    for (const other of document.querySelectorAll(".clip audio")) {
      if (other !== event.target) other.pause();
    }
  }

  // --- the card

  function pictures(clip, title) {
    const all = (clip.pictures || []).map((one) => (typeof one === "string" ? {src: one} : one));
    if (!all.length) return null;
    return element("div", {class: "clip-pictures"}, ...all.map(({src, time_s}) => {
      const at = typeof time_s === "number" ? " at " + seconds(time_s) : "";
      return element("img", {src, alt: "Picture of " + title + at, title: at.trim(), loading: "lazy"});
    }));
  }

  function heading(clip, title) {
    const named = element("h4", {class: "clip-title"}, title);
    const badges = (clip.badges || []).map(({text, kind}) =>
      element("span", {class: "badge " + (["right", "wrong"].includes(kind) ? kind : "note")}, text));
    const link = clip.link && isWebAddress(clip.link.href)
      ? element("a", {href: clip.link.href, rel: "noreferrer"}, clip.link.text || "source") : null;
    return element("header", {class: "clip-head"}, named, ...badges, link);
  }

  function card(clip) {
    const title = clip.title || clip.clip_id;
    const audio = clip.audio ? element("audio",
      {controls: "", preload: "metadata", src: clip.audio, "aria-label": "Sound of " + title}) : null;
    if (audio) audio.addEventListener("play", playAlone);
    const seen = pictures(clip, title);
    const heard = element("div", {}, audio, ...timeline(clip, title, audio));
    const body = element("div", {class: "clip-body" + (seen ? " with-pictures" : "")}, seen, heard);
    const captions = (clip.captions || []).length
      ? element("ul", {class: "clip-captions"}, ...clip.captions.map((text) => element("li", {}, text)))
      : null;
    return element("article", {class: "clip", "data-clip": clip.clip_id, "aria-label": title},
      heading(clip, title), body, captions);
  }

  return {card, element, spectrogram};
})();
