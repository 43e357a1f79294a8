// The code of an authenticator app: node code.mjs SECRET [STEPS-FROM-NOW]
import { TOTP } from "otpauth";

export function code(secret, steps = 0) {
  return new TOTP({ secret: secret.replaceAll(" ", "") }).generate({ timestamp: Date.now() + steps * 30_000 });
}

if (process.argv[1].endsWith("code.mjs")) console.log(code(process.argv[2], Number(process.argv[3] ?? 0)));
