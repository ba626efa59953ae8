// The state of the service, asked every few seconds while the page can be seen.

import { byId, count, element } from "./dom.js";
import { ask, call } from "./service.js";

const EVERY = 4000;

const SAYS = {
  ok: "Ready",
  starting: "Loading the model",
  draining: "Stopping",
  failing: "The model fails",
  stuck: "The model is stuck",
  key: "Needs a key",
  unreachable: "Cannot be reached",
};

/** What `/readyz` says, 503 or not. */
async function readiness() {
  try {
    return (await ask("readyz")).status;
  } catch (error) {
    if (error.wantsKey) return "key";
    return error.status === 0 ? "unreachable" : (error.body?.status ?? "starting");
  }
}

/** Images that wait for the model, of the metrics; null where they are not to be had. */
async function waitingImages() {
  const text = await (await call("metrics")).text();
  const found = /^inference_queue_depth (\S+)$/m.exec(text);
  return found ? Number(found[1]) : null;
}

const orNull = (promise) => promise.catch(() => null);

/** Shows the state from now on, and tells `report` of the model and of a key that is missing. */
export function watchService(report) {
  let timer;
  const look = async () => {
    clearTimeout(timer);
    if (document.hidden) return;
    let needsKey = false;
    const model = ask("model-info").catch((error) => {
      needsKey = error.wantsKey;
      return null;
    });
    const [state, info, waiting] = await Promise.all([readiness(), model, orNull(waitingImages())]);
    show(needsKey ? "key" : state, info, waiting);
    report({ model: info, needsKey });
    clearTimeout(timer);
    timer = setTimeout(look, EVERY);
  };
  document.addEventListener("visibilitychange", look);
  closeBeside(byId("service"));
  look();
  return look;
}

/** Closes a panel by a press beside it, or by Escape. */
function closeBeside(panel) {
  document.addEventListener("pointerdown", ({ target }) => {
    if (!panel.contains(target)) panel.open = false;
  });
  panel.addEventListener("keydown", ({ key }) => {
    if (key !== "Escape") return;
    panel.open = false;
    panel.querySelector("summary").focus();
  });
}

function show(state, model, waiting) {
  byId("service").dataset.state = state;
  const parts = [SAYS[state] ?? state];
  if (model) parts.push(model.model_name);
  if (waiting) parts.push(`${count(waiting)} waiting`);
  setText(byId("state"), parts.join(" · "));
  byId("model").replaceChildren(...facts(model, waiting).flatMap(fact));
}

// A status that is written anew is read out anew.
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const TEXT = { ready: "yes", on_demand: "yes, loaded by its first use" };

function facts(model, waiting) {
  const known = model
    ? [
        ["Model", model.model_name],
        ["Weights", model.weights === "seeded" ? `${model.pretrained} (seeded)` : model.pretrained],
        ["Activation", model.activation],
        ["Precision", model.precision],
        ["Runs on", model.device],
        ["Numbers in a vector", model.embedding_dim],
        ["Search by words", TEXT[model.text] ?? "off"],
      ]
    : [];
  return [...known, ["Photos waiting", waiting ?? "unknown"]];
}

const fact = ([name, value]) => [
  element("dt", { textContent: name }),
  element("dd", { textContent: value ?? "unknown" }),
];
