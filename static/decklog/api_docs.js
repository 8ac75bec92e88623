"use strict";

/* Draws the OpenAPI document. Requests that are tried here go out with the reader's own session. */
(() => {
  const place = document.getElementById("api-docs");
  const system = window.matchMedia("(prefers-color-scheme: dark)");

  /* Swagger UI is dark when its class stands on the root; it knows neither our cookie nor the system's wish. */
  const followTheme = () => {
    const theme = document.documentElement.dataset.bsTheme;
    const isDark = theme === "dark" || (theme === "system" && system.matches);
    document.documentElement.classList.toggle("dark-mode", isDark);
  };
  followTheme();
  system.addEventListener("change", followTheme);

  window.SwaggerUIBundle({
    url: place.dataset.document,
    domNode: place,
    presets: [window.SwaggerUIBundle.presets.apis],
    layout: "BaseLayout",
    validatorUrl: null,
    deepLinking: true,
    defaultModelsExpandDepth: 0,
    docExpansion: "list",
    displayRequestDuration: true,
    requestInterceptor: (request) => {
      const isOurs = new URL(request.url, document.baseURI).origin === window.location.origin;
      if (isOurs && request.method && request.method !== "GET") {
        request.headers["X-CSRFToken"] = place.dataset.csrfToken;
      }
      return request;
    },
  });
})();
