// A page that is left frees its kernel, also one that is left before its widgets have loaded:
// from then on Voilà says goodbye too, and the server minds no second one.
addEventListener("pagehide", (event) => {
  if (event.persisted) return; // the browser keeps the page, and may show it again
  const { baseUrl, kernelId } = JSON.parse(document.getElementById("jupyter-config-data").text);
  navigator.sendBeacon(`${baseUrl}voila/api/shutdown/${kernelId}`);
});
