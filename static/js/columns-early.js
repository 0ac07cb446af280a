// Runs before the table is drawn: <script src="columns-early.js" data-columns="key-in-localStorage">.
// The columns that were hidden are named on the root element, and columns.css hides them from the first paint on.
(() => {
  try {
    const chosen = JSON.parse(localStorage.getItem(document.currentScript.dataset.columns)) ?? {};
    const hidden = Object.keys(chosen).filter((column) => chosen[column] === false && column !== "name");
    document.documentElement.dataset.hiddenColumns = hidden.join(" ");
  } catch {
    // No storage, or nothing of ours in it: all columns show.
  }
})();
