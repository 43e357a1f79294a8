// Does a Runner start a run from Prefect's own UI?
import { context, open, signIn } from "./stage.mjs";

const [url, name, password, deployment] = process.argv.slice(2);
const browser = await open();
try {
  const page = await (await context(browser, url)).newPage();
  await signIn(page, url, name, password);
  await page.goto(`/v2/deployments/deployment/${deployment}`);
  await page.getByRole("button", { name: /^run$/i }).click();
  const made = page.waitForResponse((response) => response.url().endsWith("/create_flow_run"));
  await page.getByRole("menuitem", { name: /quick run/i }).click();
  const response = await made;
  if (response.status() !== 201) throw new Error(`create_flow_run: ${response.status()} ${await response.text()}`);
  console.log((await response.json()).id);
} finally {
  await browser.close();
}
