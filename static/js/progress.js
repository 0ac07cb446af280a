// Asks how far something is, and shows the result once it is through.
const place = document.querySelector("[data-progress]");
const ask = async () => {
  try {
    const answer = await fetch(place.dataset.progress, { headers: { Accept: "application/json" } });
    const state = await answer.json();
    if (state.is_finished) return location.reload();
    place.querySelector("[data-done]").textContent = state.done;
    place.querySelector("progress").value = state.done;
  } catch {
    // Asked again below.
  }
  setTimeout(ask, 1500);
};
if (place) setTimeout(ask, 1000);
