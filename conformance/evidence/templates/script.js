"use strict";
(() => {
  const all = (selector) => Array.from(document.querySelectorAll(selector));

  // The page is complete without this script; what needs it starts hidden.
  all("[data-needs-script]").forEach((element) => { element.hidden = false; });

  const rows = all("#requirement-rows > tr");
  const text = document.getElementById("filter-text");
  const status = document.getElementById("filter-status");
  const step = document.getElementById("filter-step");
  const required = document.getElementById("filter-required");
  const shown = document.getElementById("filter-shown");
  const filter = () => {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let number = 0;
    for (const row of rows) {
      const content = row.textContent.toLowerCase();
      const fits = words.every((word) => content.includes(word))
        && (!status.value || row.dataset.status === status.value)
        && (!step.value || row.dataset.step === step.value)
        && (!required.checked || row.dataset.required === "yes");
      row.hidden = !fits;
      number += fits ? 1 : 0;
    }
    shown.textContent = `${number} of ${rows.length} shown`;
  };
  if (text) {
    [text, status, step, required].forEach((control) => control.addEventListener("input", filter));
    filter();
  }

  for (const block of all(".command")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      const code = block.querySelector("code");
      try {
        await navigator.clipboard.writeText(code.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        button.textContent = "Selected";
      }
    });
    block.prepend(button);
  }

  const exchanges = all("details.exchange");
  const toggle = document.getElementById("toggle-exchanges");
  if (toggle) {
    toggle.addEventListener("click", () => {
      const open = exchanges.some((exchange) => !exchange.open);
      exchanges.forEach((exchange) => { exchange.open = open; });
      toggle.textContent = open ? "Collapse every exchange" : "Expand every exchange";
    });
  }
  let reopened = [];
  addEventListener("beforeprint", () => {
    reopened = exchanges.filter((exchange) => !exchange.open);
    reopened.forEach((exchange) => { exchange.open = true; });
  });
  addEventListener("afterprint", () => { reopened.forEach((exchange) => { exchange.open = false; }); });

  // A link into the table must find its row, whatever is filtered out.
  addEventListener("hashchange", () => {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (row && row.hidden) {
      text.value = ""; status.value = ""; step.value = ""; required.checked = false;
      filter();
      row.scrollIntoView();
    }
  });
})();
