// <button data-print>: prints the page; css/print.css says what of it.
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-print]")) print();
});
