// Swagger UI over our own OpenAPI document; requests go to the server this page came from.
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
});
