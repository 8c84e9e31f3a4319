// Shows a vendor's captcha and hands its token on. The vendor's script comes from the vendor, and is asked for only here:
// where a captcha stands on the page.
//
// The widget stands beside its form and not in it, so that no field of the vendor's travels with what was blocked. As the
// fields of a blocked form are carried inside our own, nothing is read off a form directly: a field called `submit` hides
// the form's property of that name.
(() => {
  "use strict";

  const LOAD_MS = 15_000;

  const FAULTS = {
    blocked: "The check could not be loaded. See whether something blocks scripts on this site, then try again.",
    failed: "The check did not work. Please try again.",
    expired: "The check took too long. Please do it once more.",
  };

  const attribute = (form, name) => Element.prototype.getAttribute.call(form, name);
  const within = (form, selector) => Element.prototype.querySelector.call(form, selector);
  const { requestSubmit, submit } = HTMLFormElement.prototype;

  // `grecaptcha.enterprise` is an object inside another one.
  const lookUp = (path) => path.split(".").reduce((object, name) => object?.[name], window);

  class Check {
    constructor(form) {
      this.form = form;
      this.place = document.getElementById(attribute(form, "data-place"));
      this.state = within(form, ".state");
      this.fault = within(form, ".fault");
      this.answer = within(form, 'input[name="challenge-answer"]');
      this.button = within(form, "button[type=button]");
      this.button.addEventListener("click", () => this.press());
      this.auto = attribute(form, "data-auto") !== null;
      if (this.isShown || this.auto) {
        this.start();
      } else {
        this.offer("Continue");
      }
    }

    get isShown() {
      return attribute(this.form, "data-shown") !== null;
    }

    offer(words) {
      this.button.textContent = words;
      this.button.hidden = false;
    }

    press() {
      if (this.answer.value) {
        this.send();
      } else {
        this.start();
      }
    }

    async start() {
      this.fault.textContent = "";
      this.state.textContent = "One moment, the check is loading.";
      this.button.hidden = true;
      try {
        const api = await this.load();
        this.state.textContent = "";
        this.show(api);
      } catch {
        this.unreachable();
      }
    }

    load() {
      const path = attribute(this.form, "data-object");
      return new Promise((resolve, reject) => {
        const late = setTimeout(reject, LOAD_MS);
        const loaded = () => {
          clearTimeout(late);
          const api = lookUp(path);
          if (!api) {
            reject();
          } else if (path.startsWith("grecaptcha")) {
            api.ready(() => resolve(api));
          } else {
            resolve(api);
          }
        };
        if (lookUp(path)) {
          loaded();
          return;
        }
        const script = document.createElement("script");
        script.src = attribute(this.form, "data-script");
        script.onload = loaded;
        script.onerror = () => {
          clearTimeout(late);
          script.remove();
          reject();
        };
        document.head.append(script);
      });
    }

    show(api) {
      const sitekey = attribute(this.form, "data-site-key");
      const action = attribute(this.form, "data-action") ?? undefined;
      if (!this.isShown) {
        api.execute(sitekey, { action }).then((token) => this.solved(token), () => this.stop("failed"));
        return;
      }
      this.widget = api.render(this.place, {
        sitekey,
        action,
        cData: attribute(this.form, "data-cdata") ?? undefined,
        callback: (token) => this.solved(token),
        "expired-callback": () => this.stop("expired"),
        "error-callback": () => this.stop("failed"),
        // Our own form has its own field.
        "response-field": false,
      });
    }

    solved(token) {
      this.fault.textContent = "";
      this.answer.value = token;
      if (this.auto || !this.isShown) {
        this.send();
      } else {
        this.state.textContent = "Done.";
        this.offer("Continue");
      }
    }

    send() {
      this.state.textContent = "One moment.";
      this.button.hidden = true;
      (requestSubmit ?? submit).call(this.form);
    }

    // A widget that is shown offers by itself to be tried again.
    stop(fault) {
      this.answer.value = "";
      this.state.textContent = "";
      this.fault.textContent = FAULTS[fault];
      this.button.hidden = true;
      if (!this.isShown) {
        this.offer("Try again");
      }
    }

    // The server finds out by itself whether the vendor is down: our word does not count.
    unreachable() {
      this.stop("blocked");
      this.offer("Try again");
      if (attribute(this.form, "data-open") !== null && !this.asked) {
        this.asked = true;
        this.answer.value = "unreachable";
        this.offer("Continue without it");
      }
      const other = document.getElementById(attribute(this.form, "data-other"));
      if (other) {
        other.hidden = false;
      }
    }
  }

  for (const form of document.querySelectorAll("form.captcha")) {
    new Check(form);
  }
  // A page from the back-forward cache holds a token that is spent.
  window.addEventListener("pageshow", ({ persisted }) => {
    if (persisted && document.querySelector("form.captcha")) {
      location.reload();
    }
  });
})();
