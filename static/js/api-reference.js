// Shows our OpenAPI document in Swagger UI; requests go to the server of this page.
const dark = matchMedia("(prefers-color-scheme: dark)");
const followTheme = () => {
  const theme = document.documentElement.dataset.theme;
  document.documentElement.classList.toggle("dark-mode", theme ? theme === "dark" : dark.matches);
};
dark.addEventListener("change", followTheme);
new MutationObserver(followTheme).observe(document.documentElement, { attributeFilter: ["data-theme"] });
followTheme();

// Swagger UI uses the URL's fragment itself.
document.querySelector(".skip").addEventListener("click", () => document.getElementById("main").focus());

const place = document.getElementById("api-reference");
SwaggerUIBundle({
  url: place.dataset.document,
  domNode: place,
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  persistAuthorization: false,
  tryItOutEnabled: true,
  supportedSubmitMethods: ["get", "post", "delete"],
  validatorUrl: null,
  // This page already has a main landmark and a title.
  onComplete: () => {
    place.querySelector("main")?.setAttribute("role", "group");
    place.querySelector("h1")?.setAttribute("aria-level", "2");
  },
});
