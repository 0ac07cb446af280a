// Menus are popovers and need no script; this adds what popovers leave out.

// The page grew wide enough for the navigation to stand beside it: take it out of the top layer.
const navigation = document.getElementById("navigation");
matchMedia("(min-width: 64rem)").addEventListener("change", (event) => {
  if (event.matches && navigation?.matches(":popover-open")) navigation.hidePopover();
});

// The keyboard left an open menu: close it, so that it covers nothing that has the focus.
for (const menu of document.querySelectorAll("[popover]")) {
  menu.addEventListener("focusout", (event) => {
    const next = event.relatedTarget;
    if (next && !menu.contains(next) && next.getAttribute("popovertarget") !== menu.id && menu.matches(":popover-open")) {
      menu.hidePopover();
      next.focus();
    }
  });
}

// Choosing a theme.
const themes = document.querySelector("[data-themes]");
if (themes) {
  const chosen = document.documentElement.dataset.theme ?? "";
  for (const radio of themes.querySelectorAll("input")) radio.checked = radio.value === chosen;
  themes.addEventListener("change", (event) => {
    const theme = event.target.value;
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
    try {
      if (theme) localStorage.setItem("theme", theme);
      else localStorage.removeItem("theme");
    } catch {
      // It then lasts until the next page.
    }
  });
}

// Messages stay until they are read.
document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-dismiss]");
  if (!button) return;
  button.closest(".message").remove();
  document.getElementById("main").focus();
});
