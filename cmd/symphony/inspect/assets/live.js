// Updates a page every two seconds with what the server renders for it. A page
// without this script is complete, and has a link to refresh it.
const interval = 2000;
const status = document.getElementById("status");
const text = document.createElement("span");
const pause = document.createElement("button");
let paused = false, running = walks(), last = "", failures = 0;

if (document.querySelector("main[data-updates]")) {
  pause.type = "button";
  pause.className = "small";
  pause.textContent = "Pause updates";
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Resume updates" : "Pause updates";
    say(paused ? "Updates are paused." : "");
    if (!paused) update();
  });
  status.append(text);
  status.after(pause);
  setInterval(update, interval);
}

function walks() { return document.querySelectorAll("[data-running]").length; }

// The status is read out, so it changes only if something happened.
function say(sentence, lost = false) {
  if (text.textContent !== sentence) text.textContent = sentence;
  status.classList.toggle("lost", lost);
}

async function update() {
  if (paused || document.hidden) return;
  let page;
  try {
    const reply = await fetch(location.href.split("#")[0], {headers: {Accept: "text/html"}, signal: AbortSignal.timeout(15000)});
    page = await reply.text();
    if (!reply.headers.get("Content-Type")?.startsWith("text/html")) throw new Error("another reply");
  } catch {
    if (++failures > 1) say("The program does not answer. What you see is old. Trying again.", true);
    return;
  }
  if (failures > 1) say("");
  failures = 0;
  if (paused || page === last) return;
  last = page;
  const next = new DOMParser().parseFromString(page, "text/html");
  for (const part of ["main", "footer"]) {
    const [here, there] = [document.querySelector(part), next.querySelector(part)];
    if (!there) return;
    merge(here, there);
  }
  const now = walks();
  if (now < running) say("The walk has ended.");
  if (now > running) say("");
  running = now;
}

// merge makes a node like another one. Nodes that do not change stay, so that
// focus, selection, scrolling and what was typed stay too.
function merge(here, there) {
  for (const {name} of [...here.attributes]) if (!there.hasAttribute(name)) here.removeAttribute(name);
  for (const {name, value} of there.attributes) if (here.getAttribute(name) !== value) here.setAttribute(name, value);
  const keyed = new Map();
  for (const child of here.children) if (child.dataset.key !== undefined) keyed.set(child.dataset.key, child);
  let at = here.firstChild;
  for (const wanted of [...there.childNodes]) {
    const known = wanted.dataset?.key === undefined ? undefined : keyed.get(wanted.dataset.key);
    if (known && known !== at) {
      // Only what stands before a known row is removed, because moving a row
      // would take its focus away.
      let gone = [];
      for (let node = at; node && node !== known; node = node.nextSibling) gone.push(node);
      if (gone.length && gone.at(-1).nextSibling === known && !gone.some(n => n.dataset?.key !== undefined && wants(there, n.dataset.key))) {
        for (const node of gone) node.remove();
      } else {
        here.insertBefore(known, at);
      }
      at = known;
    }
    if (at && (known || alike(at, wanted))) {
      if (at.nodeType === Node.ELEMENT_NODE) merge(at, wanted);
      else if (at.nodeValue !== wanted.nodeValue) at.nodeValue = wanted.nodeValue;
      at = at.nextSibling;
    } else {
      here.insertBefore(document.importNode(wanted, true), at);
    }
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

function wants(parent, key) { return [...parent.children].some(child => child.dataset.key === key); }

function alike(a, b) {
  return a.nodeType === b.nodeType && a.nodeName === b.nodeName && a.dataset?.key === b.dataset?.key;
}
