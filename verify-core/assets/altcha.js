// Has the code sent that an ALTCHA widget is about to ask for. The widget tells that its puzzle is solved by an event that
// does not rise, so it is caught on its way down.
(() => {
  "use strict";

  async function send({ id, send }) {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(send, { method: "POST", headers, body: JSON.stringify({ id }) });
    const body = await answer.json();
    if (!answer.ok) {
      throw new Error(body.title);
    }
    return body;
  }

  document.addEventListener("codechallenge", async ({ detail, target }) => {
    const { codeChallenge } = detail ?? {};
    if (typeof codeChallenge?.id !== "string") {
      return;
    }
    try {
      // The page may show where it went: `delivery_hint`.
      target.dispatchEvent(new CustomEvent("codesent", { bubbles: true, detail: await send(codeChallenge) }));
    } catch (error) {
      target.setState?.("error", error.message);
    }
  }, true);
})();
