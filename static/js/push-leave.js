// On pages where nobody is signed in: alerts of whoever was leave this browser with them.
const registered = await navigator.serviceWorker?.getRegistration("/");
registered?.active?.postMessage("drop");
