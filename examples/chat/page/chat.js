"use strict";

function pane(id, tenant, user) {
  const section = document.querySelector("template").content.cloneNode(true).firstElementChild;
  section.id = id;
  document.querySelector("main").append(section);
  const at = name => section.querySelector("." + name);
  at("tenant").value = tenant;
  at("user").value = user;
  let turns = null, ordersOf = null, open = false, typed = 0;

  async function call(method, path, body) {
    const answer = await fetch(path, {
      method, body: body && JSON.stringify(body),
      headers: { "X-Tenant": at("tenant").value, "X-User": at("user").value },
    });
    if (!answer.ok) throw new Error(answer.status + " " + await answer.text());
    return answer.json();
  }

  function say(who, text) {
    const line = document.createElement("p");
    line.className = who;
    line.textContent = text;
    at("log").append(line);
    at("log").scrollTop = at("log").scrollHeight;
  }

  async function refresh() {
    const t = at("tenant").value, u = at("user").value;
    const another = () => t !== at("tenant").value || u !== at("user").value;
    const v = await call("GET", "/api/state");
    if (another()) return;
    at("queue-key").textContent = `${t}:batch:chat:${u}:answer`;
    at("state-key").textContent = `${t}:state:chat:${u}`;
    at("scratch-key").textContent = v.conversation.scratch && `${t}:SS:${v.conversation.scratch}:${u}`;
    at("user-key").textContent = `${t}:user:${u}`;
    at("orders-key").textContent = `${t}:df:orders:pkid:*`;
    const due = v.answer_in_ms;
    at("due").textContent = due !== null ? `due in ${(due / 1000).toFixed(1)} s` : v.backlog.Claimed ? "in progress" : "none due";
    at("bar").value = due === null ? 0 : due;
    const waiting = v.waiting || [];
    at("count").textContent = `${waiting.length} waiting, ${v.backlog.Claimed} being answered`;
    at("waiting").textContent = waiting.map(m => m.text).join("\n");
    at("state").textContent = JSON.stringify(v.conversation, null, 1);
    at("scratch").textContent = JSON.stringify(v.scratch, null, 1);
    at("profile").textContent = JSON.stringify(v.user, null, 1);
    if (turns !== null && v.conversation.turns > turns) say("theirs", v.conversation.said);
    turns = v.conversation.turns;
    if (open || ordersOf !== turns) {
      const rows = Object.values(await call("GET", "/api/orders")).sort((a, b) => b.placed.localeCompare(a.placed));
      if (another()) return;
      ordersOf = turns;
      open = rows.some(o => o.status === "placed");
      at("orders").textContent = rows.map(o => `${o.items.join(" and ")} ${o.price.toFixed(2)} ${o.status}`).join("\n");
    }
  }

  // attempt shows what goes wrong instead of losing it.
  async function attempt(work) {
    try {
      await work();
      at("trouble").textContent = "";
      return true;
    } catch (err) {
      at("trouble").textContent = err.message;
      return false;
    }
  }

  for (const field of ["tenant", "user"]) {
    at(field).oninput = () => { turns = ordersOf = null; at("log").replaceChildren(); };
  }
  at("text").oninput = () => {
    if (Date.now() - typed < 300) return;
    typed = Date.now();
    attempt(() => call("POST", "/api/typing"));
  };
  section.querySelector("form").onsubmit = async event => {
    event.preventDefault();
    const text = at("text").value;
    if (await attempt(() => call("POST", "/api/messages", { text }))) {
      say("mine", text);
      if (at("text").value === text) at("text").value = "";
    }
  };
  (async function loop() {
    await attempt(refresh);
    setTimeout(loop, 250);
  })();
}

pane("left", "acme", "alice");
pane("right", "globex", "bob");
