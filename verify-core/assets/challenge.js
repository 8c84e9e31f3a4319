// What the challenge page does by itself: it solves proofs of work, and offers the code of a text message. Everything
// but the proof of work goes on without it.
//
// The fields of a blocked form are carried on inside our own forms, and a field called `submit` or `dataset` hides the
// form's property of that name. So nothing is read off a form directly; the prototypes are asked instead.
(() => {
  "use strict";

  const MOST_WORKERS = 4;
  // No code that is meant for authentication lives longer than ten minutes.
  const CODE_LIFE_MS = 600_000;
  const DOUBLE_CLICK_MS = 1000;

  const FAULTS = {
    "insecure-context": "The puzzle can only be solved on a secure page. Open this page over https (or on localhost).",
    "unsupported-algorithm": "This browser cannot solve the puzzle. Please try another or a newer one.",
    "bad-request": "The puzzle was not understood. Load the page again for a new one.",
    exhausted: "This puzzle has no answer. Load the page again for a new one.",
    blocked: "The puzzle could not be started. Check your connection and whether something blocks scripts on this site.",
    failed: "The puzzle could not be solved.",
  };

  const attribute = (form, name) => Element.prototype.getAttribute.call(form, name);
  const within = (form, selector) => Element.prototype.querySelector.call(form, selector);
  const { requestSubmit, submit } = HTMLFormElement.prototype;

  // The server takes standard base64 of UTF-8.
  function toBase64(text) {
    return btoa(Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join(""));
  }

  class Puzzle {
    constructor(form) {
      this.form = form;
      this.workers = [];
      this.bar = within(form, "progress");
      this.state = within(form, ".state");
      this.fault = within(form, ".fault");
      this.button = within(form, "button[type=button]");
      this.button.addEventListener("click", () => this.start());
      if (attribute(form, "data-auto") === null) {
        this.button.hidden = false;
      } else {
        this.start();
      }
    }

    start() {
      if (this.workers.length > 0 || this.solved) {
        return;
      }
      this.fault.textContent = "";
      this.state.textContent = "Solving the puzzle.";
      this.bar.value = 0;
      this.bar.hidden = false;
      // Not `disabled`: that would throw the keyboard's focus away.
      this.button.setAttribute("aria-disabled", "true");
      this.began = performance.now();
      this.told = false;
      try {
        const challenge = JSON.parse(attribute(this.form, "data-challenge"));
        const step = Math.min(navigator.hardwareConcurrency || 2, MOST_WORKERS);
        this.expected = Number(attribute(this.form, "data-tries"));
        this.tries = new Array(step).fill(0);
        for (let start = 0; start < step; start += 1) {
          this.employ(challenge, start, step);
        }
      } catch (error) {
        this.stop(error instanceof SyntaxError || error instanceof TypeError ? "bad-request" : "blocked");
      }
    }

    employ(challenge, start, step) {
      const worker = new Worker(attribute(this.form, "data-solver"));
      this.workers.push(worker);
      worker.onerror = () => this.workers.includes(worker) && this.stop("blocked");
      worker.onmessage = ({ data }) => {
        // A message may still arrive from a worker that was stopped.
        if (!this.workers.includes(worker)) {
          return;
        }
        if (data.error === "exhausted" && this.workers.length > 1) {
          // Its share of the numbers held no answer; another's will.
          this.workers.splice(this.workers.indexOf(worker), 1);
          worker.terminate();
        } else if (data.error) {
          this.stop(data.error);
        } else if (data.progress) {
          this.tries[start] = data.progress;
          this.show();
        } else {
          this.finish(challenge, data);
        }
      };
      worker.postMessage({ challenge, start, step });
    }

    // Every try is a draw of its own, so no bar can know when it ends. This one shows how likely it is that one would
    // have ended by now, which slows down as luck runs out but never runs back and never claims to be done.
    show() {
      const tries = this.tries.reduce((sum, some) => sum + some, 0);
      this.bar.value = 1 - Math.exp(-tries / this.expected);
      // Screen readers speak every change of the state: one is enough, and none where it is over in a moment.
      const seconds = (performance.now() - this.began) / 1000;
      const usual = (seconds * this.expected) / tries;
      if (!this.told && seconds > 2) {
        this.told = true;
        const time = usual < 90 ? `${Math.ceil(usual)} seconds` : `${Math.ceil(usual / 60)} minutes`;
        this.state.textContent = `Solving the puzzle. On this device that takes about ${time} on average; luck decides.`;
      }
    }

    release() {
      for (const worker of this.workers.splice(0)) {
        worker.terminate();
      }
    }

    stop(error) {
      this.release();
      this.bar.hidden = true;
      this.state.textContent = "";
      this.fault.textContent = FAULTS[error] ?? FAULTS.failed;
      this.button.textContent = "Try again";
      this.button.removeAttribute("aria-disabled");
      this.button.hidden = false;
    }

    finish(challenge, { counter, derivedKey, number, time }) {
      this.release();
      this.solved = true;
      this.bar.value = 1;
      this.state.textContent = "Solved. One moment.";
      const { algorithm, salt, signature } = challenge;
      const answer = number === undefined
        ? { challenge, solution: { counter, derivedKey, time } }
        : { algorithm, challenge: challenge.challenge, number, salt, signature, took: time };
      within(this.form, 'input[name="challenge-answer"]').value = toBase64(JSON.stringify(answer));
      (requestSubmit ?? submit).call(this.form);
    }
  }

  // The code of a text message, if the phone's owner agrees. It is filled in and not sent, so that nothing moves
  // under somebody who is still listening to the page.
  function offerCode(input) {
    const over = new AbortController();
    document.addEventListener("submit", () => over.abort());
    setTimeout(() => over.abort(), CODE_LIFE_MS);
    navigator.credentials.get({ otp: { transport: ["sms"] }, signal: over.signal }).then(
      (otp) => { input.value = otp?.code || input.value; },
      () => {}, // Declined, aborted or not to be had: the code is typed.
    );
  }

  // The answer comes from a phone: asks whether it is there, and has the server say what it was. It asks less often as time
  // goes by, and never in a page that nobody looks at.
  function awaitCall(form) {
    const over = Date.now() + CODE_LIFE_MS;
    const id = within(form, 'input[name="challenge-id"]').value;
    let wait = 2000;
    const ask = async () => {
      if (Date.now() > over) {
        return;
      }
      wait = Math.min(wait * 1.25, 8000);
      if (document.visibilityState === "visible") {
        const answer = await fetch(attribute(form, "data-status"), {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ id }),
        }).catch(() => null);
        // 410: the challenge is over, which the server says better than this page.
        const status = answer?.ok ? (await answer.json().catch(() => null))?.status : null;
        if (answer?.status === 410 || (status && status !== "pending")) {
          (requestSubmit ?? submit).call(form);
          return;
        }
      }
      setTimeout(ask, wait);
    };
    within(form, ".state").textContent =
      attribute(form, "data-waits") ?? "This page goes on by itself once you have dialled.";
    setTimeout(ask, wait);
  }

  for (const form of document.querySelectorAll("form.work")) {
    new Puzzle(form);
  }
  const dial = document.querySelector("form.dial[data-status]");
  if (dial) {
    awaitCall(dial);
  }
  const input = document.querySelector("input[autocomplete=one-time-code]");
  if (input && "OTPCredential" in window) {
    offerCode(input);
  }
  // Of a double click the browser shows the second answer: that the code has been used.
  let last = -Infinity;
  document.addEventListener("submit", (event) => {
    if (event.timeStamp - last < DOUBLE_CLICK_MS) {
      event.preventDefault();
    }
    last = event.timeStamp;
  });
  // A page from the back-forward cache holds an answer that is spent.
  window.addEventListener("pageshow", ({ persisted }) => {
    if (persisted && document.querySelector("form.work")) {
      location.reload();
    }
  });
})();
