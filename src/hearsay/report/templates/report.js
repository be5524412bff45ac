// What the report page does beside showing: tables that sort, curves, examples.
"use strict";

const {element} = clipView;
const stored = (id) => JSON.parse(document.getElementById(id).textContent);

// --- tables

// The number that a cell begins with, such as 6.98 of "6.98 ± 1.53"; undefined: it begins with none.
function numberIn(text) {
  const plain = text.replaceAll(",", "").replaceAll("\u2212", "-");
  const found = plain.match(/^[^\w-]*(-?\d+(?:\.\d+)?(?:e[-+]?\d+)?)/i);
  return found ? Number(found[1]) : undefined;
}

// Compares cells; empty ones and those without a number stand last in both directions.
function comparer(isNumber, direction) {
  const sign = direction === "descending" ? -1 : 1;
  const key = isNumber ? numberIn : (text) => text || undefined;
  return (first, second) => {
    const [a, b] = [key(first), key(second)];
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return sign * (isNumber ? a - b : a.localeCompare(b, "en", {numeric: true}));
  };
}

// Gives each header a button; `sort(column, direction, isNumber)` is called, direction null for
// the order in which the table came.
function makeSortable(table, sort) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const isNumber = head.classList.contains("number");
    const first = isNumber ? "descending" : "ascending";
    const second = isNumber ? "ascending" : "descending";
    const button = element("button", {type: "button"}, head.textContent);
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const before = head.getAttribute("aria-sort");
      const next = before === "none" ? first : before === first ? second : "none";
      for (const other of heads) other.setAttribute("aria-sort", "none");
      head.setAttribute("aria-sort", next);
      sort(column, next === "none" ? null : next, isNumber);
    });
  });
}

// Rows are sorted within their block, below its heading.
function sortBlocks(table) {
  const blocks = [...table.tBodies].map((body) =>
    [body, [...body.rows].filter((row) => !row.classList.contains("block"))]);
  makeSortable(table, (column, direction, isNumber) => {
    const compare = comparer(isNumber, direction);
    const text = (row) => row.cells[column].textContent.trim();
    for (const [body, rows] of blocks) {
      body.append(...(direction ? [...rows].sort((a, b) => compare(text(a), text(b))) : rows));
    }
  });
}

// A table with more rows than a page should hold: the first of those that match are shown.
function showRaw(details) {
  const most = 200;
  const {columns, numeric, rows} = stored(details.dataset.rows);
  const search = element("input", {type: "search", placeholder: "words that a row must have"});
  const count = element("span", {class: "soft small", role: "status"});
  const head = element("tr", {}, ...columns.map((name, place) =>
    element("th", {scope: "col", class: numeric[place] ? "number" : ""}, name)));
  const body = element("tbody");
  const table = element("table", {}, element("thead", {}, head), body);
  let ordered = rows;
  const show = () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const found = ordered.filter((row) => {
      const text = row.join(" ").toLowerCase();
      return words.every((word) => text.includes(word));
    });
    body.replaceChildren(...found.slice(0, most).map((row) => element("tr", {}, ...row.map(
      (cell, place) => element("td", {class: numeric[place] ? "number" : ""}, cell)))));
    count.textContent = found.length + " of " + rows.length + " rows" +
      (found.length > most ? "; the first " + most + " are shown" : "");
  };
  makeSortable(table, (column, direction, isNumber) => {
    const compare = comparer(isNumber, direction);
    ordered = direction ? [...rows].sort((a, b) => compare(a[column], b[column])) : rows;
    show();
  });
  search.addEventListener("input", show);
  details.append(
    element("div", {class: "controls"}, element("label", {}, "Search ", search), count),
    element("div", {class: "wide", tabindex: "0", role: "region", "aria-label": details.dataset.name},
      table));
  show();
}

// A table that is asked for by an address or the contents is unfolded; all are, to be printed.
function unfold(hash) {
  const place = document.getElementById(hash.slice(1));
  if (!place || !place.matches("details.group:not([open])")) return false;
  place.open = true;
  return true;
}

function startFolding() {
  const follow = () => unfold(location.hash) && document.getElementById(location.hash.slice(1)).scrollIntoView();
  for (const link of document.querySelectorAll(".contents a")) {
    link.addEventListener("click", () => unfold(link.hash)); // the link itself scrolls
  }
  window.addEventListener("hashchange", follow);
  window.addEventListener("beforeprint", () =>
    document.querySelectorAll("details.group").forEach((group) => { group.open = true; }));
  follow();
}

// --- curves

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function startCurves(place) {
  const library = document.getElementById("plotly");
  document.head.append(element("script", {}, library.textContent));
  library.remove();
  const {names, methods, runs} = stored("curves");
  const stages = [...new Set(runs.map((run) => run.stage))];
  const select = (id, entries) => {
    const made = document.getElementById(id);
    made.append(...entries.map(([value, words]) => element("option", {value}, words)));
    made.addEventListener("change", draw);
    return made;
  };
  const stage = select("curve-stage", stages.map((name) => [name, name]));
  const quantity = select("curve-quantity", Object.entries(names));
  const dashes = ["solid", "dash", "dot", "dashdot"]; // of methods with one colour
  function draw() {
    const own = runs.filter((run) => run.stage === stage.value && run[quantity.value]);
    const traces = own.map((run, place) => {
      const number = methods.indexOf(run.method);
      return {
        x: run.epoch, y: run[quantity.value], name: run.method, legendgroup: run.method,
        mode: run.epoch.length > 1 ? "lines" : "markers",
        showlegend: own.findIndex((other) => other.method === run.method) === place,
        line: {color: colour("--line-" + (number % 8)), width: 1.6,
          dash: dashes[Math.floor(number / 8) % dashes.length]},
        hovertemplate: run.method.replaceAll("<", "&lt;") + ", seed " + run.seed + ": %{y:.4g}<extra></extra>",
      };
    });
    const axis = {gridcolor: colour("--edge"), zerolinecolor: colour("--edge"), automargin: true};
    const narrow = place.clientWidth < 700;
    window.Plotly.react(place, traces, {
      paper_bgcolor: colour("--page"), plot_bgcolor: colour("--page"), hovermode: "x unified",
      hoverlabel: {bgcolor: colour("--raised"), font: {color: colour("--ink")}},
      font: {color: colour("--ink"), family: "system-ui, sans-serif"}, height: narrow ? 560 : 430,
      margin: {t: 20, r: 10, l: 50, b: 45},
      xaxis: {...axis, title: {text: "epoch"}}, yaxis: {...axis, title: {text: names[quantity.value]}},
      legend: narrow ? {orientation: "h", y: -0.2} : {},
    }, {responsive: true, displaylogo: false});
  }
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  draw();
}

// --- examples

const clips = new Map();
function clipOf(id) {
  if (!clips.has(id)) clips.set(id, stored("clip-" + id));
  return clips.get(id);
}

// A clip as clipView wants it: with the phrases of the caption that asks, if it is the right one.
function viewOf(clip, isAsked, systems, thresholds, badges) {
  const asked = isAsked && clip.segments.some((segment) => segment.asked);
  const segments = clip.segments.filter((segment) => segment.asked === asked);
  const activity = segments.flatMap((segment) => systems
    .filter((system) => segment.scores && segment.scores[system])
    .map((system) => {
      const scores = segment.scores[system], step_s = segment.end_s / scores.length;
      return {phrase: segment.phrase, label: system, scores, step_s, first_s: step_s / 2,
        threshold: thresholds[system]};
    }));
  const cut = clip.whole_s > clip.duration_s + 0.1
    ? [{text: "first " + clip.duration_s + " of " + clip.whole_s + " s", kind: "note"}] : [];
  return {...clip, segments, activity, badges: [...badges, ...cut]};
}

function thumbnail(clip) {
  if (clip.pictures.length) return element("img", {src: clip.pictures[0].src, alt: ""});
  return clipView.spectrogram(clip.spectrogram, clip.clip_id);
}

function showHits(found, example, shared) {
  const panel = element("div", {id: "panel-" + example.number + "-" + found.system});
  const buttons = found.hits.map(([id, score, isRight], place) => {
    const clip = clipOf(id), verdict = isRight ? "right" : "wrong";
    const button = element("button", {
      type: "button", class: "hit " + verdict, "aria-expanded": "false", "aria-controls": panel.id,
      "aria-label": "Place " + (place + 1) + ", " + verdict + " clip " + id + ", score " + score,
      title: id + ": " + (clip.captions[0] || "no caption"),
    }, thumbnail(clip), element("span", {class: "verdict " + verdict},
      place + 1 + (isRight ? " \u2713" : " \u2717")), element("span", {class: "score"}, score.toFixed(2)));
    button.addEventListener("click", () => {
      const opens = button.getAttribute("aria-expanded") === "false";
      for (const other of buttons) other.setAttribute("aria-expanded", "false");
      panel.replaceChildren();
      panel.parentElement.classList.toggle("open", opens);
      if (!opens) return;
      button.setAttribute("aria-expanded", "true");
      const badges = [{text: (isRight ? "right" : "wrong") + " clip, place " + (place + 1) + " of " + found.system, kind: verdict},
        {text: "score " + score, kind: "note"}];
      panel.append(clipView.card(viewOf(clip, isRight, [found.system], shared.thresholds, badges)));
    });
    return button;
  });
  const words = found.system + ": right clip at rank " + found.rank + " of " + shared.num_clips;
  return element("div", {class: "system"}, element("h4", {}, words),
    element("div", {class: "hits"}, ...buttons), panel);
}

function showExample(section, example, shared) {
  const right = clipOf(example.clip_id);
  const place = element("div");
  const grounding = Object.keys(shared.thresholds);
  const badges = [{text: "the right clip", kind: "right"}];
  const show = (systems) =>
    place.replaceChildren(clipView.card(viewOf(right, true, systems, shared.thresholds, badges)));
  show(grounding.filter((name) => name === shared.best));
  if (grounding.length && right.segments.length) {
    const choice = element("select", {},
      ...grounding.map((name) => element("option", {value: name}, name)),
      element("option", {value: ""}, "all systems"));
    choice.value = shared.best;
    choice.addEventListener("change", () => show(choice.value ? [choice.value] : grounding));
    section.append(element("label", {class: "small"}, "Phrases over time, as scored by ", choice));
  }
  section.append(place, element("div", {class: "systems"},
    ...example.found.map((found) => showHits(found, example, shared))));
}

function startExamples() {
  const shared = stored("examples");
  const sections = new Map(shared.shown.map((example) =>
    [document.getElementById("example-" + example.number), example]));
  const show = (section) => {
    if (sections.has(section)) showExample(section, sections.get(section), shared);
    sections.delete(section);
  };
  whenNear([...sections.keys()], show);
  window.addEventListener("beforeprint", () => [...sections.keys()].forEach(show));
}

// Calls `show` once for each place as it comes near the window, so that the page opens at once.
function whenNear(places, show) {
  const observer = new IntersectionObserver((entries) => {
    for (const {target, isIntersecting} of entries) {
      if (!isIntersecting) continue;
      observer.unobserve(target);
      show(target);
    }
  }, {rootMargin: "600px"});
  for (const place of places) observer.observe(place);
}

document.querySelectorAll("table.sortable").forEach(sortBlocks);
startFolding();
document.querySelectorAll("details[data-rows]").forEach((details) =>
  details.addEventListener("toggle", () => showRaw(details), {once: true}));
const curve = document.getElementById("curve");
if (curve) whenNear([curve], startCurves);
if (document.getElementById("examples")) startExamples();
