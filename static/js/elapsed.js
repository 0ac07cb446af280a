// How long a session has lasted so far: the server's words, kept going by this browser's clock.

const shown = document.querySelector("[data-elapsed-since]");

if (shown) {
  const language = document.documentElement.lang;
  const ahead = Date.now() - Date.parse(shown.dataset.now);
  const start = Date.parse(shown.dataset.elapsedSince);
  const part = (value, unit) =>
    new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(value);

  const show = () => {
    const seconds = Math.max(0, Math.floor((Date.now() - ahead - start) / 1000));
    const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
    const parts = [part(minutes, "minute"), part(seconds % 60, "second")];
    shown.textContent = (hours ? [part(hours, "hour"), ...parts] : parts).join(" ");
  };

  show();
  setInterval(show, 1000);
}
