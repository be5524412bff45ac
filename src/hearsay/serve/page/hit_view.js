// The hits of a search: each clip as a card that is filled when it comes near the window.
//
// hitView.list(hits, phrase, signal): an element; phrase: what to show the activity of, or null;
// signal: ends the requests of a list that is no longer shown.
// hitView.fetchJson(address, options): the answer; an error bears the server's own words.
"use strict";

const hitView = (() => {
  const {card, element} = clipView;
  const AHEAD = "400px"; // clips this near below the window are already fetched
  const MOST_PHRASES = 4; // labelled ones, of a card; the captions name all

  async function fetchJson(address, options = {}) {
    let answer;
    try {
      answer = await fetch(address, options);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Error("the server does not answer; is it still running?");
    }
    const told = await answer.json().catch(() => ({}));
    if (!answer.ok) throw new Error(told.error || "the server answered " + answer.status);
    return told;
  }

  const clipAddress = (clip_id, rest = "") => "/api/clips/" + encodeURIComponent(clip_id) + rest;

  function labelRow(hit) {
    return element("div", {class: "words"}, element("span", {class: "number"}, hit.rank + "."),
      element("span", {}, hit.text), element("span", {class: "number"}, hit.score.toFixed(3)));
  }

  const watcher = new IntersectionObserver((entries) => {
    for (const {isIntersecting, target} of entries) {
      if (!isIntersecting) continue;
      watcher.unobserve(target);
      target.fill();
    }
  }, {rootMargin: AHEAD});

  function frame(hit) {
    const title = hit.rank + ". " + (hit.kind === "caption" ? "“" + hit.text + "”" : hit.clip_id);
    const badges = [{text: "score " + hit.score.toFixed(3), kind: "note"}];
    if (hit.kind === "caption") badges.push({text: hit.clip_id, kind: "note"});
    if (hit.split) badges.push({text: hit.split, kind: "note"});
    const at_s = Math.floor(hit.start_s || 0); // as the link's address has it
    const from = at_s ? "source at " + at_s + " s" : "source";
    const link = hit.link ? {href: hit.link, text: from} : null;
    return {clip_id: hit.clip_id, title, badges, link};
  }

  function waitingCard(hit, phrase, signal) {
    const waiting = card(frame(hit));
    waiting.classList.add("waiting");
    waiting.fill = async () => {
      try {
        const filled = card({...frame(hit), ...await clipParts(hit, phrase, signal)});
        waiting.replaceWith(filled);
      } catch (error) {
        if (error.name !== "AbortError") waiting.append(element("p", {}, error.message));
      }
    };
    watcher.observe(waiting);
    return waiting;
  }

  // Asks for all that a card shows of a clip.
  async function clipParts(hit, phrase, signal) {
    const [clip, activity] = await Promise.all([
      fetchJson(clipAddress(hit.clip_id), {signal}),
      phrase
        ? fetchJson(clipAddress(hit.clip_id, "/activity?phrase=" + encodeURIComponent(phrase)), {signal})
        : null,
    ]);
    const numbers = Array.from({length: clip.num_images}, (_, number) => number);
    const isHeard = activity && activity.scores.length;
    const asked = isHeard ? [{phrase, onsets_s: [], offsets_s: []}] : []; // its strip comes first
    return {
      captions: clip.captions,
      audio: clipAddress(clip.clip_id, "/audio"),
      pictures: numbers.map((number) => clipAddress(clip.clip_id, "/images/" + number)),
      duration_s: clip.duration_s,
      spectrogram: {src: clipAddress(clip.clip_id, "/spectrogram")},
      segments: [...asked, ...clip.segments.slice(0, MOST_PHRASES)],
      activity: isHeard ? [{phrase, label: "activity of the query", ...activity}] : [],
    };
  }

  function list(hits, phrase, signal) {
    const items = hits.map((hit) =>
      hit.kind === "label" ? labelRow(hit) : waitingCard(hit, phrase, signal));
    return element("ol", {}, ...items.map((item) => element("li", {}, item)));
  }

  return {fetchJson, list};
})();
