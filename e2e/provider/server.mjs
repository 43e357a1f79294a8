// A certified OpenID provider, with Lictor, a job that has tokens of its own, and people whose groups a test changes: `node server.mjs PORT GATEWAY`.
import { generateKeyPairSync } from "node:crypto";
import http from "node:http";
import Provider from "oidc-provider";

const [port, gateway] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const groups = new Map();

// One key of each kind.
const key = (kind, options, alg) => ({ ...generateKeyPairSync(kind, options).privateKey.export({ format: "jwk" }), kid: alg, alg, use: "sig" });
const keys = [key("rsa", { modulusLength: 2048 }, "RS256"), key("ec", { namedCurve: "P-256" }, "ES256")];

const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "lictor",
      client_secret: "s3cret:with/odd+letters",
      grant_types: ["authorization_code", "refresh_token"],
      redirect_uris: [`${gateway}/lictor/sso/certified/callback`],
      post_logout_redirect_uris: [`${gateway}/lictor/sign-in`],
      backchannel_logout_uri: `${gateway}/lictor/sso/certified/back-channel-logout`,
      backchannel_logout_session_required: true,
    },
    {
      client_id: "job",
      client_secret: "the job's own secret",
      grant_types: ["client_credentials"],
      response_types: [],
      redirect_uris: [],
    },
  ],
  jwks: { keys },
  claims: { openid: ["sub", "sid"], profile: ["preferred_username"], groups: ["groups"] },
  scopes: ["openid", "profile", "groups", "offline_access"],
  cookies: { keys: ["a key of the tests"] },
  features: {
    clientCredentials: { enabled: true },
    introspection: { enabled: true, allowedPolicy: (_, client) => client.clientId === "lictor" },
    revocation: { enabled: true },
    // A resource says which form its access tokens have: as a JWT, or opaque.
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (_, resource) => ({
        scope: "",
        audience: resource,
        accessTokenTTL: resource.endsWith("/short") ? 2 : 600,
        accessTokenFormat: resource.startsWith("urn:opaque:") ? "opaque" : "jwt",
        jwt: { sign: { alg: resource.endsWith("/es") ? "ES256" : "RS256" } },
      }),
    },
    backchannelLogout: { enabled: true }, rpInitiatedLogout: { enabled: true }, devInteractions: { enabled: true },
  },
  issueRefreshToken: () => true,
  // Its own rule against asking machines of a private network would keep it from telling this one of a logout.
  fetch: (url, { dispatcher: _, ...options }) => fetch(url, options),
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, preferred_username: id, groups: groups.get(id) ?? [] }),
  }),
});

// What could not be told is shown, with why.
provider.on("backchannel.error", (_, error) => console.error("back-channel logout:", error.message, error.cause ?? ""));

// The test puts people into groups; everything else is the provider's.
const oidc = provider.callback();
http
  .createServer((request, response) => {
    if (request.method !== "PUT" || !request.url.startsWith("/groups/")) return oidc(request, response);
    let body = "";
    request.on("data", (data) => (body += data));
    request.on("end", () => {
      groups.set(decodeURIComponent(request.url.slice("/groups/".length)), JSON.parse(body));
      response.writeHead(204).end();
    });
  })
  .listen(Number(port), "127.0.0.1", () => console.log("ready"));
