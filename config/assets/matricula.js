// What the pages do beyond htmx. All of it works without scripts too: what a dialog shows is a page of its own.
"use strict";

(() => {
  const dialog = document.getElementById("dialog");
  const trouble = document.getElementById("trouble");
  const spoken = document.getElementById("spoken");

  document.addEventListener("htmx:after:swap", (event) => {
    const status = event.detail.ctx?.response?.status ?? 200;
    if (status < 400) trouble?.setAttribute("hidden", "");
    // A form that was fetched into the dialog opens it.
    if (dialog && !dialog.open && dialog.querySelector("#action")) dialog.showModal();
    // Screen readers hear what a search found; a job that is watched speaks for itself.
    const summary = document.querySelector("#results [data-summary]");
    if (summary && spoken && spoken.textContent !== summary.textContent) spoken.textContent = summary.textContent;
  });

  // A request that did not come through must not look as if nothing had been asked.
  const complain = () => trouble?.removeAttribute("hidden");
  document.addEventListener("htmx:error", complain);
  document.addEventListener("htmx:response:error", (event) => {
    const status = event.detail.ctx?.response?.status;
    if (status === 403 || status === 404 || status >= 500) complain();
  });

  // "Cancel" leads back to the page; under a dialog that is there already.
  document.addEventListener("click", (event) => {
    if (dialog?.open && (event.target === dialog || event.target.closest("[data-close]"))) {
      event.preventDefault();
      dialog.close();
    }
  });
  dialog?.addEventListener("close", () => document.getElementById("dialog-content").replaceChildren());

  // Of two ways to search only one counts: say so while both are filled in.
  document.addEventListener("input", (event) => {
    const form = event.target.closest?.("form[data-either]");
    if (!form) return;
    const filled = form.dataset.either.split(" ").every((name) => form.elements[name].value.trim());
    form.querySelector("[data-both]").hidden = !filled;
  });

  // A change under way is not sent twice.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.method !== "post" || form.hasAttribute("hx-post")) return;
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  });
})();
