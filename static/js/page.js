// Another page of the portal, as a document. The browser reads it while it comes in: no script makes
// markup out of text, which the policy (Trusted Types) refuses. Its scripts do not run.

export function readPage(url, { method = "GET", body = null } = {}) {
  return new Promise((resolve, reject) => {
    const call = new XMLHttpRequest();
    call.open(method, url);
    call.responseType = "document";
    call.setRequestHeader("Accept", "text/html");
    call.addEventListener("load", () => {
      const ok = call.status >= 200 && call.status < 300;
      resolve({ page: call.responseXML, url: call.responseURL, ok });
    });
    for (const failed of ["error", "abort", "timeout"]) {
      call.addEventListener(failed, () => reject(new Error(`no page: ${failed}`)));
    }
    call.send(body);
  });
}
