"use strict";

function pane(id, tenant, user) {
  const section = document.querySelector("template").content.cloneNode(true).firstElementChild;
  section.id = id;
  section.setAttribute("aria-label", `${user} of ${tenant}`);
  document.querySelector("main").append(section);
  const at = name => section.querySelector("." + name);
  at("tenant").value = tenant;
  at("user").value = user;
  section.querySelector("details").open = matchMedia("(min-width: 50rem)").matches;
  let ordersOf = null, open = false, typed = 0, shown = "", lines = [];
  let answer = null, turn = "", saying = ""; // the words of an answer that is being said

  const caller = () => ({ tenant: at("tenant").value.trim(), user: at("user").value.trim() });
  const missing = ({ tenant, user }) => !tenant ? "Enter a tenant." : !user ? "Enter a user." : "";

  async function call(method, path, body) {
    const { tenant, user } = caller();
    let answer;
    try {
      answer = await fetch(path, { method, body: body && JSON.stringify(body), headers: { "X-Tenant": tenant, "X-User": user } });
    } catch {
      throw new Error("The service does not answer. The page tries again.");
    }
    if (!answer.ok) throw new Error((await answer.text()).trim() || answer.statusText);
    return answer.json();
  }

  // show writes the lines of the log, which are in Redis, so that they are there
  // after a reload and on every page of the user.
  function show(written) {
    lines = written;
    const all = saying ? [...lines, { who: "agent says", text: saying }] : lines;
    const text = JSON.stringify(all);
    if (text === shown) return;
    shown = text;
    at("log").replaceChildren(...all.map(({ who, text }) => {
      const line = document.createElement("p");
      line.className = who;
      line.textContent = text;
      return line;
    }));
    at("log").scrollTop = at("log").scrollHeight;
  }

  // follow shows the words of an answer as the agent says them. After a reload of
  // the page it goes on behind the last word that was shown.
  function follow(name) {
    if (name === turn) return;
    if (answer) answer.close();
    answer = null;
    turn = name;
    saying = "";
    if (!name) return;
    const kept = JSON.parse(sessionStorage.getItem(id) || "{}");
    const known = kept.turn === name ? kept : { saying: "", after: "" };
    saying = known.saying;
    section.dataset.after = known.after;
    const source = answer = new EventSource(`/api/answers/${encodeURIComponent(name)}?` + new URLSearchParams({ ...caller(), after: known.after }));
    source.onmessage = event => {
      saying += JSON.parse(event.data);
      sessionStorage.setItem(id, JSON.stringify({ turn, saying, after: event.lastEventId }));
      show(lines);
    };
    for (const type of ["end", "gone"]) source.addEventListener(type, () => source.close());
  }

  // clear removes what belongs to another tenant or user.
  function clear() {
    ordersOf = null;
    follow("");
    show([]);
    for (const part of section.querySelectorAll("pre, code, .count, .due")) part.textContent = "";
    at("bar").value = 0;
  }

  async function refresh() {
    const { tenant: t, user: u } = caller();
    const another = () => t !== caller().tenant || u !== caller().user;
    const v = await call("GET", "/api/state");
    if (another()) return;
    const waiting = v.waiting || [];
    const due = v.answer_in_ms;
    follow((v.answering || []).length ? v.conversation.scratch : "");
    show([
      ...v.conversation.log || [],
      ...(v.answering || []).map(l => ({ who: "user", text: l.text })),
      ...waiting.map(m => ({ who: "user waits", text: m.text })),
    ]);
    at("queue-key").textContent = `${t}:batch:chat:${u}:answer`;
    at("state-key").textContent = `${t}:state:chat:${u}`;
    at("scratch-key").textContent = v.conversation.scratch && `${t}:SS:${v.conversation.scratch}:${u}`;
    at("user-key").textContent = `${t}:user:${u}`;
    at("orders-key").textContent = `${t}:df:orders:pkid:*`;
    at("due").textContent = due !== null ? `due in ${(due / 1000).toFixed(1)} s` : v.backlog.Claimed ? "in progress" : "none due";
    at("bar").value = due === null ? 0 : due;
    at("count").textContent = `${waiting.length} waiting, ${v.backlog.Claimed} being answered`;
    at("waiting").textContent = waiting.map(m => m.text).join("\n");
    at("state").textContent = JSON.stringify({ ...v.conversation, log: undefined }, null, 1);
    at("scratch").textContent = JSON.stringify(v.scratch, null, 1);
    at("profile").textContent = JSON.stringify(v.user, null, 1);
    if (open || ordersOf !== v.conversation.turns) {
      const rows = Object.values(await call("GET", "/api/orders")).sort((a, b) => b.placed.localeCompare(a.placed));
      if (another()) return;
      ordersOf = v.conversation.turns;
      open = rows.some(o => o.status === "placed");
      at("orders").textContent = rows.map(o => `${o.items.join(" and ")} ${o.price.toFixed(2)} ${o.status}`).join("\n");
    }
  }

  // attempt does what the person asked for. What goes wrong stays on the page
  // until the next thing they do.
  async function attempt(work) {
    at("trouble").textContent = missing(caller());
    if (at("trouble").textContent) return false;
    try {
      await work();
      return true;
    } catch (err) {
      at("trouble").textContent = err.message;
      return false;
    }
  }

  for (const field of ["tenant", "user"]) {
    at(field).oninput = () => {
      clear();
      at("trouble").textContent = "";
      at("link").textContent = missing(caller());
    };
  }
  at("text").oninput = () => {
    if (Date.now() - typed < 300) return;
    typed = Date.now();
    attempt(() => call("POST", "/api/typing"));
  };
  section.querySelector("form").onsubmit = async event => {
    event.preventDefault();
    const text = at("text").value;
    if (await attempt(() => call("POST", "/api/messages", { text })) && at("text").value === text) at("text").value = "";
  };

  // The loop shows the state four times a second.
  (async function loop() {
    let problem = missing(caller());
    if (!problem) {
      try {
        await refresh();
      } catch (err) {
        problem = err.message;
        clear();
      }
    }
    at("link").textContent = problem;
    setTimeout(loop, 250);
  })();
}

pane("left", "acme", "alice");
pane("right", "globex", "bob");
