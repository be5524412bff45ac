// The search page. The address holds the question (/?q=dog&k=10), so that Back, Forward and
// sharing work; a file or a recording is in no address, and lives as long as the page.
"use strict";

(() => {
  const {element} = clipView;
  const {fetchJson} = hitView;
  const byId = (id) => document.getElementById(id);
  const PICTURE = /\.(jpe?g|png|webp|gif|bmp|tiff?)$/i;
  const uploads = new Map(); // number in the history's state: what was asked and answered
  let about = null;
  let asking = new AbortController();

  // --- what is shown

  function say(text, busy = false) {
    byId("status").textContent = text;
    byId("status").classList.toggle("busy", busy);
    byId("results").setAttribute("aria-busy", String(busy));
  }

  function complain(error) {
    say("");
    const problem = byId("problem");
    problem.textContent = error.message.charAt(0).toUpperCase() + error.message.slice(1) + ".";
    problem.hidden = false;
  }

  function clear() {
    byId("problem").hidden = true;
    byId("results").replaceChildren();
  }

  function plural(count, kind) {
    return count + " " + kind + (count === 1 ? "" : "s");
  }

  function showStart() {
    document.title = "hearsay: search";
    clear();
    say(about.finds.includes("text_to_clips")
      ? "Say in words what you want to hear, such as: a dog barks twice."
      : "Choose, drop or record a sound to search by.");
  }

  // Shows hits, each clip as an empty card that is filled when it comes near.
  function showHits(hits, phrase, asked, noun) {
    clear();
    const results = byId("results");
    if (asked) results.append(asked);
    if (!hits.length) {
      say("Nothing was found for " + noun + ".");
      return;
    }
    const grounded = about.can_ground ? phrase : null;
    const list = hitView.list(hits, grounded, asking.signal);
    results.append(list);
    say(plural(hits.length, hits[0].kind) + " for " + noun);
  }

  // --- asking

  // Runs one question at a time: a new one, or Back, ends the one before.
  async function ask(noun, question) {
    asking.abort();
    asking = new AbortController();
    const {signal} = asking;
    byId("problem").hidden = true;
    say("Searching for " + noun, true);
    try {
      const answer = await question(signal);
      return signal.aborted ? null : answer;
    } catch (error) {
      if (signal.aborted) return null;
      clear();
      complain(error);
      return null;
    }
  }

  async function askWords(q, k) {
    const noun = "“" + q + "”";
    document.title = q + " – hearsay";
    const answer = await ask(noun, (signal) =>
      fetchJson("/api/search?" + new URLSearchParams({q, k}), {signal}));
    if (!answer) return;
    const unknown = answer.unknown_words.length
      ? element("p", {class: "soft"}, "Not known to this run, and left out: "
        + answer.unknown_words.join(", ")) : null;
    showHits(answer.hits, q, unknown, noun);
  }

  async function askFile(file, name) {
    const isPicture = file.type.startsWith("image/") || (!file.type && PICTURE.test(name));
    const find = isPicture ? "clips" : byId("find").value;
    const way = isPicture ? "picture_to_clips" : "sound_to_" + find;
    const noun = name;
    const answer = await ask(noun, (signal) => {
      if (!about.finds.includes(way)) {
        throw new Error("this run does not search by a " + (isPicture ? "picture" : "sound"));
      }
      if (file.size > about.limits.upload_bytes) {
        throw new Error("the file is larger than " + megabytes(about.limits.upload_bytes));
      }
      const address = isPicture ? "/api/search/picture?" : "/api/search/sound?";
      const form = new FormData();
      form.append("file", file, "upload");
      const options = {method: "POST", body: form, signal};
      return fetchJson(address + new URLSearchParams(
        isPicture ? {k: byId("k").value} : {k: byId("k").value, find}), options);
    });
    if (!answer) return;
    const number = uploads.size + 1;
    uploads.set(number, {answer, noun, isPicture, address: URL.createObjectURL(file)});
    history.pushState({upload: number}, "", "/");
    byId("q").value = "";
    showUpload(number);
  }

  function showUpload(number) {
    const {answer, noun, isPicture, address} = uploads.get(number);
    document.title = noun + " – hearsay";
    const own = isPicture ? element("img", {src: address, alt: "What you sent"})
      : element("audio", {src: address, controls: "", "aria-label": "What you sent"});
    const cut = answer.is_cut ? " Of this sound, the first " + answer.used_s + " s were used." : "";
    const note = "An upload is in no address, so this page cannot be shared." + cut;
    const asked = element("div", {class: "asked"}, own, element("p", {class: "soft small"}, note));
    showHits(answer.hits, null, asked, noun);
  }

  const megabytes = (bytes) => Math.floor(bytes / 2 ** 20) + " MiB";

  // Shows what address and history say.
  function follow() {
    const asked = new URLSearchParams(location.search);
    const q = (asked.get("q") || "").trim();
    const k = asked.get("k");
    if (k !== null && [...byId("k").options].every((option) => option.value !== k)) {
      const limit = about.limits.num_hits;
      const count = Math.min(Math.max(parseInt(k, 10) || 10, 1), limit);
      byId("k").append(element("option", {}, String(count)));
      byId("k").value = String(count);
    } else if (k !== null) byId("k").value = k;
    byId("q").value = q;
    const state = history.state || {};
    if (q) return askWords(q, byId("k").value);
    asking.abort();
    if (uploads.has(state.upload)) return showUpload(state.upload);
    return showStart();
  }

  function goTo(q) {
    const address = "/?" + new URLSearchParams({q, k: byId("k").value});
    if (address !== location.pathname + location.search) history.pushState({}, "", address);
    return follow();
  }

  // --- what people press

  async function record() {
    if (recorder.isOn()) return recorder.stop();
    const button = byId("record");
    byId("problem").hidden = true;
    try {
      const blob = await recorder.record((left_s) => {
        button.classList.add("on");
        button.textContent = "Stop (" + left_s + " s left)";
      });
      await askFile(blob, "your recording");
    } catch (error) {
      complain(error);
    } finally {
      button.classList.remove("on");
      button.textContent = "Record";
    }
    return undefined;
  }

  function listenToPeople() {
    byId("words").addEventListener("submit", (event) => {
      event.preventDefault();
      const q = byId("q").value.trim();
      if (q) goTo(q);
    });
    byId("home").addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      history.pushState({}, "", "/");
      follow();
      byId("q").focus();
    });
    document.querySelector(".skip").addEventListener("click", (event) => {
      event.preventDefault(); // a new address, even of this page, would ask anew
      byId("results").focus();
    });
    byId("k").addEventListener("change", () => {
      if (byId("q").value.trim()) goTo(byId("q").value.trim());
    });
    byId("choose").addEventListener("click", () => byId("file").click());
    byId("file").addEventListener("change", () => {
      const [file] = byId("file").files;
      if (file) askFile(file, file.name);
      byId("file").value = ""; // so that the same file can be chosen again
    });
    byId("record").addEventListener("click", record);
    window.addEventListener("popstate", follow);
    for (const name of ["dragover", "dragleave", "drop"]) {
      document.addEventListener(name, (event) => {
        event.preventDefault();
        document.body.classList.toggle("dragged", name === "dragover");
      });
    }
    document.addEventListener("drop", (event) => {
      const [file] = event.dataTransfer.files;
      if (file) askFile(file, file.name);
    });
  }

  function showAbout() {
    const finds = (way) => about.finds.includes(way);
    const kinds = ["clips", "captions", "labels"].filter((kind) => finds("sound_to_" + kind));
    byId("about").textContent = about.method + ", seed " + about.seed + ", after " + about.stage
      + ": " + plural(about.num_clips, "clip") + " of " + about.dataset;
    byId("words").hidden = !finds("text_to_clips");
    byId("q").maxLength = about.limits.query_chars;
    byId("others").hidden = !kinds.length && !finds("picture_to_clips");
    byId("find").replaceChildren(...kinds.map((kind) => element("option", {value: kind}, kind)));
    byId("finding").hidden = kinds.length < 2;
    const types = [kinds.length ? "audio/*,video/*" : null, finds("picture_to_clips") ? "image/*" : null];
    byId("file").accept = types.filter(Boolean).join(",");
    byId("others-title").textContent = "Search by "
      + [kinds.length ? "a sound" : null, finds("picture_to_clips") ? "a picture" : null]
        .filter(Boolean).join(" or ");
    const notes = ["Or drop a file anywhere on this page: up to " + megabytes(about.limits.upload_bytes)
      + (kinds.length ? "; of a sound the first " + about.limits.sound_s + " s count" : "") + "."];
    byId("record").hidden = !kinds.length;
    if (kinds.length && !recorder.canRecord()) {
      byId("record").disabled = true;
      notes.push("No recording: " + recorder.whyNot() + ".");
    }
    byId("drop-note").textContent = notes.join(" ");
  }

  async function start() {
    say("Loading", true);
    try {
      about = await fetchJson("/api/about");
    } catch (error) {
      complain(error);
      return;
    }
    showAbout();
    listenToPeople();
    follow();
  }

  start();
})();
