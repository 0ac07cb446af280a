// <button data-copy="id-of-element">: copies that element's value or text, and says so on the button.
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  const source = document.getElementById(button.dataset.copy);
  const label = button.querySelector("[data-copy-label]") ?? button.lastChild;
  const before = label.textContent;
  try {
    await navigator.clipboard.writeText((source.value ?? source.textContent).trim());
    label.textContent = button.dataset.copied ?? before;
    announce(label.textContent);
    setTimeout(() => (label.textContent = before), 2000);
  } catch {
    // The clipboard is closed to us: mark the text, so that one key copies it.
    if (source.select) source.select();
    else getSelection().selectAllChildren(source);
  }
});

function announce(text) {
  const region = document.querySelector(".messages[role=status]");
  if (!region) return;
  const words = document.createElement("p");
  words.className = "visually-hidden";
  words.textContent = text;
  region.append(words);
  setTimeout(() => words.remove(), 4000);
}
