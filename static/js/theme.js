// Light, dark or as the system has it; remembered in this browser. Runs before the first paint.
(() => {
  const KEY = "tradebot-theme";
  const CHOICES = ["system", "light", "dark"];

  const read = () => {
    try {
      return localStorage.getItem(KEY) ?? "system";
    } catch {
      return "system"; // storage is off in some private windows
    }
  };

  const write = (choice) => {
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // The choice then lasts for this page only.
    }
  };

  const apply = (choice) => {
    if (choice === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = choice;
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      const label = choice === "system" ? "Theme: as the system" : `Theme: ${choice}`;
      button.title = label;
      button.setAttribute("aria-label", label);
    }
    window.dispatchEvent(new Event("theme-changed"));
  };

  let choice = read();
  apply(choice);
  document.addEventListener("DOMContentLoaded", () => apply(choice));
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    choice = CHOICES[(CHOICES.indexOf(choice) + 1) % CHOICES.length];
    write(choice);
    apply(choice);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => apply(choice));
})();
